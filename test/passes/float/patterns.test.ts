/** Each rewrite on the smallest graph that shows it: what is left, and that it computes the same. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FloatGraphBuilder } from '../../../src/graph/builder.js';
import type { Attributes, FloatGraph, SourceQuantization } from '../../../src/graph/float.js';
import { optimizeFloatGraph } from '../../../src/passes/float/index.js';
import { expectSameOutputs, newBuilder, operatorCounts, origin, randomArray, randomNumbers } from '../../support/float-graphs.js';

const test = suite('float passes, one by one');
const RELU = { min: 0, max: Number.POSITIVE_INFINITY };
const plain = { strides: [1, 1], dilations: [1, 1], pad: [0, 0, 0, 0], groups: 1, activation: null };

/** A small language for graphs. */
class Sketch {
  readonly builder: FloatGraphBuilder = newBuilder();
  private readonly next = randomNumbers(7);
  private serial = 0;

  input(shape: readonly number[], name = 'x'): string {
    return this.builder.input(name, shape, 'float32');
  }

  do(op: string, inputs: readonly (string | number)[], attributes: Attributes = {}): string {
    const ids = inputs.map((value) => (typeof value === 'number' ? this.value(value) : value));
    return this.builder.apply(op, ids, attributes, origin(`${op}${this.serial++}`));
  }

  value(value: number): string {
    return this.builder.constant(`c${this.serial++}`, [], Float32Array.of(value), origin('constant'));
  }

  random(shape: readonly number[], offset = 0, quantization?: SourceQuantization): string {
    const data = randomArray(shape.reduce((a, b) => a * b, 1), this.next).map((v) => v + offset);
    return this.builder.constant(`c${this.serial++}`, shape, data, origin('constant'), quantization);
  }

  build(...outputs: readonly string[]): FloatGraph {
    outputs.forEach((id, i) => this.builder.output(`y${i}`, id));
    return this.builder.build();
  }
}

/** The operators that are left, in order; the outputs must be the same. */
async function left(graph: FloatGraph, tolerance = 1e-5): Promise<readonly string[]> {
  const { graph: optimized } = optimizeFloatGraph(graph);
  await expectSameOutputs(graph, optimized, { tolerance });
  return optimized.nodes.map((node) => (node.op === 'unary' ? String(node.attributes['function']) : node.op));
}

function unary(s: Sketch, name: string, x: string): string {
  return s.do('unary', [x], { function: name, alpha: 0, beta: 0 });
}

test('GELU by erf, however it is spelled', async () => {
  const spellings: ((s: Sketch, x: string) => string)[] = [
    (s, x) => s.do('mul', [s.do('mul', [x, s.do('add', [unary(s, 'erf', s.do('div', [x, Math.SQRT2])), 1])]), 0.5]),
    (s, x) => s.do('mul', [s.do('mul', [x, 0.5]), s.do('add', [1, unary(s, 'erf', s.do('mul', [x, Math.SQRT1_2]))])]),
    (s, x) => s.do('mul', [x, s.do('mul', [0.5, s.do('add', [1, unary(s, 'erf', s.do('mul', [x, Math.SQRT1_2]))])])]),
  ];
  for (const spell of spellings) {
    const s = new Sketch();
    assert.equal(await left(s.build(spell(s, s.input([5, 7])))), ['gelu']);
  }
});

test('GELU by tanh', async () => {
  const s = new Sketch();
  const x = s.input([5, 7]);
  const cube = s.do('mul', [s.do('mul', [x, x]), x]);
  const inner = s.do('mul', [s.do('add', [x, s.do('mul', [cube, 0.044715])]), Math.sqrt(2 / Math.PI)]);
  assert.equal(await left(s.build(s.do('mul', [s.do('mul', [x, 0.5]), s.do('add', [unary(s, 'tanh', inner), 1])]))), ['gelu-tanh']);
});

test('SiLU, hard-swish and hard-sigmoid', async () => {
  const silu = new Sketch();
  const a = silu.input([9]);
  assert.equal(await left(silu.build(silu.do('mul', [unary(silu, 'sigmoid', a), a]))), ['silu']);
  const swish = new Sketch();
  const b = swish.input([9]);
  const gate = swish.do('clamp', [swish.do('add', [b, 3])], { min: 0, max: 6 });
  assert.equal(await left(swish.build(swish.do('div', [swish.do('mul', [b, gate]), 6]))), ['hard-swish']);
  const sigmoid = new Sketch();
  const c = sigmoid.input([9]);
  const sum = sigmoid.do('add', [sigmoid.do('mul', [c, 0.2]), 0.5]);
  assert.equal(await left(sigmoid.build(sigmoid.do('clamp', [sum], { min: 0, max: 1 }))), ['hard-sigmoid']);
});

