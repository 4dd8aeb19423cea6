'use strict';

/** The text form that Prometheus reads (exposition format 0.0.4), and what is counted for it. */

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
/** Series of one metric: what comes beyond is counted in the last one, whose labels all say so. */
const MOST_SERIES = 200;
const OVERFLOW = 'overflow';
const ESCAPES = /** @type {Record<string, string>} */ ({ '\\': '\\\\', '\n': '\\n', '"': '\\"' });

/** @typedef {'counter' | 'gauge' | 'histogram'} Kind */
/** @typedef {{ labels: string, value: number, buckets: number[] | undefined, count: number }} Series */

/**
 * @param {readonly string[]} names
 * @param {readonly unknown[]} values
 * @returns {string} `a="1",b="2"`
 */
function labelsOf(names, values) {
  return names.map((name, i) => `${name}="${String(values[i]).replace(/[\\\n"]/g, (one) => ESCAPES[one])}"`).join(',');
}

/** @param {number} value @returns {string} */
function numberText(value) {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf';
}

class Metric {
  /**
   * @param {string} name with its unit
   * @param {Kind} kind
   * @param {string} help
   * @param {readonly string[]} [labels] names
   * @param {readonly number[]} [bounds] of the buckets of a histogram
   */
  constructor(name, kind, help, labels = [], bounds = []) {
    this.name = name;
    this.kind = kind;
    this.help = help;
    this.labels = labels;
    this.bounds = bounds;
    /** @type {Map<string, Series>} */
    this.series = new Map();
  }

  /**
   * @param {unknown[]} values of the labels
   * @returns {Series}
   */
  at(values) {
    const key = values.join('\0');
    const known = this.series.get(key);
    if (known !== undefined) return known;
    if (this.series.size >= MOST_SERIES && values[0] !== OVERFLOW) return this.at(this.labels.map(() => OVERFLOW));
    const buckets = this.kind === 'histogram' ? new Array(this.bounds.length).fill(0) : undefined;
    const made = { labels: labelsOf(this.labels, values), value: 0, buckets, count: 0 };
    this.series.set(key, made);
    return made;
  }

  /**
   * @param {number} amount
   * @param {...unknown} values of the labels
   */
  add(amount, ...values) {
    this.at(values).value += amount;
  }

  /**
   * @param {number} value
   * @param {...unknown} values of the labels
   */
  set(value, ...values) {
    this.at(values).value = value;
  }

  /**
   * @param {number} value to be put into its bucket
   * @param {...unknown} values of the labels
   */
  observe(value, ...values) {
    const series = this.at(values);
    series.value += value;
    series.count += 1;
    const place = this.bounds.findIndex((bound) => value <= bound);
    if (place >= 0) /** @type {number[]} */ (series.buckets)[place] += 1;
  }

  /** @returns {string} its lines; none where it has no series */
  text() {
    const { name, kind, bounds } = this;
    const lines = [];
    for (const { labels, value, buckets, count } of this.series.values()) {
      if (buckets === undefined) {
        lines.push(`${name}${labels === '' ? '' : `{${labels}}`} ${numberText(value)}`);
        continue;
      }
      const more = labels === '' ? '' : `${labels},`;
      let sum = 0;
      bounds.forEach((bound, i) => {
        sum += buckets[i];
        lines.push(`${name}_bucket{${more}le="${numberText(bound)}"} ${sum}`);
      });
      const own = labels === '' ? '' : `{${labels}}`;
      lines.push(`${name}_bucket{${more}le="+Inf"} ${count}`, `${name}_sum${own} ${numberText(value)}`, `${name}_count${own} ${count}`);
    }
    if (lines.length === 0) return '';
    return `# HELP ${name} ${this.help.replace(/[\\\n]/g, (one) => ESCAPES[one])}\n# TYPE ${name} ${kind}\n${lines.join('\n')}\n`;
  }
}

module.exports = { CONTENT_TYPE, MOST_SERIES, OVERFLOW, Metric };
