/** Whether the page hears from its server. */

import { byId, setText } from './dom.js';

const STATES = { live: 'Live', lost: 'Reconnecting' };

/** @param {'live' | 'lost'} state */
export function tellState(state) {
  byId('state').dataset.state = state;
  setText(byId('state'), STATES[state]);
}