test('a value that others read as well stays', async () => {
  const s = new Sketch();
  const x = s.input([9]);
  const gate = unary(s, 'sigmoid', x);
  assert.equal(await left(s.build(s.do('mul', [gate, x]), gate)), ['sigmoid', 'mul']);
});

function normalized(s: Sketch, x: string, axes: readonly number[]): string {
  const mean = (v: string): string => s.do('reduce', [v], { function: 'mean', axes, keepDims: true });
  const centred = s.do('sub', [x, mean(x)]);
  return s.do('div', [centred, unary(s, 'sqrt', s.do('add', [mean(unary(s, 'square', centred)), 1e-5]))]);
}

test('layer norm in single nodes, with gamma and beta', async () => {
  const s = new Sketch();
  const norm = normalized(s, s.input([6, 8]), [-1]);
  assert.equal(await left(s.build(s.do('add', [s.do('mul', [norm, s.random([8], 2)]), s.random([8])]))), ['layer-norm']);
});

test('instance norm in single nodes, channels first', async () => {
  const s = new Sketch();
  const image = s.do('transpose', [s.do('conv2d', [s.input([6, 5, 3]), s.random([4, 1, 1, 3])], plain)], { permutation: [2, 0, 1] });
  const norm = s.do('add', [s.do('mul', [normalized(s, image, [1, 2]), s.random([4, 1, 1], 2)]), s.random([4, 1, 1])]);
  const last = s.do('transpose', [norm], { permutation: [1, 2, 0] });
  assert.equal(await left(s.build(s.do('conv2d', [last, s.random([2, 3, 3, 4])], plain))), ['conv2d', 'group-norm', 'conv2d']);
});

test('layer norm over channels, channels first, ends over the last axis', async () => {
  const s = new Sketch();
  const image = s.do('transpose', [s.do('conv2d', [s.input([6, 5, 3]), s.random([4, 1, 1, 3])], plain)], { permutation: [2, 0, 1] });
  const norm = s.do('add', [s.do('mul', [normalized(s, image, [0]), s.random([4, 1, 1], 2)]), s.random([4, 1, 1])]);
  const last = s.do('transpose', [norm], { permutation: [1, 2, 0] });
  assert.equal(await left(s.build(s.do('conv2d', [last, s.random([2, 3, 3, 4])], plain))), ['conv2d', 'layer-norm', 'conv2d']);
});

test('two outputs with one value stay two tensors', async () => {
  const s = new Sketch();
  const y = unary(s, 'tanh', s.input([4]));
  const graph = s.build(y, s.do('reshape', [y], { shape: [4] }));
  const { graph: optimized } = optimizeFloatGraph(graph);
  await expectSameOutputs(graph, optimized);
  assert.is(new Set(optimized.outputs.map((port) => port.tensor)).size, 2);
});

test('group norm between convolutions needs no transpose, and takes scale and shift', async () => {
  const s = new Sketch();
  const image = s.do('transpose', [s.do('conv2d', [s.input([6, 5, 3]), s.random([8, 1, 1, 3])], plain)], { permutation: [2, 0, 1] });
  const rows = s.do('transpose', [s.do('reshape', [image], { shape: [4, 60] })], { permutation: [1, 0] });
  const norm = s.do('group-norm', [rows, s.random([4], 2), s.random([4])], { groups: 4, epsilon: 1e-5 });
  const back = s.do('reshape', [s.do('transpose', [norm], { permutation: [1, 0] })], { shape: [8, 6, 5] });
  const scaled = s.do('add', [s.do('mul', [back, s.random([8, 1, 1], 2)]), s.random([8, 1, 1])]);
  const graph = s.build(s.do('conv2d', [s.do('transpose', [scaled], { permutation: [1, 2, 0] }), s.random([2, 3, 3, 8])], { ...plain, pad: [1, 1, 1, 1] }));
  assert.equal(await left(graph), ['conv2d', 'group-norm', 'conv2d']);
});

test('batch norm, scale, shift and clamp all end in the convolution', async () => {
  for (const [op, weights] of [['conv2d', [4, 3, 3, 3]], ['depthwise-conv2d', [3, 3, 3, 2]], ['conv2d-transpose', [4, 2, 2, 3]]] as const) {
    const s = new Sketch();
    const c = op === 'depthwise-conv2d' ? 6 : 4;
    const y = s.do(op, [s.input([6, 6, 3]), s.random(weights), s.random([c])], { ...plain, pad: [1, 1, 1, 1], outputPadding: [0, 0] });
    const norm = s.do('batch-norm', [y, s.random([c], 1.5), s.random([c])]);
    const shifted = s.do('sub', [s.do('mul', [norm, s.random([1, 1, c], 2)], { activation: null }), 0.25], { activation: null });
    assert.equal(await left(s.build(s.do('clamp', [shifted], RELU))), [op]);
  }
});

