/** Pipelines as rows of stages. Rows are kept from one snapshot to the next, so that what is read or focused stays. */

import { make, setText } from './dom.js';
import { bytes, count, duration, percent, rate } from './format.js';

const STATES = { running: 'Running', finished: 'Finished', failed: 'Failed' };
const TIMES = /** @type {const} */ ([['busy', 'Busy'], ['starved', 'Starved'], ['heldBack', 'Held back']]);

export class PipelinesView {
  /**
   * @param {HTMLElement} place
   * @param {HTMLElement} sum
   */
  constructor(place, sum) {
    this.sum = sum;
    /** @type {Map<number, ReturnType<typeof pipelineRow>>} */
    this.rows = new Map();
    this.empty = make('p', { class: 'empty', text: 'No pipeline is at work. One shows here as soon as a stage is used.' });
    this.list = make('ol', { class: 'pipelines', 'aria-label': 'Pipelines' });
    place.append(legend(), this.empty, this.list);
  }

  /** @param {{ time: number, pipelines: any[], more: number }} snapshot */
  show({ time, pipelines, more }) {
    const seen = new Set();
    pipelines.forEach((pipeline, index) => {
      seen.add(pipeline.id);
      let row = this.rows.get(pipeline.id);
      if (row === undefined) this.rows.set(pipeline.id, (row = pipelineRow(pipeline.id)));
      row.show(pipeline, time);
      if (this.list.children[index] !== row.item) this.list.insertBefore(row.item, this.list.children[index] ?? null);
    });
    for (const [id, { item }] of this.rows) {
      if (seen.has(id)) continue;
      item.remove();
      this.rows.delete(id);
    }
    this.empty.hidden = pipelines.length > 0;
    const running = pipelines.filter(({ state }) => state === 'running').length;
    const others = more > 0 ? `, and ${count(more)} more` : '';
    setText(this.sum, `${running} running${others}, ${pipelines.length - running} finished lately`);
  }
}

/** @returns {HTMLElement} what the colours mean */
function legend() {
  const keys = TIMES.map(([name, text]) => make('li', { class: `time ${name}`, text }));
  return make('ul', { class: 'legend', 'aria-label': 'What the bars show' }, keys);
}

/** @param {number} id */
function pipelineRow(id) {
  const state = make('span', { class: 'badge' });
  const name = make('h2', { class: 'pipeline-name', id: `pipeline-${id}` });
  const facts = make('p', { class: 'facts' });
  const trouble = make('p', { class: 'trouble' });
  const stages = make('ol', { class: 'stages' });
  const head = make('header', { class: 'pipeline-head' }, [state, name, facts]);
  const item = make('li', { class: 'card pipeline', 'aria-labelledby': `pipeline-${id}` }, [head, trouble, stages]);
  /** @type {ReturnType<typeof stageBox>[]} */
  const boxes = [];
  return {
    item,
    /**
     * @param {any} pipeline
     * @param {number} time of the snapshot
     */
    show(pipeline, time) {
      item.dataset.state = pipeline.state;
      setText(state, STATES[/** @type {keyof typeof STATES} */ (pipeline.state)]);
      setText(name, `#${id}  ${pipeline.stages.map((/** @type {any} */ { stage }) => stage).join(' → ')}`);
      setText(facts, factsOf(pipeline, time));
      trouble.hidden = pipeline.error === null;
      if (pipeline.error !== null) setText(trouble, `${pipeline.error.stage}: ${pipeline.error.message} [${pipeline.error.code}]`);
      while (boxes.length > pipeline.stages.length) /** @type {any} */ (boxes.pop()).item.remove();
      pipeline.stages.forEach((/** @type {any} */ stage, /** @type {number} */ index) => {
        if (boxes[index] === undefined) stages.append((boxes[index] = stageBox()).item);
        boxes[index].show(stage, index === pipeline.bottleneck);
      });
    },
  };
}

