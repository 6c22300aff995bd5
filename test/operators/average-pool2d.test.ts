import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { PtqError, ShapeError } from '../../src/errors.js';
import type { ActivationPlan } from '../../src/operators/lower.js';
import { goldenFile, leftOut } from '../support/bench.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder } from '../support/integer-graphs.js';
import { pool } from '../support/naive.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase, type OperatorCase } from '../support/operator-cases.js';

const averagePool = suite('average-pool2d');

interface Window {
  readonly shape: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly pad: readonly number[];
  readonly countIncludePad?: boolean;
}

const windows: readonly Window[] = [
  { shape: [8, 8, 3], kernel: [8, 8], strides: [8, 8], pad: [0, 0, 0, 0] },
  { shape: [7, 9, 2], kernel: [3, 3], strides: [2, 2], pad: [1, 1, 1, 1] },
  { shape: [7, 9, 2], kernel: [3, 3], strides: [2, 2], pad: [1, 1, 1, 1], countIncludePad: true },
  { shape: [6, 5, 4], kernel: [2, 3], strides: [1, 2], pad: [0, 1, 2, 0] },
  { shape: [5, 5, 3], kernel: [1, 1], strides: [2, 2], pad: [0, 0, 0, 0] },
  { shape: [1, 12, 2], kernel: [1, 5], strides: [1, 3], pad: [0, 0, 2, 2] },
  { shape: [3, 3, 2], kernel: [5, 5], strides: [1, 1], pad: [2, 2, 2, 2] },
];
const plan: ActivationPlan = { bits: 8, signed: true, scale: 0.0127, zeroPoint: -31 };

function poolCase(w: Window, i: number, extra: Partial<OperatorCase> = {}): OperatorCase {
  const activation = i % 2 === 0 ? null : { min: -0.4, max: 0.9 };
  const clamped = (v: number) => (activation ? Math.min(activation.max, Math.max(activation.min, v)) : v);
  const mean = (values: readonly number[]) => clamped(values.reduce((a, b) => a + b, 0) / (w.countIncludePad ? w.kernel[0]! * w.kernel[1]! : values.length));
  return {
    name: `pool ${i}`,
    op: 'average-pool2d',
    attributes: { kernel: w.kernel, strides: w.strides, pad: w.pad, countIncludePad: w.countIncludePad ?? false, activation },
    inputs: [{ shape: w.shape, plan }],
    naive: pool(w.shape, w, mean),
    ...extra,
  };
}

const dyadic = windows.map((w, i) => lowerCase(poolCase(w, i), 400 + i));
const tflite = windows.map((w, i) => lowerCase(poolCase(w, i, { arith: 'tflite', output: plan }), 500 + i));

averagePool('float equals the plain loops', async () => {
  for (const one of dyadic) await checkFloat(one);
});

averagePool('a window wholly in the padding, or larger than the image, is a ShapeError', () => {
  for (const w of [{ shape: [4, 4, 1], kernel: [2, 2], strides: [1, 1], pad: [2, 0, 0, 0] }, { shape: [2, 2, 1], kernel: [3, 3], strides: [1, 1], pad: [0, 0, 0, 0] }]) {
    assert.throws(() => lowerCase(poolCase(w, 0)), (e: unknown) => e instanceof ShapeError && e instanceof PtqError && e.message.includes("'layer'"));
  }
});

averagePool('one rounding: within half a code, wherever the border cuts the window', () => {
  for (const one of dyadic) checkSimulator(one, 0.5 + 2 ** -8);
});

averagePool('tflite divides codes: within half a code at one scale, padding counted within one', () => {
  for (const one of tflite) checkSimulator(one, one.one.attributes['countIncludePad'] ? 1 : 0.5 + 1e-9);
});

averagePool('codes equal TFLite Micro', () => {
  const file = goldenFile('tflm_avgpool_int8.json');
  if (!file) return leftOut(1, 'TFLite Micro vectors of the average pool');
  const cases = JSON.parse(readFileSync(file, 'utf8')).cases as { hwc: number[]; k: number[]; stride: number; pad: number[]; out_hw: number[]; in_nhwc: number[]; out_q: number[] }[];
  cases.forEach((c, i) => {
    const builder = new IntegerGraphBuilder();
    const x = builder.input('x', c.hwc);
    // The files say how much lies before; what lies behind follows from the size of the output.
    const behind = [0, 1].map((axis) => Math.max(0, (c.out_hw[axis]! - 1) * c.stride + c.k[axis]! - c.hwc[axis]! - c.pad[axis]!));
    const attributes = { variant: 'tflite', kernel: c.k, strides: [c.stride, c.stride], pad: [c.pad[0]!, behind[0]!, c.pad[1]!, behind[1]!], clamp: [-128, 127] };
    builder.node('average-pool2d', 'y', [x], { shape: [...c.out_hw, c.hwc[2]!], attributes });
    assert.equal([...createSimulator(builder.build(['y'])).run([Int8Array.from(c.in_nhwc)])[0]!], c.out_q, `case ${i}`);
  });
});

averagePool('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator([...dyadic, ...tflite].map(firmwareCase), ['host', 'cortex-m7']);
});

averagePool.run();