test('a batch norm before an unpadded convolution goes into it, before a padded one it stays', async () => {
  for (const [pad, expected] of [[0, ['conv2d']], [1, ['depthwise-conv2d', 'conv2d']]] as const) {
    const s = new Sketch();
    const norm = s.do('batch-norm', [s.input([6, 6, 4]), s.random([4], 2), s.random([4])]);
    const grouped = { ...plain, groups: 2, pad: [pad, pad, pad, pad] };
    assert.equal(await left(s.build(s.do('conv2d', [norm, s.random([6, 3, 3, 2])], grouped))), [...expected]);
  }
});

test('zero padding goes into convolutions and pools', async () => {
  const s = new Sketch();
  const padding = { amounts: [[1, 1], [0, 2], [0, 0]], mode: 'constant', value: 0 };
  const x = s.do('pad', [s.input([6, 6, 3])], padding);
  const pool = s.do('average-pool2d', [x], { kernel: [3, 3], strides: [1, 1], pad: [0, 0, 0, 0], countIncludePad: false, activation: null });
  assert.equal(await left(s.build(pool, s.do('conv2d', [x, s.random([2, 3, 3, 3])], plain))), ['average-pool2d', 'conv2d']);
});

test('padding with another value, or before a max pool, stays', async () => {
  for (const value of [0, 1]) {
    const s = new Sketch();
    const x = s.do('pad', [s.input([6, 6, 3])], { amounts: [[1, 1], [1, 1], [0, 0]], mode: 'constant', value });
    const read = value === 0 ? s.do('max-pool2d', [x], { kernel: [2, 2], strides: [1, 1], pad: [0, 0, 0, 0], activation: null }) : s.do('conv2d', [x, s.random([2, 3, 3, 3])], plain);
    assert.equal((await left(s.build(read)))[0], 'pad');
  }
});

test('a channels-first network ends without transposes, its ports remember the order', async () => {
  const s = new Sketch();
  const last = { permutation: [1, 2, 0] };
  const first = { permutation: [2, 0, 1] };
  const conv = (x: string, weights: readonly number[]): string => s.do('transpose', [s.do('conv2d', [s.do('transpose', [x], last), s.random(weights)], { ...plain, pad: [1, 1, 1, 1] })], first);
  const x = s.input([3, 6, 5]);
  const a = s.do('clamp', [conv(x, [4, 3, 3, 3])], RELU);
  const joined = s.do('concat', [s.do('add', [a, conv(a, [4, 3, 3, 4])]), s.random([2, 6, 5])], { axis: 0 });
  const logits = s.do('dense', [s.do('reshape', [joined], { shape: [180] }), s.random([3, 180])], { activation: null });
  const graph = s.build(joined, logits);
  const { graph: optimized } = optimizeFloatGraph(graph);
  await expectSameOutputs(graph, optimized);
  assert.is(operatorCounts(optimized)['transpose'], undefined);
  assert.equal(optimized.inputs[0]!.permutation, [1, 2, 0]);
  assert.equal(optimized.outputs[0]!.permutation, [1, 2, 0]);
});

test('a dense layer followed by an image takes the order into its rows', async () => {
  const s = new Sketch();
  const seed = s.do('dense', [s.input([4]), s.random([60, 4]), s.random([60])], { activation: null });
  const image = s.do('transpose', [s.do('reshape', [seed], { shape: [3, 5, 4] })], { permutation: [1, 2, 0] });
  assert.equal(await left(s.build(s.do('conv2d', [image, s.random([2, 3, 3, 3])], plain))), ['dense', 'reshape', 'conv2d']);
});

test('1D convolutions meet their activations and each other', async () => {
  const s = new Sketch();
  const conv = (x: string, weights: readonly number[]): string => {
    const image = s.do('reshape', [s.do('transpose', [x], { permutation: [1, 0] })], { shape: [1, 12, weights[3]!] });
    const y = s.do('conv2d', [image, s.random(weights)], { ...plain, pad: [0, 0, 1, 1] });
    return s.do('transpose', [s.do('reshape', [y], { shape: [12, weights[0]!] })], { permutation: [1, 0] });
  };
  const a = s.do('clamp', [conv(s.input([3, 12]), [4, 1, 3, 3])], RELU);
  const ops = await left(s.build(s.do('add', [a, s.do('clamp', [conv(a, [4, 1, 3, 4])], RELU)])));
  assert.equal(ops, ['reshape', 'conv2d', 'conv2d', 'add', 'reshape']);
});

