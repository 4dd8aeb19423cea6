/** The one event stream of the page. The browser reconnects by itself and names the last event that it saw. */

/** Where the stream ended for good, as with a server that is not there: milliseconds until it is tried again. */
const AGAIN_MS = 2000;

export class Feed {
  /**
   * @param {string} url
   * @param {string} lastEventId where it begins
   * @param {(state: 'live' | 'lost') => void} onState
   */
  constructor(url, lastEventId, onState) {
    this.url = url;
    this.lastEventId = lastEventId;
    this.onState = onState;
    /** @type {Map<string, (data: any) => void>} */
    this.listeners = new Map();
    this.open();
  }

  open() {
    const source = new EventSource(`${this.url}?lastEventId=${encodeURIComponent(this.lastEventId)}`);
    this.source = source;
    source.onopen = () => this.onState('live');
    source.onerror = () => {
      this.onState('lost');
      // A status that is no success ends an EventSource; a server that stops answers so for a moment.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.open(), AGAIN_MS);
    };
    for (const [name, listener] of this.listeners) this.listen(source, name, listener);
  }

  /**
   * @param {string} name of events
   * @param {(data: any) => void} listener
   */
  on(name, listener) {
    this.listeners.set(name, listener);
    this.listen(/** @type {EventSource} */ (this.source), name, listener);
  }

  /**
   * @param {EventSource} source
   * @param {string} name
   * @param {(data: any) => void} listener
   */
  listen(source, name, listener) {
    source.addEventListener(name, (/** @type {any} */ event) => {
      if (event.lastEventId !== '') this.lastEventId = event.lastEventId;
      listener(JSON.parse(event.data));
    });
  }
}