/**
 * @param {any} pipeline
 * @param {number} time
 * @returns {string}
 */
function factsOf({ began, ended, stages }, time) {
  const ms = (ended ?? time) - began;
  const rows = Math.max(...stages.map((/** @type {any} */ { rowsIn }) => rowsIn));
  const rejected = stages.reduce((/** @type {number} */ sum, /** @type {any} */ stage) => sum + stage.rejected, 0);
  // Those in front may have done their part.
  const taken = stages.find((/** @type {any} */ { native, done }) => native && (ended !== null || !done)) ?? stages[0];
  const speed = ended === null ? Math.max(taken.inPerSecond, taken.outPerSecond) : (1000 * taken.bytesOut) / Math.max(ms, 1);
  return [
    duration(Math.max(ms, 0)),
    ...(ms > 0 ? [rate(speed)] : []),
    ...(rows > 0 ? [`${count(rows)} rows`] : []),
    ...(rejected > 0 ? [`${count(rejected)} rejected`] : []),
  ].join('  ·  ');
}

/** @param {any} stage @returns {string} */
function titleOf({ native, fused }) {
  if (!native) return 'JavaScript: all that is known is what its neighbours wait for';
  return fused ? 'Native, linked to the next stage' : 'Native';
}

/** One stage: what went through it, where its time goes, how full its queue is. */
function stageBox() {
  const name = make('span', { class: 'stage-name' });
  const mark = make('span', { class: 'badge bottleneck', text: 'Bottleneck' });
  const parts = TIMES.map(([kind]) => make('span', { class: `bar-part ${kind}` }));
  const bar = make('div', { class: 'bar', role: 'img' }, parts);
  const fill = make('div', { class: 'fill-level' });
  const track = make('div', { class: 'fill', role: 'img' }, [fill]);
  const [through, speed, rows, queue] = ['', '', '', ''].map(() => make('dd'));
  const facts = [['In → out', through], ['Now', speed], ['Rows', rows], ['Queue', queue]].map(([term, value]) =>
    make('div', { class: 'stage-fact' }, [make('dt', { text: /** @type {string} */ (term) }), value]),
  );
  const item = make('li', { class: 'stage' }, [
    make('div', { class: 'stage-head' }, [name, mark]),
    bar,
    make('dl', {}, facts),
    track,
  ]);
  return {
    item,
    /**
     * @param {any} stage
     * @param {boolean} isBottleneck
     */
    show(stage, isBottleneck) {
      item.classList.toggle('is-bottleneck', isBottleneck);
      item.classList.toggle('is-done', stage.done);
      mark.hidden = !isBottleneck;
      setText(name, stage.stage);
      item.title = titleOf(stage);
      TIMES.forEach(([kind], index) => (parts[index].style.flexGrow = String(stage[kind])));
      bar.setAttribute('aria-label', TIMES.map(([kind, text]) => `${text} ${percent(stage[kind])}`).join(', '));
      setText(through, stage.native ? `${bytes(stage.bytesIn)} → ${bytes(stage.bytesOut)}` : 'JavaScript');
      setText(speed, stage.native && !stage.done ? `${rate(stage.inPerSecond)} → ${rate(stage.outPerSecond)}` : '–');
      facts[2].hidden = stage.rowsIn === 0;
      setText(rows, stage.rejected > 0 ? `${count(stage.rowsOut)}, ${count(stage.rejected)} rejected` : count(stage.rowsOut));
      const share = stage.queueLimit > 0 ? Math.min(stage.queuedBytes / stage.queueLimit, 1) : 0;
      setText(queue, stage.queueLimit > 0 ? `${bytes(stage.queuedBytes)} of ${bytes(stage.queueLimit)}` : bytes(stage.queuedBytes));
      track.setAttribute('aria-label', `Queue ${percent(share)} full`);
      fill.style.transform = `scaleX(${share})`;
    },
  };
}
