/** Plans and lowering: scales from ranges or files, errors that name everything at once, proofs that name the layer. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CalibrationTable } from '../../src/calibration/types.js';
import { AccumulatorOverflowError, CalibrationError, UnsupportedOperatorError, UsageError, type Origin } from '../../src/errors.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import type { FloatGraph, SourceQuantization, TensorId } from '../../src/graph/float.js';
import { verifyIntegerGraph } from '../../src/graph/verify.js';
import { lowerGraph, planQuantization } from '../../src/quantization/index.js';
import { inputTable } from '../../src/quantization/lower-inputs.js';

const test = suite('plan and lower');
const options = { method: 'nearest', bits: 'w8a8', seed: 0 };

function builder(format: 'builder' | 'tflite' = 'builder'): FloatGraphBuilder {
  return new FloatGraphBuilder('small', { file: 'small.model', format, sha256: '0' });
}

function origin(nodeName: string, opType: string): Origin {
  return { file: 'small.model', format: 'builder', nodeName, opType };
}

/** Ranges for every activation of the graph, [-1, 1] unless said. */
function ranges(graph: FloatGraph, given: Readonly<Record<string, readonly [number, number]>> = {}): CalibrationTable {
  const activations = [...graph.tensors.values()].filter((t) => !t.data);
  const entry = ([low, high]: readonly [number, number]) => ({ low, high, min: low, max: high, histogram: { low, high, counts: [1] } });
  return { observer: 'min-max', samples: 1, sha256: '0', ranges: new Map(activations.map((t) => [t.id, entry(given[t.name] ?? [-1, 1])])) };
}

function dense(b: FloatGraphBuilder, x: TensorId, name: string, weights: readonly number[], outputs: number, bias?: readonly number[]): TensorId {
  const w = b.constant(`${name}/w`, [outputs, weights.length / outputs], Float32Array.from(weights));
  const more = bias ? [b.constant(`${name}/b`, [outputs], Float32Array.from(bias))] : [];
  return b.apply('dense', [x, w, ...more], { activation: null }, origin(name, 'Gemm'), name);
}

test('a dense layer gets codes, scales and a proven bound', () => {
  const b = builder();
  const y = dense(b, b.input('x', [2], 'float32'), 'fc', [1, -0.5, 0.25, 1], 2, [0.1, -0.2]);
  b.output('y', y);
  const graph = b.build();
  const plan = planQuantization(graph, ranges(graph, { x: [0, 2.55] }), options);
  const x = plan.activations.get('x')!;
  assert.equal([x.scale, x.zeroPoint], [Math.fround(0.01), -128]);
  const integer = lowerGraph(graph, plan);
  verifyIntegerGraph(integer);
  const node = integer.nodes[0]!;
  assert.is(node.requantize!.mode, 'dyadicHigh');
  const w = 127 * 255;
  const bias = Math.round(0.1 / (x.scale * Math.fround(1 / 127)));
  assert.equal(node.bounds!.accumulator[0], [-64 * 255 + bias, w + bias]);
  assert.is(integer.nominalMacs, 4);
});

test('a float model without calibration is a CalibrationError', () => {
  const b = builder();
  b.output('y', dense(b, b.input('x', [1], 'float32'), 'fc', [1], 1));
  assert.throws(() => planQuantization(b.build(), null, options), (e: unknown) => e instanceof CalibrationError && /calibration data/.test((e as Error).message));
});

test('concat shares one scale with everything it joins', () => {
  const b = builder();
  const x = b.input('x', [2], 'float32');
  const a = dense(b, x, 'a', [1, 0, 0, 1], 2);
  const c = dense(b, x, 'c', [1, 0, 0, 1], 2);
  b.output('y', b.apply('concat', [a, c], { axis: 0 }, origin('join', 'Concat')));
  const graph = b.build();
  const plan = planQuantization(graph, ranges(graph, { a: [-1, 3], c: [-5, 1], join: [-4, 2] }), options);
  const [first, ...others] = ['a', 'c', 'join'].map((id) => plan.activations.get(id)!);
  assert.is(first!.scale, Math.fround(8 / 255));
  for (const other of others) assert.equal(other, first);
});

test('softmax keeps 1/256 alone and behind copies, and stands apart where it meets other tensors', () => {
  const b = builder();
  const x = b.input('x', [2], 'float32');
  const s = b.apply('softmax', [x], { axis: 0, beta: 1 }, origin('soft', 'Softmax'), 'soft');
  const flat = b.apply('reshape', [s], { shape: [1, 2] }, origin('flat', 'Reshape'), 'flat');
  b.output('p', flat);
  const alone = planQuantization(b.build(), ranges(b.build()), options);
  for (const id of ['soft', 'flat']) assert.is(alone.activations.get(id)!.scale, 1 / 256);
  const more = dense(b, x, 'fc', [1, 0, 0, 1], 2);
  b.output('q', b.apply('concat', [s, more], { axis: 0 }, origin('join', 'Concat'), 'join'));
  const joined = planQuantization(b.build(), ranges(b.build(), { fc: [-10, 10] }), options);
  assert.is(joined.activations.get('soft')!.scale, 1 / 256);
  assert.is(joined.activations.get('join')!.scale, Math.fround(20 / 255));
});

