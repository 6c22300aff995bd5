/** Already quantized graphs: codes stay what they are and where they belong, and nothing crosses a change of scale. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FloatGraphBuilder } from '../../../src/graph/builder.js';
import type { Attributes, FloatGraph, SourceQuantization } from '../../../src/graph/float.js';
import { optimizeFloatGraph } from '../../../src/passes/float/index.js';
import { expectSameOutputs, newBuilder, operatorCounts, origin, randomNumbers } from '../../support/float-graphs.js';

const test = suite('float passes on quantized graphs');
const RELU = { min: 0, max: Number.POSITIVE_INFINITY };
const window = { strides: [1, 1], dilations: [1, 1], pad: [1, 1, 1, 1], groups: 1, activation: null };
const next = randomNumbers(11);

function scaled(scale: number): SourceQuantization {
  return { scale: [scale], zeroPoint: [-128], axis: null, bits: 8, signed: true };
}

/** Weights whose values are exactly scale · code, one scale a channel of `axis`. */
function coded(builder: FloatGraphBuilder, shape: readonly number[], axis: number | null): string {
  const size = shape.reduce((a, b) => a * b, 1);
  const channels = axis === null ? 1 : shape[axis]!;
  const behind = axis === null ? size : shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const scale = Array.from({ length: channels }, (_, c) => 2 ** -(5 + c));
  const codes = Int8Array.from({ length: size }, () => Math.round(next() * 127));
  const data = Float32Array.from(codes, (code, k) => code * scale[Math.floor(k / behind) % channels]!);
  return builder.constant('weights', shape, data, origin('weights'), { scale, zeroPoint: scale.map(() => 0), axis, bits: 8, signed: true, codes });
}

function add(builder: FloatGraphBuilder, op: string, inputs: readonly string[], attributes: Attributes, name: string, quantization?: SourceQuantization): string {
  return builder.apply(op, inputs, attributes, origin(name), name, quantization);
}

function expectCodesToMeanTheirValues(graph: FloatGraph): void {
  for (const { data, quantization, shape, name } of graph.tensors.values()) {
    if (!data || !quantization?.codes) continue;
    const { scale, zeroPoint, axis, codes } = quantization;
    const behind = axis === null ? data.length : shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    data.forEach((value, k) => {
      const channel = Math.floor(k / behind) % scale.length;
      assert.is(value, Math.fround(scale[channel]! * (codes[k]! - zeroPoint[channel]!)), `${name}[${k}]`);
    });
  }
}

/** An image classifier as a quantized ONNX export has it: channels first, every activation with a scale. */
function classifier(): FloatGraph {
  const builder = newBuilder();
  const x = builder.input('x', [3, 6, 5], 'float32', { quantization: scaled(0.1) });
  const image = add(builder, 'transpose', [x], { permutation: [1, 2, 0] }, 'image', scaled(0.1));
  const y = add(builder, 'conv2d', [image, coded(builder, [4, 3, 3, 3], 0)], window, 'y');
  const first = add(builder, 'transpose', [y], { permutation: [2, 0, 1] }, 'first');
  const positive = add(builder, 'clamp', [first], RELU, 'positive', scaled(0.2));
  const table = coded(builder, [4, 1, 1], 0);
  const sum = add(builder, 'mul', [positive, table], { activation: null }, 'sum', scaled(0.3));
  const flat = add(builder, 'reshape', [sum], { shape: [120] }, 'flat', scaled(0.3));
  builder.output('classes', add(builder, 'dense', [flat, coded(builder, [3, 120], 0)], { activation: null }, 'classes', scaled(0.4)));
  return builder.build({ quantized: true });
}

test('channels last, with every scale and code in its place', async () => {
  const graph = classifier();
  const { graph: optimized } = optimizeFloatGraph(graph);
  await expectSameOutputs(graph, optimized);
  assert.equal(operatorCounts(optimized), { conv2d: 1, mul: 1, reshape: 1, dense: 1 });
  expectCodesToMeanTheirValues(optimized);
  assert.equal(optimized.nodes.map((node) => optimized.tensors.get(node.outputs[0]!)!.quantization), [0.2, 0.3, 0.3, 0.4].map(scaled));
  assert.equal(optimized.tensors.get(optimized.inputs[0]!.tensor)!.quantization, scaled(0.1));
  const factor = optimized.tensors.get(optimized.nodes.find((node) => node.op === 'mul')!.inputs[1]!)!;
  assert.equal([factor.shape, factor.quantization!.axis, factor.quantization!.scale.length], [[4], 0, 4]);
});

