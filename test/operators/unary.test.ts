import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { unaryFunctions, unaryScalar, type UnaryFunction } from '../../src/operators/unary-functions.js';
import { goldenFile, leftOut } from '../support/bench.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase } from '../support/operator-cases.js';

const unary = suite('unary');

/** Alpha and beta that each function is tested with. */
const parameters: Partial<Record<UnaryFunction, readonly [number, number]>> = { 'leaky-relu': [0.1, 0], 'hard-sigmoid': [0.2, 0.5], elu: [0.7, 0] };
const positive = new Set<UnaryFunction>(['sqrt', 'log', 'reciprocal']);

const every = unaryFunctions.map((name, i) => {
  const [alpha, beta] = parameters[name] ?? [0, 0];
  const naive = ([x]: readonly ArrayLike<number>[]) => Array.from(x!, (v) => unaryScalar(name, v, alpha, beta));
  // All positive codes: the zero point is the lowest code, whose value 0 has no logarithm.
  const plan = { bits: 8, signed: true, scale: 0.031, zeroPoint: positive.has(name) ? -129 : -17 };
  return lowerCase({ name, op: 'unary', attributes: { function: name, alpha, beta }, inputs: [{ shape: [5, 60], plan }], naive }, 800 + i);
});

unary('float equals the definition in double precision', async () => {
  for (const one of every) await checkFloat(one);
});

unary('known values', () => {
  const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-14, `${actual} is not ${expected}`);
  near(unaryScalar('erf', 0.5, 0, 0), 0.5204998778130465);
  near(unaryScalar('erf', -2, 0, 0), -0.9953222650189527);
  near(unaryScalar('erf', 4, 0, 0), 0.9999999845827421);
  near(unaryScalar('gelu', 1, 0, 0), 0.8413447460685429);
  near(unaryScalar('hard-swish', 1, 0, 0), 2 / 3);
  near(unaryScalar('softplus', 0, 0, 0), Math.LN2);
});

unary('every code is the rounded function of its value', () => {
  for (const one of every) checkSimulator(one, 0.5 + 1e-9);
});

unary('sigmoid and tanh equal TFLite Micro, every code', () => {
  const file = goldenFile('tflm_logistic_tanh_int8.json');
  if (!file) return leftOut(1, 'TFLite Micro vectors of logistic and tanh');
  const cases = JSON.parse(readFileSync(file, 'utf8')).cases as { fn: string; rounding: string; scale: number; zp: number; out_q: number[] }[];
  for (const [i, c] of cases.entries()) {
    const plan = { bits: 8, signed: true, scale: c.scale, zeroPoint: c.zp };
    const attributes = { function: c.fn === 'logistic' ? 'sigmoid' : 'tanh', alpha: 0, beta: 0 };
    const arith = c.rounding === 'double' ? 'tflite' : 'tflite-single';
    const { graph } = lowerCase({ name: c.fn, op: 'unary', attributes, inputs: [{ shape: [256], plan }], arith, naive: () => [0] });
    const [codes] = createSimulator(graph).run([Int8Array.from({ length: 256 }, (_, k) => k - 128)]);
    assert.equal([...codes!], c.out_q, `case ${i}`);
  }
});

unary("TFLite's leaky-relu, abs and hard-swish stay within one code of the function", () => {
  for (const [name, alpha] of [['leaky-relu', 0.3], ['abs', 0], ['hard-swish', 0]] as const) {
    for (const range of [[-1, 1], [-6, 5], [-0.3, 9]] as const) {
      const naive = ([x]: readonly ArrayLike<number>[]) => Array.from(x!, (v) => unaryScalar(name, v, alpha, 0));
      checkSimulator(lowerCase({ name, op: 'unary', attributes: { function: name, alpha, beta: 0 }, inputs: [{ shape: [256], range }], arith: 'tflite', naive }), 1.05);
    }
  }
});

unary('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(every.slice(0, 6).map(firmwareCase), ['host', 'cortex-m7']);
});

unary.run();
