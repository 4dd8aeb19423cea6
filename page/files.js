/** Files: what is dropped here goes up, through one native chain, and comes back as a download; a folder to be downloaded. */

import { byId, make, setText } from './dom.js';
import { bytes, count, duration, percent, rate } from './format.js';

/** Jobs that are shown. */
const MOST_JOBS = 20;
/** Of a file's beginning or end, for a look. */
const LOOK_BYTES = 4096;
/** @type {Record<string, string>} */
const STATES = { waiting: 'Waiting', running: 'Running', done: 'Done', failed: 'Failed' };

export class FilesView {
  constructor() {
    /** @type {Map<string, ReturnType<typeof jobCard>>} */
    this.cards = new Map();
    this.list = byId('jobs');
    const [zone, input] = [byId('drop'), byId('drop-input')];
    input.addEventListener('change', () => {
      this.take(input.files);
      input.value = '';
    });
    for (const name of ['dragenter', 'dragover']) {
      zone.addEventListener(name, (/** @type {DragEvent} */ event) => {
        event.preventDefault();
        zone.classList.add('is-over');
      });
    }
    for (const name of ['dragleave', 'drop']) zone.addEventListener(name, () => zone.classList.remove('is-over'));
    zone.addEventListener('drop', (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      this.take(/** @type {DataTransfer} */ (event.dataTransfer).files);
    });
    // Beside the zone a dropped file would replace the page.
    for (const name of ['dragover', 'drop']) addEventListener(name, (event) => event.preventDefault());
    byId('folder-again').addEventListener('click', () => this.listFolder());
  }

  /** @param {FileList} files */
  take(files) {
    for (const file of files) void this.send(file);
  }

  /** @param {File} file */
  async send(file) {
    const card = jobCard(file.name);
    this.list.prepend(card.item);
    while (this.list.children.length > MOST_JOBS) this.list.lastElementChild.remove();
    try {
      const query = new URLSearchParams({ name: file.name, size: String(file.size) });
      const opened = await fetch(`jobs?${query}`, { method: 'POST' });
      if (!opened.ok) throw new Error((await opened.text()).trim());
      const { id } = await opened.json();
      this.cards.set(id, card);
      // The browser saves what comes back while the file still goes up.
      const link = make('a', { href: `jobs/${id}/output`, download: '' });
      link.click();
      await fetch(`jobs/${id}/input`, { method: 'PUT', body: file });
    } catch (error) {
      card.fail(/** @type {Error} */ (error).message);
    }
  }

  /** @param {any} progress */
  show(progress) {
    let card = this.cards.get(progress.id);
    if (card === undefined) {
      // Of another page, or of this one before it was loaded again.
      card = jobCard(progress.name);
      this.cards.set(progress.id, card);
      this.list.prepend(card.item);
    }
    card.show(progress);
    byId('jobs-empty').hidden = true;
    if (progress.state === 'done') setText(byId('jobs-told'), `${progress.name} is done`);
  }

  async listFolder() {
    const answer = await fetch('folder');
    const { files, more } = await answer.json();
    byId('folder').hidden = files === null;
    byId('folder-none').hidden = files !== null;
    if (files === null) return;
    byId('folder-list').replaceChildren(...files.map(fileRow));
    setText(byId('folder-sum'), `${count(files.length)} files${more > 0 ? `, and ${count(more)} more` : ''}`);
  }
}