test('nothing is folded into codes', async () => {
  const builder = newBuilder();
  const x = builder.input('x', [6, 5, 3], 'float32', { quantization: scaled(0.1) });
  const y = add(builder, 'conv2d', [x, coded(builder, [4, 3, 3, 3], 0)], window, 'y', scaled(0.2));
  const norm = add(builder, 'batch-norm', [y, builder.constant('s', [4], new Float32Array(4).fill(2)), builder.constant('h', [4], new Float32Array(4))], {}, 'norm', scaled(0.3));
  builder.output('z', add(builder, 'mul', [norm, builder.constant('c', [], Float32Array.of(3))], { activation: null }, 'z', scaled(0.9)));
  const graph = builder.build({ quantized: true });
  const { graph: optimized } = optimizeFloatGraph(graph);
  assert.equal(optimized.nodes.map((node) => node.op), ['conv2d', 'batch-norm', 'mul']);
});

test('a change of scale is a wall', async () => {
  const [same, other] = [scaled(0.2), scaled(0.5)];
  for (const [between, after, fused] of [[same, same, true], [same, other, false], [undefined, other, true]] as const) {
    const builder = newBuilder();
    const x = builder.input('x', [6, 5, 3], 'float32', { quantization: scaled(0.1) });
    const y = add(builder, 'conv2d', [x, coded(builder, [4, 3, 3, 3], 0)], window, 'y', between);
    builder.output('z', add(builder, 'clamp', [y], RELU, 'z', after));
    const { graph } = optimizeFloatGraph(builder.build({ quantized: true }));
    assert.is(graph.nodes.length, fused ? 1 : 2);
    assert.equal(graph.tensors.get(graph.outputs[0]!.tensor)!.quantization, after);
  }
  const moves: Readonly<Record<string, Attributes>> = { transpose: { permutation: [0, 1, 2] }, reshape: { shape: [6, 5, 3] }, pad: { amounts: [[1, 1], [1, 1], [0, 0]], mode: 'constant', value: 0 } };
  for (const [op, attributes] of Object.entries(moves)) {
    const builder = newBuilder();
    const x = builder.input('x', [6, 5, 3], 'float32', { quantization: scaled(0.1) });
    const moved = add(builder, op, [x], attributes, 'moved', other);
    builder.output('z', add(builder, 'conv2d', [moved, coded(builder, [4, 3, 3, 3], 0)], window, 'z', same));
    const { graph } = optimizeFloatGraph(builder.build({ quantized: true }));
    assert.equal(graph.nodes.map((node) => node.op), [op, 'conv2d']);
  }
});

test('a hybrid file: scales take the factor of a batch norm, codes stay', async () => {
  const builder = newBuilder();
  const x = builder.input('x', [6, 5, 3], 'float32');
  const y = add(builder, 'conv2d', [x, coded(builder, [4, 3, 3, 3], null)], window, 'y');
  const factors = Float32Array.of(2, 0.5, 4, 1);
  builder.output('z', add(builder, 'batch-norm', [y, builder.constant('s', [4], factors), builder.constant('h', [4], new Float32Array(4).fill(1))], {}, 'z'));
  const graph = builder.build();
  const { graph: optimized } = optimizeFloatGraph(graph);
  await expectSameOutputs(graph, optimized);
  assert.equal(optimized.nodes.map((node) => node.op), ['conv2d']);
  expectCodesToMeanTheirValues(optimized);
  const { quantization } = optimized.tensors.get(optimized.nodes[0]!.inputs[1]!)!;
  assert.is(quantization!.axis, 0);
  assert.equal(quantization!.scale, [...factors].map((factor) => factor / 32));
});

test('a hybrid file: a negative factor is not folded into codes', async () => {
  const builder = newBuilder();
  const x = builder.input('x', [6, 5, 3], 'float32');
  const y = add(builder, 'conv2d', [x, coded(builder, [2, 3, 3, 3], null)], window, 'y');
  builder.output('z', add(builder, 'batch-norm', [y, builder.constant('s', [2], Float32Array.of(1, -1)), builder.constant('h', [2], new Float32Array(2))], {}, 'z'));
  const graph = builder.build();
  const { graph: optimized } = optimizeFloatGraph(graph);
  await expectSameOutputs(graph, optimized);
  assert.equal(optimized.nodes.map((node) => node.op), ['conv2d', 'depthwise-conv2d']);
});

test.run();
