/** Observers against cases worked out by hand, and against their own definition on real distributions. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { addToHistogram, binCentre, emptyHistogram, quantile, type Observed } from '../../src/calibration/observers/histogram.js';
import { observedRange } from '../../src/calibration/observers/index.js';
import { quantizationError } from '../../src/calibration/observers/mse.js';
import { randomNumbers } from '../support/float-graphs.js';

const test = suite('observers');

function observe(values: readonly number[]): Observed {
  const [min, max] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const histogram = emptyHistogram(Math.min(0, min), Math.max(0, max));
  const magnitudes = min >= 0 ? histogram : emptyHistogram(0, Math.max(-min, max));
  addToHistogram(histogram, values);
  if (magnitudes !== histogram) addToHistogram(magnitudes, values, true);
  return { min, max, histogram, magnitudes };
}

/** Sum of three uniform numbers: a bell. */
function bell(count: number, seed = 3): number[] {
  const next = randomNumbers(seed);
  return Array.from({ length: count }, () => next() + next() + next());
}

test('histogram: every value once, the largest in the last bin', () => {
  const histogram = emptyHistogram(0, 4, 4);
  addToHistogram(histogram, [0, 0.99, 1, 2.5, 3, 4, -1, 9]);
  assert.equal([...histogram.counts], [3, 1, 1, 3]);
  assert.is(binCentre(histogram, 2), 2.5);
});

test('quantile: linear inside a bin', () => {
  const histogram = emptyHistogram(0, 4, 4);
  addToHistogram(histogram, [0.1, 0.2, 1.1, 1.2, 1.3, 1.4, 3.5, 3.6]);
  assert.is(quantile(histogram, 0.25), 1);
  assert.is(quantile(histogram, 0.5), 1.5);
  assert.is(quantile(histogram, 1), 4);
});

test('min-max holds 0', () => {
  assert.equal(observedRange(observe([2, 5]), { observer: 'min-max', bits: 8 }), { low: 0, high: 5 });
  assert.equal(observedRange(observe([-3, -1]), { observer: 'min-max', bits: 8 }), { low: -3, high: 0 });
  assert.equal(observedRange(observe([0, 0]), { observer: 'min-max', bits: 8 }), { low: 0, high: 0 });
});

test('percentile cuts the tails that are there', () => {
  const ramp = Array.from({ length: 10001 }, (_, i) => i / 10000);
  const { low, high } = observedRange(observe(ramp), { observer: 'percentile', bits: 8, percentile: 99 });
  assert.is(low, 0);
  assert.ok(Math.abs(high - 0.99) < 1e-3, String(high));
  const both = observedRange(observe(ramp.map((v) => v - 0.5)), { observer: 'percentile', bits: 8, percentile: 95 });
  assert.ok(Math.abs(both.low + 0.45) < 1e-3 && Math.abs(both.high - 0.45) < 1e-3);
});

test('percentile: 99.99 at 8 bits, 99.9 below, unless said', () => {
  const values = Array.from({ length: 100000 }, (_, i) => i / 100000);
  const high = (bits: number): number => observedRange(observe(values), { observer: 'percentile', bits }).high;
  assert.ok(high(8) > 0.9995 && high(4) < 0.9995);
});

test('MSE: a lone outlier is given up at few bits and kept at many', () => {
  const values = [...Array.from({ length: 100000 }, (_, i) => i / 100000), 10];
  const [few, many] = [2, 8].map((bits) => observedRange(observe(values), { observer: 'mse', bits }).high) as [number, number];
  assert.ok(few < 2, `2 bits: ${few}`);
  assert.ok(many > few, `8 bits: ${many}`);
});

test('MSE: no candidate does better, two-sided too', () => {
  for (const bits of [3, 8]) {
    const observed = observe(bell(20000));
    const best = observedRange(observed, { observer: 'mse', bits });
    const least = quantizationError(observed.histogram, best, bits);
    for (let i = 1; i <= 100; i++) {
      const range = { low: (observed.min * i) / 100, high: (observed.max * i) / 100 };
      assert.ok(least <= quantizationError(observed.histogram, range, bits) * (bits > 4 ? 1 : 1.001));
    }
  }
});

test('the error of a quantizer on hand-made bins', () => {
  // One bit, range [0, 1]: codes 0 and 1. Bins [0, 0.5) and [0.5, 1] have their centres at 0.25 and 0.75, each 0.25 away.
  const histogram = emptyHistogram(0, 1, 2);
  addToHistogram(histogram, [0.1, 0.2, 0.9]);
  assert.ok(Math.abs(quantizationError(histogram, { low: 0, high: 1 }, 1) - 3 * 0.25 ** 2.4) < 1e-12);
});

test('KL keeps a flat distribution whole and cuts a long thin tail', () => {
  const flat = observedRange(observe(Array.from({ length: 50000 }, (_, i) => i / 50000)), { observer: 'kl', bits: 8 });
  assert.ok(flat.high > 0.9, `flat: ${flat.high}`);
  const tailed = observe([...bell(50000).map(Math.abs), ...Array.from({ length: 20 }, (_, i) => 5 + i)]);
  const cut = observedRange(tailed, { observer: 'kl', bits: 8 });
  assert.ok(cut.high > 1.5 && cut.high < 12, `tailed: ${cut.high}`);
});

test('KL: exact zeros after a ReLU do not decide', () => {
  const values = bell(50000).map((v) => Math.max(0, v));
  const sparse = observedRange(observe([...values, ...new Array<number>(500000).fill(0)]), { observer: 'kl', bits: 8 });
  const dense = observedRange(observe(values), { observer: 'kl', bits: 8 });
  assert.is(sparse.high, dense.high);
});

test('a tensor that is always 0 has an empty range under every observer', () => {
  for (const observer of ['min-max', 'percentile', 'mse', 'kl'] as const) {
    const { low, high } = observedRange(observe([0, 0, 0]), { observer, bits: 8 });
    assert.is(low, 0);
    assert.is(high, 0);
  }
});

test.run();