/** @param {string} name */
function jobCard(name) {
  const state = make('span', { class: 'badge', text: 'Waiting' });
  const bar = make('progress', { max: '1', value: '0', 'aria-label': `Progress of ${name}` });
  const facts = make('p', { class: 'facts' });
  const digest = make('p', { class: 'digest' });
  const trouble = make('p', { class: 'trouble' });
  const rows = make('tbody');
  const table = make('table', { class: 'rejects' }, [
    make('caption', { text: 'Rejected rows' }),
    make('thead', {}, [make('tr', {}, ['Line', 'Reason', 'Row'].map((text) => make('th', { scope: 'col', text })))]),
    rows,
  ]);
  const scroller = make('div', { class: 'scroller', tabindex: '0', role: 'region', 'aria-label': 'Rejected rows' }, [table]);
  const head = make('div', { class: 'job-head' }, [make('h3', { class: 'job-name', text: name }), state]);
  const item = make('li', { class: 'card job' }, [head, bar, facts, digest, trouble, scroller]);
  digest.hidden = trouble.hidden = scroller.hidden = true;
  let isOver = false;
  const fail = (/** @type {string} */ message) => {
    if (isOver) return;
    setText(state, 'Failed');
    item.dataset.state = 'failed';
    trouble.hidden = false;
    setText(trouble, message);
  };
  return {
    item,
    fail,
    /** @param {any} progress */
    show(progress) {
      const { state: now, size, bytesIn, bytesOut, rowsIn, rejected, ms, error, rejects, sha256 } = progress;
      item.dataset.state = now;
      setText(state, STATES[now]);
      const share = now === 'done' ? 1 : size ? Math.min(bytesIn / size, 1) : 0;
      bar.value = share;
      const speed = ms > 0 ? [rate((1000 * bytesIn) / ms)] : [];
      const facts_ = [percent(share), `${bytes(bytesIn)} → ${bytes(bytesOut)}`, ...speed, duration(ms), `${count(rowsIn)} rows`];
      setText(facts, [...facts_, `${count(rejected)} rejected`].join('  ·  '));
      digest.hidden = sha256 === null;
      setText(digest, `SHA-256 of the download: ${sha256}`);
      isOver = now === 'done';
      trouble.hidden = true;
      if (error !== null) fail(`${error.message} [${error.code}]`);
      scroller.hidden = rejects.length === 0;
      if (rejects.length === 0) return;
      rows.replaceChildren(...rejects.map(rejectedRow));
      if (rejected > rejects.length) {
        rows.append(make('tr', {}, [make('td', { colspan: '3', text: `and ${count(rejected - rejects.length)} more` })]));
      }
    },
  };
}

/** @param {any} rejected @returns {HTMLElement} */
function rejectedRow({ line, reason, row }) {
  const cells = [make('td', { text: count(line) }), make('td', { text: reason }), make('td', {}, [make('code', { text: row })])];
  return make('tr', {}, cells);
}

/** @param {{ name: string, size: number, modified: number }} file @returns {HTMLElement} */
function fileRow({ name, size, modified }) {
  const href = `folder/${encodeURIComponent(name)}`;
  const at = new Date(modified);
  const sight = make('pre', { class: 'sight' });
  sight.hidden = true;
  const look = (/** @type {string} */ text, /** @type {string} */ range) => {
    const button = make('button', { class: 'button small', type: 'button', text, 'aria-label': `${text} of ${name}` });
    button.addEventListener('click', async () => {
      const answer = await fetch(href, { headers: { range } });
      const from = answer.headers.get('content-range') ?? 'the whole file';
      sight.textContent = `${answer.status}  ${from}\n${await answer.text()}`;
      sight.hidden = false;
    });
    return button;
  };
  // What is compressed is nothing to look at.
  const looks = /\.(gz|zst|br|zip|png|jpe?g|webp|webm)$/i.test(name) || size === 0
    ? []
    : [look('Beginning', `bytes=0-${LOOK_BYTES - 1}`), look('End', `bytes=-${LOOK_BYTES}`)];
  return make('li', { class: 'file' }, [
    make('a', { class: 'file-name', href, download: name, text: name }),
    make('span', { class: 'file-size', text: bytes(size) }),
    make('time', { class: 'file-time', datetime: at.toISOString(), text: at.toLocaleString('en-GB') }),
    make('span', { class: 'file-looks' }, looks),
    sight,
  ]);
}
