import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { softmaxShare } from '../../sim/scalar/softmax.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { goldenFile, leftOut } from '../support/bench.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder } from '../support/integer-graphs.js';
import { fill, indexOf } from '../support/naive.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase, type OperatorCase } from '../support/operator-cases.js';

const softmax = suite('softmax');

function naive(shape: readonly number[], axis: number, beta: number): OperatorCase['naive'] {
  return ([x]) =>
    fill(shape, (at) => {
      const row = Array.from({ length: shape[axis]! }, (_, i) => x![indexOf(at.map((c, k) => (k === axis ? i : c)), shape)]! * beta);
      const largest = Math.max(...row);
      const exponentials = row.map((v) => Math.exp(v - largest));
      return exponentials[at[axis]!]! / exponentials.reduce((a, b) => a + b, 0);
    });
}

const shapes = [
  { shape: [10], axis: 0, range: [-12, 9], beta: 1 },
  { shape: [4, 12], axis: 1, range: [-3, 3], beta: 1 },
  { shape: [3, 5, 2], axis: 1, range: [-1, 40], beta: 0.5 },
  { shape: [2, 300], axis: -1, range: [-0.5, 0.5], beta: 2 },
  // so many equal elements that TFLite's exponent exceeds 31
  { shape: [1, 1200], axis: 1, range: [-0.02, 0.02], beta: 1 },
  { shape: [7, 1], axis: 1, range: [-1, 1], beta: 1 },
] as const;

const cases = (arith: 'dyadic' | 'tflite' | 'tflite-single', seed: number) =>
  shapes.map(({ shape, axis, range, beta }, i) =>
    lowerCase({ name: `softmax ${i} ${arith}`, op: 'softmax', attributes: { axis, beta }, inputs: [{ shape, range }], arith, naive: naive(shape, axis < 0 ? axis + shape.length : axis, beta) }, seed + i),
  );
const dyadic = cases('dyadic', 700);
const tflite = [...cases('tflite', 720), ...cases('tflite-single', 740)];
const rescaled = lowerCase({ name: 'softmax rescaled', op: 'softmax', attributes: { axis: 0, beta: 1 }, inputs: [{ shape: [9], range: [-4, 4] }], output: { bits: 8, signed: true, scale: 0.00301, zeroPoint: -120 }, naive: naive([9], 0, 1) }, 760);
const steps255 = lowerCase({ name: 'softmax 255', op: 'softmax', attributes: { axis: 0, beta: 1 }, inputs: [{ shape: [9], range: [-4, 4] }], output: { bits: 8, signed: false, scale: 1 / 255, zeroPoint: 0 }, naive: naive([9], 0, 1) }, 761);

softmax('float equals the plain loops', async () => {
  for (const one of dyadic) await checkFloat(one);
});

softmax('the table form is within 0.52 codes, tflite within 1, a rescaled output within 1.5', () => {
  for (const one of [...dyadic, steps255]) checkSimulator(one, 0.52);
  for (const one of tflite) checkSimulator(one, 1);
  checkSimulator(rescaled, 1.5);
});

softmax('another output scale gets a requantization, 1/255 does not', () => {
  assert.equal(rescaled.graph.nodes.map((n) => n.op), ['softmax', 'requantize']);
  assert.equal(steps255.graph.nodes.map((n) => n.attributes['steps']), [255]);
});

interface Golden {
  readonly out: string;
  readonly rounding: 'double' | 'single';
  readonly mult: number;
  readonly shift: number;
  readonly diff_min: number;
  readonly beta: number;
  readonly scale: number;
  readonly in: readonly number[];
  readonly out_q: readonly number[];
}

function goldenGraph(c: Golden): IntegerGraph {
  const builder = new IntegerGraphBuilder();
  const x = builder.input('x', [c.in.length]);
  const attributes = { variant: 'tflite', axis: 0, multiplier: c.mult, shift: c.shift, diffMin: c.diff_min, rounding: c.rounding };
  builder.node('softmax', 'y', [x], { shape: [c.in.length], attributes });
  return builder.build(['y']);
}

softmax('codes equal TFLite Micro, and so do the constants that lowering derives', async () => {
  const file = goldenFile('tflm_softmax_int8.json');
  if (!file) return leftOut(1, 'TFLite Micro vectors of softmax');
  const all = (JSON.parse(readFileSync(file, 'utf8')).cases as Golden[]).filter((c) => c.out === 'int8');
  assert.ok(all.length > 20);
  const firmware = all.map((c, i) => {
    const graph = goldenGraph(c);
    const input = Int8Array.from(c.in);
    assert.equal([...createSimulator(graph).run([input])[0]!], c.out_q, `case ${i}`);
    const arith = c.rounding === 'double' ? 'tflite' : 'tflite-single';
    const plan = { bits: 8, signed: true, scale: c.scale, zeroPoint: 0 };
    const lowered = lowerCase({ name: 'constants', op: 'softmax', attributes: { axis: 0, beta: c.beta }, inputs: [{ shape: [c.in.length], plan }], arith, naive: () => [0] });
    const { multiplier, shift, diffMin } = lowered.graph.nodes[0]!.attributes as { multiplier: number; shift: number; diffMin: number };
    assert.equal([multiplier, shift, diffMin], [c.mult, c.shift, c.diff_min], `constants of case ${i}`);
    return { name: `golden ${i}`, graph, inputs: [[input]] };
  });
  await expectFirmwareMatchesSimulator(firmware.filter((_, i) => i % 6 === 0), ['host', 'cortex-m0']);
});

softmax('shares equal the independent definition', () => {
  const file = goldenFile('P_softmax_lut.json');
  if (!file) return leftOut(1, 'vectors of softmax by table');
  let table: number[] = [];
  let compared = 0;
  for (const c of JSON.parse(readFileSync(file, 'utf8')).cases as { F: number; in: number[]; lut_q15: number[] | null; out: number[] }[]) {
    table = c.lut_q15 ?? table;
    // The division's numerator e·2^F·2 must stay below 2^30.
    if (c.F > 13 || !c.lut_q15) continue;
    const largest = Math.max(...c.in);
    const exponentials = c.in.map((x) => table[largest - x]!);
    const sum = exponentials.reduce((a, b) => a + b, 0);
    assert.equal(exponentials.map((e) => softmaxShare(e, 2 ** c.F, sum)), c.out);
    compared++;
  }
  assert.ok(compared > 0);
});

softmax('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator([...dyadic, ...tflite, rescaled, steps255].map(firmwareCase), ['host', 'cortex-m7']);
});

softmax.run();
