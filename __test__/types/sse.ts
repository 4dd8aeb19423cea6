import { createServer } from 'node:http';
import { Writable } from 'node:stream';
import { createChannel, createResponse, createSession, EventSource, Session, SessionOptions } from 'millrace/sse';

const channel = createChannel<{ room: string }>({ state: { room: 'a' }, history: { count: 10, maxAge: 1000 } });
const options: SessionOptions<{ user: string }> = { state: { user: 'me' }, onSlow: 'drop-oldest', retry: null, compress: { level: 1 } };

createServer(async (req, res) => {
  const session = await createSession(req, res, options);
  const writable: Writable = session;
  const user: string = session.state.user;
  session.push({ user }, 'hello', '1').write({ data: 1, event: 'n' });
  await session.iterate([1, 2], { eventName: 'n' });
  session.close({ retry: 1000, jitter: 500 });
  return writable;
});

const response: Response = createResponse(new Request('http://x/'), (session: Session) => void session.push(1));
const source = new EventSource('http://x/', { headers: { authorization: 'x' } });
source.onmessage = ({ data }) => String(data).toUpperCase();
source.onerror = ({ message, code }) => `${message} ${code?.toFixed()}`;
channel.broadcast(1, 'n', { filter: ({ lastId }) => lastId !== '' });
console.log(response.status, channel.state.room);

// @ts-expect-error no such policy
createSession(new Request('http://x/'), { onSlow: 'never' });
// @ts-expect-error milliseconds are numbers
channel.close({ retry: '1' });
