/** The view of the machine. */

import { Chart } from './charts.js';
import { byId, make, setText } from './dom.js';
import { bytes, count, percent, rate } from './format.js';

/** Samples that are kept: five minutes, as on the server. */
const KEPT = 600;
/** Lines of single cores in the chart; with more it would be a tangle. */
const MOST_LINES = 16;

export class SystemView {
  /** @param {{ samples: any[], intervalMs: number }} history */
  constructor({ samples, intervalMs }) {
    this.intervalMs = intervalMs;
    /** @type {any[]} */
    this.samples = samples.slice(-KEPT);
    this.seconds = 60;
    this.received = samples.length;
    this.missed = 0;
    /** The sample that is pointed at; the last where that is nothing. @type {number | null} */
    this.pointed = null;
    const cores = samples.at(-1)?.cores.length ?? navigator.hardwareConcurrency;
    this.lines = cores > 1 && cores <= MOST_LINES ? cores : 0;
    const onPoint = (/** @type {number | null} */ index) => {
      if (index === this.pointed) return;
      this.pointed = index;
      this.tell();
    };
    const chart = (/** @type {string} */ id, /** @type {any} */ options) => new Chart(byId(id), { onPoint, ...options });
    const line = (/** @type {string} */ colour, fill = false) => ({ colour, fill });
    this.cpu = chart('cpu-plot', {
      max: 1,
      format: percent,
      series: [line('a', true), ...Array.from({ length: this.lines }, () => ({ colour: 'b', width: 1, opacity: 0.55 }))],
    });
    this.memory = chart('memory-plot', {
      format: bytes,
      max: samples.at(-1)?.memory.total,
      series: [line('a', true), line('b')],
    });
    this.network = chart('network-plot', { format: rate, floor: 1e4, series: [line('a', true), line('b', true), line('c')] });
    this.disk = chart('disk-plot', { format: rate, floor: 1e5, series: [line('a', true), line('b', true)] });
    this.memoryKeys = keys('memory-keys', ['In use', 'This process', 'Swap']);
    this.networkKeys = keys('network-keys', ['Received', 'Sent', 'Loopback']);
    this.diskKeys = keys('disk-keys', ['Read', 'Written']);
    this.cores = Array.from({ length: cores }, (_, index) => coreMeter(index));
    byId('cores').replaceChildren(...this.cores.map(({ item }) => item));
    byId('window').addEventListener('change', (/** @type {any} */ event) => {
      this.seconds = Number(event.target.value);
      this.draw();
    });
    this.draw();
    this.tell();
  }

  /** @param {any} sample */
  add(sample) {
    const last = this.samples.at(-1);
    // A sample that was in the history already.
    if (last !== undefined && sample.n <= last.n) return;
    if (last !== undefined) this.missed += sample.n - last.n - 1;
    this.received += 1;
    this.samples.push(sample);
    if (this.samples.length > KEPT) this.samples.shift();
    if (byId('view-system').hidden) return;
    this.draw();
    this.tell();
  }

  /** @param {{ samples: any[] }} history of a server that does not know what this page saw last */
  restart({ samples }) {
    this.samples = samples.slice(-KEPT);
    this.draw();
    this.tell();
  }

  draw() {
    const end = this.samples.at(-1)?.time ?? Date.now();
    const from = end - this.seconds * 1000;
    // One sample more, so that lines begin at the edge.
    const first = Math.max(this.samples.findIndex(({ time }) => time >= from) - 1, 0);
    const shown = this.samples.slice(first);
    this.shown = shown;
    /** @type {[number, number]} */
    const range = [from / 1000, end / 1000];
    const times = shown.map(({ time }) => time / 1000);
    const column = (/** @type {(sample: any) => number | null} */ value) => shown.map(value);
    const lines = Array.from({ length: this.lines }, (_, core) => column(({ cores }) => cores[core] ?? null));
    this.cpu.draw([times, column(({ cores }) => mean(cores)), ...lines], range);
    this.memory.draw([times, column(({ memory }) => memory.used), column(({ process }) => process.memory)], range);
    const { network } = this;
    network.draw(
      [times, column((s) => s.network.received), column((s) => s.network.sent), column((s) => s.network.loopback)],
      range,
    );
    this.disk.draw([times, column(({ disk }) => disk.read), column(({ disk }) => disk.written)], range);
  }

  /** Says in figures what is pointed at, or what is now. */
  tell() {
    const sample = (this.pointed === null ? undefined : this.shown?.[this.pointed]) ?? this.samples.at(-1);
    if (sample === undefined) return;
    const { cores, memory, network, disk, process } = sample;
    setText(byId('cpu-now'), percent(mean(cores)));
    cores.forEach((/** @type {number} */ share, /** @type {number} */ index) => this.cores[index]?.show(share));
    setText(byId('memory-now'), bytes(memory.used));
    setText(byId('memory-of'), `of ${bytes(memory.total)}`);
    this.memoryKeys([bytes(memory.used), bytes(process.memory), memory.swapTotal > 0 ? bytes(memory.swapUsed) : 'none']);
    setText(byId('network-now'), rate(network.received + network.sent));
    this.networkKeys([rate(network.received), rate(network.sent), rate(network.loopback)]);
    const isTold = disk.read !== null;
    setText(byId('disk-now'), isTold ? rate(disk.read + disk.written) : 'not told here');
    this.diskKeys(isTold ? [rate(disk.read), rate(disk.written)] : ['–', '–']);
    const missed = this.missed === 0 ? 'none missed' : `${count(this.missed)} missed`;
    const every = `every ${this.intervalMs} ms`;
    setText(byId('samples'), `Read natively ${every}. ${count(this.received)} samples on this page, ${missed}.`);
  }
}

/** @param {number[]} values @returns {number} */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / (values.length || 1);

/**
 * @param {string} id of a list
 * @param {string[]} names
 * @returns {(values: string[]) => void}
 */
function keys(id, names) {
  const outputs = names.map((name, index) => {
    const output = make('output', { 'aria-live': 'off' });
    byId(id).append(make('li', { class: 'abc'[index] }, [make('span', { text: name }), output]));
    return output;
  });
  return (values) => values.forEach((value, index) => setText(outputs[index], value));
}

/** @param {number} index @returns {{ item: HTMLElement, show: (share: number) => void }} */
function coreMeter(index) {
  const value = make('output', { 'aria-live': 'off' });
  const level = make('div', { class: 'core-level' });
  const track = make('div', { class: 'core-track' }, [level]);
  const item = make('li', { class: 'core' }, [make('span', { text: `Core ${index + 1}` }), value, track]);
  return {
    item,
    show(share) {
      setText(value, percent(share));
      level.style.transform = `scaleX(${share})`;
    },
  };
}
