import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IntegerGraph, IntegerNode, IntegerTensor, Requantize } from '../../src/graph/integer.js';
import { proveRounding } from '../../src/quantization/rounding-proof.js';

const proof = suite('rounding proof');
const origin = { file: 'hand', format: 'builder', nodeName: 'layer', opType: 'dense' } as const;

function tensor(id: string, scale: number[], extra: Partial<IntegerTensor> = {}): IntegerTensor {
  return { id, name: id, shape: [2], type: { bits: 8, signed: true, packed: false }, real: { kind: 'affine', scale, zeroPoint: scale.map(() => 0), axis: null }, codeRange: [-128, 127], origin, ...extra };
}

function graphOf(scales: { x: number; w: number[]; y: number }, requantize: Requantize, bound: [number, number]): IntegerGraph {
  const weights = tensor('w', scales.w, { constant: { encoding: { kind: 'affine' }, data: new Int8Array(2) } });
  const bias = tensor('b', [1], { real: null, constant: { encoding: { kind: 'affine' }, data: new Int32Array(2) } });
  const tensors = [tensor('x', [scales.x]), weights, bias, tensor('y', [scales.y])];
  const node: IntegerNode = { id: 'n', op: 'dense', inputs: ['x', 'w', 'b'], outputs: ['y'], attributes: {}, requantize, bounds: { accumulator: [bound, bound], accumulatorBits: 32 }, origin };
  return { name: 'hand', tensors: new Map(tensors.map((t) => [t.id, t])), nodes: [node] } as unknown as IntegerGraph;
}

const clamp = { zeroPoint: 0, clamp: [-128, 127] as const };

proof('a ratio that the multiplier holds exactly is off by nothing', () => {
  const exact = proveRounding(graphOf({ x: 0.5, w: [0.25, 0.125], y: 1 }, { mode: 'dyadicHigh', multiplier: [2 ** 29, 2 ** 28], ...clamp }, [-5000, 5000]));
  assert.equal(exact, { layers: 1, worstCodes: 0, worstLayer: 'layer' });
});

proof('the distance is the error of the ratio times the largest accumulator that is not clamped', () => {
  // Off by one in the multiplier: 2^-32 a unit; accumulators beyond 256 codes / ratio are clamped whatever the ratio is.
  const small = proveRounding(graphOf({ x: 0.5, w: [0.25], y: 1 }, { mode: 'dyadicHigh', multiplier: [2 ** 29 + 1], ...clamp }, [-1000, 900]));
  assert.is(small.worstCodes, 1000 / 2 ** 32);
  const clamped = proveRounding(graphOf({ x: 0.5, w: [0.25], y: 1 }, { mode: 'dyadicHigh', multiplier: [2 ** 29 + 1], ...clamp }, [-(2 ** 30), 2 ** 30]));
  assert.is(clamped.worstCodes, 2048 / 2 ** 32);
});

proof('TFLite shifts count to the left, dyadic ones to the right; per channel', () => {
  const tflite = proveRounding(graphOf({ x: 1, w: [1.5, 0.75], y: 1 }, { mode: 'tfliteDouble', multiplier: [1610612736, 1610612736], shift: [1, 0], ...clamp }, [-100, 100]));
  assert.is(tflite.worstCodes, 0);
  const dyadic = proveRounding(graphOf({ x: 1, w: [1.5], y: 1 }, { mode: 'dyadic', multiplier: [3], shift: [1], ...clamp }, [-100, 100]));
  assert.is(dyadic.worstCodes, 0);
});

proof('layers without real scales, or with another rounding, are left out', () => {
  const shift = proveRounding(graphOf({ x: 1, w: [1], y: 1 }, { mode: 'shift', shift: [1], rounding: 'halfUp', ...clamp }, [-100, 100]));
  assert.equal(shift, { layers: 0, worstCodes: 0, worstLayer: null });
});

proof.run();
