/** The live log: a WebSocket that the server filters for. */

import { byId, make, setText } from './dom.js';
import { clock, count } from './format.js';

/** Lines on the page. */
const MOST_LINES = 1000;
/** Milliseconds until a lost connection is tried again; it doubles up to the second. */
const [AGAIN_MS, AGAIN_MOST_MS] = [500, 8000];
/** Milliseconds without a key until a filter is sent. */
const TYPED_MS = 200;
/** Pixels from the end within which the log keeps to its end. */
const NEAR_END = 40;

export class LogsView {
  constructor() {
    this.list = byId('log-lines');
    this.level = byId('log-level');
    this.text = byId('log-text');
    this.pause = byId('log-pause');
    this.paused = false;
    this.missed = 0;
    this.againMs = AGAIN_MS;
    /** @type {WebSocket | undefined} */
    this.socket = undefined;
    this.level.addEventListener('change', () => this.filter());
    this.text.addEventListener('input', () => {
      clearTimeout(this.typed);
      this.typed = setTimeout(() => this.filter(), TYPED_MS);
    });
    this.pause.addEventListener('click', () => {
      this.paused = !this.paused;
      this.pause.setAttribute('aria-pressed', String(this.paused));
      setText(this.pause, this.paused ? 'Go on' : 'Pause');
      this.send({ type: 'pause', paused: this.paused });
      this.tell();
    });
    byId('log-say').addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault();
      const input = byId('log-line');
      if (input.value.trim() === '' || !this.send({ type: 'say', text: input.value })) return;
      input.value = '';
    });
    this.open();
  }

  open() {
    const url = new URL('logs', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => {
      this.againMs = AGAIN_MS;
      this.filter();
      if (this.paused) this.send({ type: 'pause', paused: true });
      this.tell();
    };
    socket.onmessage = ({ data }) => this.receive(JSON.parse(data));
    socket.onclose = () => {
      this.tell();
      setTimeout(() => this.open(), this.againMs);
      this.againMs = Math.min(2 * this.againMs, AGAIN_MOST_MS);
    };
  }

  /** @param {object} message @returns {boolean} whether it was sent */
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  filter() {
    this.send({ type: 'filter', level: this.level.value, text: this.text.value });
  }

  /** @param {any} message */
  receive({ type, lines, missed }) {
    if (type === 'begin') {
      this.list.replaceChildren();
      this.missed = 0;
    } else if (type === 'lines') {
      const { list } = this;
      const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END;
      this.missed += missed;
      list.append(...lines.map(lineOf));
      while (list.children.length > MOST_LINES) list.firstElementChild.remove();
      if (isAtEnd) this.toEnd();
    }
    this.tell();
  }

  /** Shows the last line. */
  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
  }

  tell() {
    const isOpen = this.socket?.readyState === WebSocket.OPEN;
    const missed = this.missed > 0 ? `, ${count(this.missed)} came too fast for this page` : '';
    const state = isOpen ? (this.paused ? 'paused' : 'live') : 'reconnecting';
    setText(byId('log-state'), `${count(this.list.children.length)} lines, ${state}${missed}`);
  }
}

/** @param {any} line @returns {HTMLElement} */
function lineOf({ time, level, source, text }) {
  return make('li', { class: 'log-line', 'data-level': level }, [
    make('time', { text: clock(time), datetime: new Date(time).toISOString() }),
    make('span', { class: 'log-level', text: level }),
    make('span', { class: 'log-source', text: source }),
    make('span', { class: 'log-text', text }),
  ]);
}