test('an already quantized file keeps its scales, zero points and codes', () => {
  const b = builder('tflite');
  const q = (scale: number, zeroPoint: number): SourceQuantization => ({ scale: [Math.fround(scale)], zeroPoint: [zeroPoint], axis: null, bits: 8, signed: true });
  const x = b.input('x', [2], 'float32', { quantization: q(0.5, 3) });
  const w = b.constant('w', [1, 2], Float32Array.from([0.2, -0.3]), undefined, { ...q(0.1, 0), codes: Int8Array.from([2, -3]) });
  const bias = b.constant('b', [1], Float32Array.from([0.35]), undefined, { scale: [0.05], zeroPoint: [0], axis: null, bits: 32, signed: true, codes: Int32Array.from([7]) });
  b.output('y', b.apply('dense', [x, w, bias], { activation: null }, origin('fc', 'FULLY_CONNECTED'), 'y', q(0.25, -4)));
  const graph = b.build({ quantized: true });
  const plan = planQuantization(graph, null, options);
  assert.is(plan.arith, 'tflite');
  const integer = lowerGraph(graph, plan);
  const [node] = integer.nodes;
  assert.equal([...integer.tensors.get(node!.inputs[1]!)!.constant!.data], [2, -3]);
  assert.equal([...integer.tensors.get(node!.inputs[2]!)!.constant!.data], [7]);
  assert.is(node!.requantize!.mode, 'tfliteDouble');
  assert.is(node!.requantize!.zeroPoint, -4);
});

test('every node without an integer form is named at once', () => {
  const b = builder();
  const x = b.input('x', [4], 'float32');
  const first = b.apply('div', [x, x], { activation: null }, origin('quotient1', 'Div'));
  const second = b.apply('div', [first, x], { activation: null }, origin('quotient2', 'Div'));
  b.output('y', second);
  const graph = b.build();
  const plan = planQuantization(graph, ranges(graph), options);
  assert.throws(() => lowerGraph(graph, plan), (e: unknown) => e instanceof UnsupportedOperatorError && e.nodes.length === 2 && e.nodes.map((n) => n.origin.nodeName).join() === 'quotient1,quotient2');
});

test('an accumulator that does not fit is an AccumulatorOverflowError naming the layer', () => {
  const b = builder('tflite');
  const q = (scale: number): SourceQuantization => ({ scale: [scale], zeroPoint: [0], axis: null, bits: 8, signed: true });
  const x = b.input('x', [1], 'float32', { quantization: q(1) });
  const w = b.constant('w', [1, 1], Float32Array.from([127]), undefined, { ...q(1), codes: Int8Array.from([127]) });
  const bias = b.constant('b', [1], Float32Array.from([0]), undefined, { scale: [1], zeroPoint: [0], axis: null, bits: 32, signed: true, codes: Int32Array.from([2147483647]) });
  b.output('y', b.apply('dense', [x, w, bias], { activation: null }, origin('the layer', 'FULLY_CONNECTED'), 'y', q(1)));
  const graph = b.build({ quantized: true });
  assert.throws(() => lowerGraph(graph, planQuantization(graph, null, options)), (e: unknown) => e instanceof AccumulatorOverflowError && /the layer/.test((e as Error).message));
});

test('options that are not built are refused with what there is', () => {
  const b = builder();
  b.output('y', dense(b, b.input('x', [1], 'float32'), 'fc', [1], 1));
  const graph = b.build();
  const plan = (more: object) => () => planQuantization(graph, ranges(graph), { ...options, ...more });
  for (const more of [{ method: 'unheard-of' }, { bits: 'w4a1' }, { bits: 'auto' }, { arith: 'float' as never }]) {
    assert.throws(plan(more), (e: unknown) => e instanceof UsageError && /available/.test((e as UsageError).hint ?? ''), JSON.stringify(more));
  }
});

test('weights of four bits stay in [-7, 7]', () => {
  const b = builder();
  b.output('y', dense(b, b.input('x', [2], 'float32'), 'fc', [1, -0.4], 1));
  const graph = b.build();
  const plan = planQuantization(graph, ranges(graph), { ...options, bits: 'w4a8', widths: { edgeBits: 4 } });
  assert.equal([...plan.weights.get('fc/w')!.codes], [7, -3]);
  const integer = lowerGraph(graph, plan);
  verifyIntegerGraph(integer);
  assert.is(integer.tensors.get(integer.nodes[0]!.inputs[1]!)!.type.bits, 4);
});

test('channels whose weights all but vanish keep a bias that fits', () => {
  const b = builder();
  b.output('y', dense(b, b.input('x', [2], 'float32'), 'fc', [1, 1, 1e-30, 1e-30, 0, 0], 3, [0, 1000, 5]));
  const graph = b.build();
  const integer = lowerGraph(graph, planQuantization(graph, ranges(graph, { fc: [0, 1000] }), options));
  verifyIntegerGraph(integer);
  const { requantize } = integer.nodes[0]!;
  assert.is(requantize!.mode, 'dyadicHigh');
});

test('raw uint8 data get a table, which is left out where it is v - 128', () => {
  const step = { scale: 1 / 255, mean: [0.5], std: [0.5], layout: null };
  const table = inputTable({ name: 'x' }, 3, step, { bits: 8, signed: true, scale: Math.fround(2 / 255), zeroPoint: 0 })!;
  assert.is(table.length, 256);
  assert.equal([table[0], table[255]], [-127, 127]);
  const pixels = { scale: 1, mean: [0], std: [1], layout: null };
  assert.is(inputTable({ name: 'x' }, 3, pixels, { bits: 8, signed: true, scale: 1, zeroPoint: -128 }), null);
});

test.run();
