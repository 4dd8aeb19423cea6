import { createHub, Hub, HubEvent, Subscription } from 'millrace/hub';
import { Session } from 'millrace/sse';

const hub: Hub = createHub({ name: 'x', history: { count: 10, maxAge: 1000 }, mailboxBytes: 1024 });
const id: string = hub.publish('a/b', { any: 'thing' }, { event: 'e', key: 'k', scope: 's' });
const subscription: Subscription = hub.subscribe(['a/*', '**'], ({ data, topic }: HubEvent) => console.log(data, topic.length), {
  since: id,
  scopes: ['s'],
  onReset: (reason) => reason === 'history',
});
subscription.close();
declare const session: Session;
hub.attach(session, 'a', { since: id }).close();
const bytes: number = hub.stats().bytes + hub.subscribers('a') + hub.latest('a').length;
console.log(bytes, hub.lastId);

// @ts-expect-error no such option
hub.publish('a', 1, { topic: 'b' });
// @ts-expect-error a listener
hub.subscribe('a');
