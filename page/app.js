/** The dashboard: its views, and the event stream that feeds them. */

import { themeButton } from './theme.js';
import { byId } from './dom.js';
import { Feed } from './feed.js';
import { FilesView } from './files.js';
import { GrpcView } from './grpc.js';
import { LogsView } from './logs.js';
import { PipelinesView } from './pipelines.js';
import { tellState } from './state.js';
import { SystemView } from './system.js';
import { tabs } from './tabs.js';

/** Milliseconds until a server that is not there is asked again. */
const AGAIN_MS = 2000;
/** @returns {Promise<any>} once the server answers */
async function history() {
  for (;;) {
    try {
      const answer = await fetch('system');
      if (answer.ok) return await answer.json();
    } catch {
      // Told by the state.
    }
    tellState('lost');
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

themeButton(byId('theme'));
const begun = await history();
const system = new SystemView(begun);
const feed = new Feed('events', begun.lastEventId, tellState);
feed.on('system', (sample) => system.add(sample));
const pipelines = new PipelinesView(byId('pipelines'), byId('pipelines-sum'));
feed.on('pipelines', (snapshot) => pipelines.show(snapshot));
const files = new FilesView();
feed.on('job', (progress) => files.show(progress));
const logs = new LogsView();
void new GrpcView();
// Another life of the server, or too long away: what was missed is not to be had, and this is said by beginning anew.
feed.on('reset', async () => system.restart(await history()));
tabs(/** @type {HTMLElement} */ (document.querySelector('[role=tablist]')), (name) => {
  if (name === 'system') system.draw();
  if (name === 'logs') logs.toEnd();
  if (name === 'files') void files.listFolder();
});
