import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AccumulatorOverflowError, ShapeError } from '../../src/errors.js';
import { verifyIntegerGraph } from '../../src/graph/verify.js';
import { tfliteMean } from '../../src/operators/reduce.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder } from '../support/integer-graphs.js';
import { coordinatesOf, fill, indexOf } from '../support/naive.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase } from '../support/operator-cases.js';

const reduce = suite('reduce');
type Function = 'mean' | 'sum' | 'max';

function reduceCase(shape: readonly number[], name: Function, axes: readonly number[], keepDims: boolean, seed: number) {
  const reduced = shape.map((_, i) => axes.some((a) => (a < 0 ? a + shape.length : a) === i));
  const kept = shape.map((d, i) => (reduced[i] ? 1 : d));
  const inner = shape.map((d, i) => (reduced[i] ? d : 1));
  const count = inner.reduce((a, b) => a * b, 1);
  const naive = ([x]: readonly ArrayLike<number>[]) =>
    fill(kept, (at) => {
      const values = Array.from({ length: count }, (_, k) => x![indexOf(coordinatesOf(k, inner).map((c, i) => c + at[i]!), shape)]!);
      const sum = values.reduce((a, b) => a + b, 0);
      return name === 'max' ? Math.max(...values) : name === 'mean' ? sum / count : sum;
    });
  const output = name === 'max' ? ([-1, 0.4] as const) : undefined;
  return lowerCase({ name: `${name} ${axes} of ${shape}`, op: 'reduce', attributes: { function: name, axes, keepDims }, inputs: [{ shape, range: [-1, 0.4] }], ...(output && { output }), naive }, seed);
}

const every = (['mean', 'sum', 'max'] as const).flatMap((name, i) => [
  reduceCase([4, 5, 3], name, [0, 1], true, 1600 + i),
  reduceCase([4, 5, 3], name, [-1], false, 1610 + i),
  reduceCase([4, 5, 3], name, [1], false, 1620 + i),
  reduceCase([2, 3, 4, 5], name, [0, 2], false, 1630 + i),
  reduceCase([7], name, [0], false, 1640 + i),
]);

reduce('float equals the plain loops', async () => {
  for (const one of every) await checkFloat(one);
});

reduce('one rounding: within half a code; a maximum is a code', () => {
  for (const one of every) checkSimulator(one, one.one.name.startsWith('max') ? 1e-9 : 0.5 + 2 ** -8);
});

reduce("tflite's mean divides the multiplier", () => {
  const requantize = { mode: 'tfliteDouble', multiplier: [1431655765], shift: [-1], zeroPoint: 3, clamp: [-128, 127] } as const;
  assert.equal(tfliteMean(requantize, 49), { ...requantize, multiplier: [Math.floor((1431655765 * 32) / 49)], shift: [-6] });
  assert.equal(tfliteMean(requantize, 1), requantize);
  const shape = [7, 7, 5];
  const naive = ([x]: readonly ArrayLike<number>[]) => fill([5], ([c]) => Array.from({ length: 49 }, (_, i) => x![i * 5 + c!]!).reduce((a, b) => a + b, 0) / 49);
  const one = lowerCase({ name: 'tflite mean', op: 'reduce', attributes: { function: 'mean', axes: [0, 1], keepDims: false }, inputs: [{ shape }], arith: 'tflite', naive }, 1650);
  checkSimulator(one, 0.75);
});

reduce('axes that do not exist or occur twice are a ShapeError', () => {
  for (const axes of [[3], [0, 0], []]) assert.throws(() => reduceCase([2, 3], 'sum', axes, false, 1), (e: unknown) => e instanceof ShapeError && e.message.includes("'layer'"));
});

reduce('a sum that leaves 32 bits is an AccumulatorOverflowError naming the layer', () => {
  const builder = new IntegerGraphBuilder();
  const x = builder.input('x', [9_000_000]);
  const requantize = { mode: 'dyadicHigh', multiplier: [477], zeroPoint: -128, clamp: [-128, 127] } as const;
  builder.node('reduce', 'long', [x], { shape: [1], attributes: { function: 'mean', axes: [0], keepDims: true, inputZeroPoint: -128 }, requantize });
  const graph = builder.build(['long']);
  assert.throws(() => verifyIntegerGraph(graph), (e: unknown) => e instanceof AccumulatorOverflowError && e.message.includes("'long'"));
});

reduce('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(every.map(firmwareCase), ['host', 'cortex-m7']);
});

reduce.run();
