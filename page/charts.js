/** Charts of the last minutes, by uPlot. */

import uPlot from './uplot.js';
import { onTheme } from './theme.js';

/** @param {string} name of a custom property @returns {string} */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/**
 * @typedef {object} Series
 * @property {string} colour a custom property without its dashes
 * @property {number} [width] of its line. Defaults to 1.75.
 * @property {boolean} [fill] whether the area under it is filled
 * @property {number} [opacity] 0 to 1
 */

export class Chart {
  /**
   * @param {HTMLElement} place
   * @param {object} options
   * @param {Series[]} options.series
   * @param {(value: number) => string} options.format
   * @param {number} [options.max] of the scale; the largest value seen, and a little, unless given
   * @param {number} [options.floor] the least that the scale shows
   * @param {(index: number | null) => void} [options.onPoint] is told which sample is pointed at
   */
  constructor(place, { series, format, max, floor = 1, onPoint }) {
    this.place = place;
    this.options = { series, format, max, floor, onPoint };
    /** @type {[number, number]} */
    this.range = [0, 1];
    /** @type {any} */
    this.data = [[], ...series.map(() => [])];
    /** @type {uPlot} */
    this.plot = this.build();
    onTheme(() => {
      this.plot.destroy();
      this.plot = this.build();
    });
    new ResizeObserver(() => this.fit()).observe(place);
  }

  /** @returns {uPlot} in the colours of now */
  build() {
    const { series, format, max, floor, onPoint } = this.options;
    const grid = { stroke: colour('line'), width: 1 };
    const axis = { stroke: colour('quiet'), grid, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    return new uPlot(
      {
        ...this.size(),
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 }, sync: { key: 'system' } },
        hooks: { setCursor: [(/** @type {any} */ plot) => onPoint?.(plot.cursor.idx ?? null)] },
        scales: {
          x: { time: true, range: () => this.range },
          y: { range: (_plot, _least, most) => [0, max ?? Math.max(floor, (most ?? 0) * 1.15)] },
        },
        axes: [
          { ...axis, space: 70, size: 26, values: [[60, '{HH}:{mm}'], [1, '{HH}:{mm}:{ss}']] },
          { ...axis, size: 66, space: 34, values: (_plot, values) => values.map(format) },
        ],
        series: [
          {},
          ...series.map(({ colour: name, width = 1.75, fill, opacity = 1 }) => ({
            stroke: colour(name),
            width,
            alpha: opacity,
            fill: fill ? `color-mix(in srgb, ${colour(name)} 16%, transparent)` : undefined,
            points: { show: false },
          })),
        ],
      },
      this.data,
      this.place,
    );
  }

  /** @returns {{ width: number, height: number }} */
  size() {
    return { width: Math.max(this.place.clientWidth, 120), height: Math.max(this.place.clientHeight, 80) };
  }

  fit() {
    // A view that is not shown has no size, and keeps the one that it had.
    if (this.place.clientWidth > 0) this.plot.setSize(this.size());
  }

  /**
   * @param {any} data seconds since 1970, and values for each series
   * @param {[number, number]} range seconds that are shown
   */
  draw(data, range) {
    this.data = data;
    this.range = range;
    this.plot.setData(data);
  }
}