test('moves that cancel across a reshape are seen', async () => {
  const s = new Sketch();
  const first = s.do('transpose', [unary(s, 'tanh', s.input([4, 5, 6]))], { permutation: [2, 0, 1] });
  const rows = s.do('transpose', [s.do('reshape', [first], { shape: [6, 20] })], { permutation: [1, 0] });
  assert.equal(await left(s.build(s.do('layer-norm', [rows], { axis: 1, epsilon: 1e-5 }))), ['tanh', 'reshape', 'layer-norm']);
});

test('nodes without variable inputs, repeated nodes and dead ones go', async () => {
  const s = new Sketch();
  const x = s.input([4]);
  const weights = s.do('transpose', [s.do('mul', [s.random([4, 3]), 2])], { permutation: [1, 0] });
  const y = s.do('dense', [x, weights], { activation: null });
  s.do('add', [y, 1]);
  assert.equal(await left(s.build(s.do('mul', [unary(s, 'tanh', y), unary(s, 'tanh', y)]))), ['dense', 'tanh', 'square']);
});

test('division by a constant becomes a product, by zero or a variable it stays', async () => {
  for (const [divisor, expected] of [[8, 'mul'], [0, 'div']] as const) {
    const s = new Sketch();
    const { graph } = optimizeFloatGraph(s.build(s.do('div', [unary(s, 'tanh', s.input([4, 3])), divisor])));
    assert.is(graph.nodes.at(-1)!.op, expected);
  }
  const s = new Sketch();
  assert.equal(await left(s.build(s.do('div', [2, s.do('add', [unary(s, 'sigmoid', s.input([4, 3])), 1])]))), ['sigmoid', 'add', 'div']);
});

test('the scale of attention scores goes into their softmax, and the transpose of keys into the product', async () => {
  for (const op of ['mul', 'div'] as const) {
    const s = new Sketch();
    const query = s.input([3, 5, 4], 'query');
    const keys = s.do('reshape', [s.input([60], 'keys')], { shape: [5, 3, 4] });
    const product = s.do('matmul', [query, s.do('transpose', [keys], { permutation: [1, 2, 0] })], { transposeA: false, transposeB: false });
    const graph = s.build(s.do('softmax', [s.do(op, [product, 2.5])], { axis: 2, beta: 1 }));
    assert.equal(await left(graph), ['reshape', 'transpose', 'matmul', 'softmax']);
    const { nodes } = optimizeFloatGraph(graph).graph;
    assert.equal(nodes[1]!.attributes['permutation'], [1, 0, 2]);
    assert.is(nodes[2]!.attributes['transposeB'], true);
    assert.ok(Math.abs((nodes[3]!.attributes['beta'] as number) - (op === 'mul' ? 2.5 : 0.4)) < 1e-6);
  }
  const s = new Sketch();
  const x = s.input([2, 3, 4]);
  const square = s.do('matmul', [s.input([2, 5, 3], 'a'), s.do('transpose', [s.do('transpose', [x], { permutation: [0, 2, 1] })], { permutation: [0, 2, 1] })], { transposeA: false, transposeB: false });
  assert.equal(await left(s.build(square)), ['matmul']);
});

test('a dense layer that is only cut along its channels is split', async () => {
  const cut = (sizes: readonly number[], more = false) => {
    const s = new Sketch();
    const all = s.do('dense', [s.input([5, 4]), s.random([7, 4]), s.random([7])], { activation: null });
    let start = 0;
    const parts = sizes.map((size) => s.do('slice', [all], { starts: [0, (start += size) - size], sizes: [5, size], steps: [1, 1] }));
    return s.build(...parts, ...(more ? [all] : []));
  };
  assert.equal(await left(cut([2, 4, 1])), ['dense', 'dense', 'dense']);
  assert.equal(await left(cut([2, 3])), ['dense', 'dense']);
  assert.equal(await left(cut([2, 4, 1], true)), ['dense', 'slice', 'slice', 'slice']);
  assert.equal(await left(cut([4])), ['dense', 'slice']);
});

test('negative factors, factors of many values and scores that others read stay before the softmax', async () => {
  const scaled = (factor: (s: Sketch) => string | number, more = false) => {
    const s = new Sketch();
    const product = s.do('mul', [s.input([3, 4]), factor(s)]);
    const probabilities = s.do('softmax', [product], { axis: 1, beta: 1 });
    return more ? s.build(probabilities, product) : s.build(probabilities);
  };
  assert.equal(await left(scaled(() => -2)), ['mul', 'softmax']);
  assert.equal(await left(scaled((s) => s.random([4]))), ['mul', 'softmax']);
  assert.equal(await left(scaled(() => 2, true)), ['mul', 'softmax']);
});

test.run();
