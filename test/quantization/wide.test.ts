/** Activations of 9 to 16 bits: which tensors get them, and how many of them 32-bit accumulators allow. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CalibrationTable } from '../../src/calibration/types.js';
import { UsageError, type Origin } from '../../src/errors.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import type { FloatGraph, TensorId } from '../../src/graph/float.js';
import { constantCodes } from '../../src/graph/integer.js';
import { verifyIntegerGraph } from '../../src/graph/verify.js';
import { lowerGraph, narrowedText, parseBits, planQuantization, refinePlan } from '../../src/quantization/index.js';
import { Random } from '../support/integer-graphs.js';

const wide = suite('wide activations');
const options = { method: 'nearest', bits: 'w8a16', seed: 0 };

function builder(): FloatGraphBuilder {
  return new FloatGraphBuilder('small', { file: 'small.model', format: 'builder', sha256: '0' });
}

function origin(nodeName: string): Origin {
  return { file: 'small.model', format: 'builder', nodeName, opType: 'Test' };
}

function ranges(graph: FloatGraph, given: Readonly<Record<string, readonly [number, number]>> = {}): CalibrationTable {
  const entry = ([low, high]: readonly [number, number]) => ({ low, high, min: low, max: high, histogram: { low, high, counts: [1] } });
  const activations = [...graph.tensors.values()].filter((t) => !t.data);
  return { observer: 'min-max', samples: 1, sha256: '0', ranges: new Map(activations.map((t) => [t.id, entry(given[t.name] ?? [-1, 1])])) };
}

function dense(b: FloatGraphBuilder, x: TensorId, name: string, weights: readonly number[], outputs: number): TensorId {
  const w = b.constant(`${name}/w`, [outputs, weights.length / outputs], Float32Array.from(weights));
  const bias = b.constant(`${name}/b`, [outputs], new Float32Array(outputs).fill(0.3));
  return b.apply('dense', [x, w, bias], { activation: null }, origin(name), name);
}

function unary(b: FloatGraphBuilder, x: TensorId, name: string): TensorId {
  return b.apply('unary', [x], { function: 'sigmoid', alpha: 0, beta: 0 }, origin(name), name);
}

const identity = [1, 0, 0, 1];

wide('widths are read up to 16 bits', () => {
  assert.equal(parseBits('w8a16'), { weightBits: 8, activationBits: 16 });
  assert.equal(parseBits('w4a9'), { weightBits: 4, activationBits: 9 });
  for (const bits of ['w8a17', 'w8a1', 'w9a16', 'w8a160', 'w16a16']) assert.throws(() => parseBits(bits), (e: unknown) => e instanceof UsageError && /a16/.test(String(e.hint)));
});

wide('every activation is symmetric, ports included; softmax reads and writes bytes', () => {
  const b = builder();
  const hidden = dense(b, b.input('x', [2], 'float32'), 'hidden', identity, 2);
  b.output('p', b.apply('softmax', [dense(b, hidden, 'logits', identity, 2)], { axis: 0, beta: 1 }, origin('soft'), 'soft'));
  b.output('s', unary(b, hidden, 'gate'));
  const graph = b.build();
  const plan = planQuantization(graph, ranges(graph, { x: [-0.25, 3], hidden: [0, 2] }), options);
  assert.equal(plan.activations.get('x'), { bits: 16, signed: true, scale: Math.fround(3 / 32767), zeroPoint: 0 });
  assert.equal(plan.activations.get('hidden'), { bits: 16, signed: true, scale: Math.fround(2 / 32767), zeroPoint: 0 });
  assert.equal(plan.activations.get('gate'), { bits: 16, signed: true, scale: 1 / 32768, zeroPoint: 0 });
  assert.is(plan.activations.get('logits')!.bits, 8);
  assert.is(plan.activations.get('soft')!.bits, 8);
  const integer = lowerGraph(graph, plan);
  verifyIntegerGraph(integer);
  assert.is(integer.tensors.get(integer.inputs[0]!.tensor)!.type.bits, 16);
  assert.equal(integer.nodes.find((node) => node.op === 'unary')!.inputs.map((id) => integer.tensors.get(id)!.shape), [[2], [513]]);
});

wide("a regression head: the last layer's input and everything behind it", () => {
  const b = builder();
  const first = dense(b, b.input('x', [2], 'float32'), 'first', identity, 2);
  b.output('y', b.apply('clamp', [dense(b, first, 'head', identity, 2)], { min: -1, max: 1 }, origin('clip'), 'clip'));
  const graph = b.build();
  const plan = planQuantization(graph, ranges(graph), { ...options, bits: 'w8a8', widths: { layers: { head: 'w8a16' } } });
  assert.equal(['x', 'first', 'head', 'clip'].map((id) => plan.activations.get(id)!.bits), [8, 16, 16, 16]);
  verifyIntegerGraph(lowerGraph(graph, plan));
});

wide('the widest codes that 32 bits hold, from the real weights: one bit more would wrap', () => {
  for (const [depth, expected] of [[16, 16], [500, 16], [640, 15], [2000, 14], [5000, 12]] as const) {
    const b = builder();
    b.output('y', dense(b, b.input('x', [depth], 'float32'), 'fc', new Array<number>(depth).fill(1), 1));
    const graph = b.build();
    const plan = planQuantization(graph, ranges(graph), options);
    const { bits, scale } = plan.activations.get('x')!;
    assert.is(bits, expected, `depth ${depth}`);
    const integer = lowerGraph(graph, plan);
      const reach = Array.from(constantCodes(integer, 'fc/w')).reduce((sum, w) => sum + BigInt(Math.abs(w)), 0n);
    const bias = BigInt(constantCodes(integer, 'fc/b')[0]!);
    assert.ok(reach * 2n ** BigInt(bits - 1) + bias < 2n ** 31n);
    if (bits < 16) assert.ok(reach * 2n ** BigInt(bits) + 2n * bias >= 2n ** 31n, 'one more would fit');
    assert.ok(Math.abs(scale * (2 ** (bits - 1) - 1) - 1) < 1e-6, 'the range is kept');
    assert.equal(narrowedText(plan.narrowed).length, bits < 16 ? 1 : 0);
    if (bits < 16) assert.match(narrowedText(plan.narrowed)[0]!, new RegExp(`'x' has ${bits} bits.*'fc'`));
  }
});

wide('under shifts a narrower scale is twice the other, and one shift stays the whole requantization', () => {
  const b = builder();
  const [left, right] = [b.input('a', [3, 64], 'float32'), dense(b, b.input('x', [64, 2], 'float32'), 'fc', [1, 0.5, 0.3, 0.2, 0.1, 0.7, 0.9, 0.4, 0.6, 0.8], 5)];
  b.output('y', b.apply('matmul', [left, right], { transposeA: false, transposeB: false }, origin('product'), 'product'));
  const graph = b.build();
  const plan = planQuantization(graph, ranges(graph), { ...options, arith: 'shift' });
  assert.ok(plan.activations.get('fc')!.bits < 16);
  const { requantize } = lowerGraph(graph, plan).nodes.find(({ op }) => op === 'dense')!;
  assert.is(requantize!.mode, 'shift');
});

wide('small weights leave 16 bits to layers as long', () => {
  const random = new Random(3);
  const b = builder();
  b.output('y', dense(b, b.input('x', [640], 'float32'), 'fc', Array.from({ length: 1280 }, (_, i) => (i % 640 === 0 ? 1 : 0.3 * random.next() - 0.15)), 2));
  const graph = b.build();
  assert.is(planQuantization(graph, ranges(graph), options).activations.get('x')!.bits, 16);
});

wide('a product of two activations shares the bits between them', () => {
  const b = builder();
  const [left, right] = [b.input('a', [3, 64], 'float32'), b.input('b', [64, 5], 'float32')];
  b.output('y', b.apply('matmul', [left, right], { transposeA: false, transposeB: false }, origin('product'), 'product'));
  const graph = b.build();
  const plan = planQuantization(graph, ranges(graph), options);
  const [a, c] = ['a', 'b'].map((id) => plan.activations.get(id)!.bits) as [number, number];
  assert.ok(64 * 2 ** (a + c - 2) < 2 ** 31 && 64 * 2 ** (a + c - 1) >= 2 ** 31, `${a} and ${c} bits`);
  assert.ok(Math.abs(a - c) <= 1);
  verifyIntegerGraph(lowerGraph(graph, plan));
});

wide('what a method makes of the weights decides again', async () => {
  const b = builder();
  b.output('y', dense(b, b.input('x', [600], 'float32'), 'fc', Array.from({ length: 600 }, (_, i) => (i === 0 ? 1 : 0.855)), 1));
  const graph = b.build();
  const calibration = ranges(graph);
  const plan = planQuantization(graph, calibration, options);
  assert.is(plan.activations.get('x')!.bits, 16);
  const [id, weights] = [...plan.weights][0]!;
  const learned = { ...plan, weights: new Map([[id, { ...weights, codes: weights.codes.map((code) => code + 1) as Int8Array }]]) };
  const refined = await refinePlan(learned, { graph, calibration, samples: null, seed: 0, biasCorrection: false, note: () => {} } as never);
  assert.is(refined.activations.get('x')!.bits, 15);
});

wide("TFLite's arithmetic has none: its kernels need 64-bit accumulators", () => {
  const b = builder();
  b.output('y', dense(b, b.input('x', [2], 'float32'), 'fc', identity, 2));
  const graph = b.build();
  assert.throws(() => planQuantization(graph, ranges(graph), { ...options, arith: 'tflite' }), (e: unknown) => e instanceof UsageError && /dyadic/.test(String(e.hint)));
});

wide('raw bytes reach int16 codes by a table', () => {
  const b = builder();
  b.output('y', dense(b, b.input('x', [2], 'float32'), 'fc', identity, 2));
  const graph = b.build();
  const plan = planQuantization(graph, ranges(graph, { x: [-1, 1] }), options);
  const integer = lowerGraph(graph, plan, { preprocess: new Map([['x', { scale: 1 / 128, mean: [1], std: [1], layout: null }]]) });
  verifyIntegerGraph(integer);
  const table = constantCodes(integer, integer.nodes[0]!.inputs[1]!);
  assert.ok(table instanceof Int16Array);
  assert.equal([table[0], table[128], table[255]], [-32767, 0, Math.round((127 / 128) * 32767)]);
});

wide.run();
