/** Calls of gRPC, made by this page through gRPC-Web. */

import { byId, make, setText } from './dom.js';
import { bytes, clock, percent, rate } from './format.js';
import { call, fields } from './grpc-web.js';

const SERVICE = 'millrace.dashboard.v1.Dashboard';
/** Answers that are shown. */
const MOST_ANSWERS = 200;

/** @param {Uint8Array} message @returns {string} */
function systemText(message) {
  const found = fields(message);
  const number = (/** @type {number} */ field) => Number(found.get(field)?.[0] ?? 0);
  const cores = (found.get(3) ?? []).map((permille) => percent(Number(permille) / 1000)).join(' ');
  const network = `${rate(number(6))} in, ${rate(number(7))} out`;
  return `#${number(1)}  ${clock(number(2))}  cores ${cores}  memory ${bytes(number(4))} of ${bytes(number(5))}  network ${network}`;
}

/** @param {Uint8Array} message @returns {string} */
function logText(message) {
  const found = fields(message);
  const [number, time, level, source, text] = [1, 2, 3, 4, 5].map((field) => found.get(field)?.[0] ?? '');
  return `#${number}  ${clock(Number(time))}  ${level}  ${source}  ${text}`;
}

export class GrpcView {
  constructor() {
    this.list = byId('grpc-answers');
    /** @type {AbortController | undefined} */
    this.running = undefined;
    byId('grpc-get').addEventListener('click', () => this.start('GetSystem', [], systemText));
    byId('grpc-system').addEventListener('click', () => this.start('WatchSystem', [], systemText));
    byId('grpc-log').addEventListener('click', () => this.start('WatchLog', ['info'], logText));
    byId('grpc-stop').addEventListener('click', () => this.running?.abort());
    setText(byId('grpc-hint'), `grpcurl -plaintext ${location.host} list\ngrpcurl -plaintext ${location.host} ${SERVICE}/WatchSystem`);
  }

  /**
   * @param {string} method
   * @param {string[]} texts of the request
   * @param {(message: Uint8Array) => string} show
   */
  async start(method, texts, show) {
    this.running?.abort();
    const abort = new AbortController();
    this.running = abort;
    this.list.replaceChildren();
    byId('grpc-stop').disabled = false;
    const tell = (/** @type {string} */ state) => this.running === abort && setText(byId('grpc-state'), `${method}: ${state}`);
    tell('calling');
    let answers = 0;
    try {
      for await (const message of call(`${SERVICE}/${method}`, texts, abort.signal)) {
        if (this.running !== abort) return;
        this.list.append(make('li', { text: show(message) }));
        if (this.list.children.length > MOST_ANSWERS) this.list.firstElementChild.remove();
        this.list.scrollTop = this.list.scrollHeight;
        tell(`${++answers} ${answers === 1 ? 'answer' : 'answers'}`);
      }
      tell(`${answers} ${answers === 1 ? 'answer' : 'answers'}, status OK`);
    } catch (error) {
      tell(abort.signal.aborted ? `stopped after ${answers} answers` : /** @type {Error} */ (error).message);
    }
    if (this.running === abort) byId('grpc-stop').disabled = true;
  }
}
