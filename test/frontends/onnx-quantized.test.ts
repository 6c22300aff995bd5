/** QDQ files: scales become the quantization of tensors, constants keep their codes, no node is left of them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tensorOf } from '../../src/graph/float.js';
import { close, codes, evaluate, floats, importParts, integers, node, port, type ModelParts } from './onnx-writer.js';

const quantized = suite('ONNX quantized files');

/** x → Q → DQ → Conv(w8, b32) → Q → DQ → y */
const conv: ModelParts = {
  nodes: [
    node('QuantizeLinear', ['x', 'sx', 'zx'], ['xq']),
    node('DequantizeLinear', ['xq', 'sx', 'zx'], ['xd']),
    node('DequantizeLinear', ['w8', 'sw', 'zw'], ['w'], { axis: { int: 0 } }),
    node('DequantizeLinear', ['b32', 'sb'], ['b'], { axis: { int: 0 } }),
    node('Conv', ['xd', 'w', 'b'], ['c'], {}, 'conv'),
    node('Relu', ['c'], ['r'], {}, 'act'),
    node('QuantizeLinear', ['r', 'sy', 'zy'], ['rq']),
    node('DequantizeLinear', ['rq', 'sy', 'zy'], ['y']),
  ],
  inputs: [port('x', [1, 2, 1, 2])],
  outputs: [port('y', [1, 3, 1, 2])],
  constants: [
    floats('sx', [], [0.5]),
    codes('zx', 'uint8', [], [3]),
    codes('w8', 'int8', [3, 2, 1, 1], [1, -2, 3, -4, 5, -128]),
    floats('sw', [3], [0.1, 0.2, 0.3]),
    codes('zw', 'int8', [3], [0, 0, 0]),
    codes('b32', 'int32', [3], [10, 20, 30]),
    floats('sb', [3], [0.05, 0.1, 0.15]),
    floats('sy', [], [0.25]),
    codes('zy', 'uint8', [], [0]),
  ],
};

quantized('a QDQ convolution', async () => {
  const { graph, outputs } = await evaluate(conv, { x: [1, 2, 3, 4] });
  assert.ok(graph.quantized);
  assert.not.ok(graph.nodes.some((n) => /quant/i.test(n.op)));
  const node = graph.nodes.find((n) => n.op === 'conv2d')!;
  const [x, weights, bias] = node.inputs.map((id) => tensorOf(graph, id));
  assert.equal(x!.quantization, { scale: [0.5], zeroPoint: [3], axis: null, bits: 8, signed: false });
  assert.equal(weights!.shape, [3, 1, 1, 2]);
  assert.is(weights!.quantization!.axis, 0);
  assert.equal([...weights!.quantization!.codes!], [1, -2, 3, -4, 5, -128]);
  close([...weights!.data!], [0.1, -0.2, 0.6, -0.8, 1.5, -38.4]);
  assert.is(bias!.quantization!.bits, 32);
  assert.equal([...bias!.quantization!.codes!], [10, 20, 30]);
  const output = tensorOf(graph, graph.outputs[0]!.tensor);
  assert.equal(output.quantization!.scale, [0.25]);
  const expected = [0, 1, 2].flatMap((o) => [0, 1].map((p) => Math.max(0, weights!.data![2 * o]! * (1 + p) + weights!.data![2 * o + 1]! * (3 + p) + bias!.data![o]!)));
  close(outputs[0]!, expected);
});

quantized('scales hold on both sides of a transpose, so that it can be dropped', () => {
  const graph = importParts(conv);
  const relu = graph.nodes.find((n) => n.op === 'clamp')!;
  const input = tensorOf(graph, graph.inputs[0]!.tensor);
  assert.equal(input.quantization!.scale, [0.5]);
  assert.is(tensorOf(graph, relu.inputs[0]!).quantization, undefined, 'in front of the Relu nothing is stated');
});

quantized('weights of a depthwise convolution keep their codes and their channel axis', () => {
  const parts: ModelParts = {
    nodes: [node('DequantizeLinear', ['w8', 'sw'], ['w'], { axis: { int: 0 } }), node('Conv', ['x', 'w'], ['y'], { group: 2 })],
    inputs: [port('x', [1, 2, 1, 3])],
    outputs: [port('y', [1, 2, 1, 2])],
    constants: [codes('w8', 'int8', [2, 1, 1, 2], [1, 2, 3, 4]), floats('sw', [2], [0.5, 2])],
  };
  const graph = importParts(parts);
  const node2d = graph.nodes.find((n) => n.op === 'depthwise-conv2d')!;
  const weights = tensorOf(graph, node2d.inputs[1]!);
  assert.equal(weights.shape, [1, 2, 2, 1]);
  assert.is(weights.quantization!.axis, 2);
  assert.equal([...weights.quantization!.codes!], [1, 3, 2, 4]);
  assert.equal([...weights.data!], [0.5, 6, 1, 8]);
  assert.not.ok(graph.quantized, 'only constants carry scales');
});

quantized('int8 and uint8 inputs are activations with a scale', () => {
  const parts: ModelParts = {
    nodes: [node('DequantizeLinear', ['x', 's', 'z'], ['d']), node('Relu', ['d'], ['y'])],
    inputs: [port('x', [1, 4], 'int8')],
    outputs: [port('y', [1, 4])],
    constants: [floats('s', [], [0.1]), codes('z', 'int8', [], [-7])],
  };
  const graph = importParts(parts);
  const input = tensorOf(graph, graph.inputs[0]!.tensor);
  assert.is(input.type, 'float32');
  assert.equal(input.quantization!.zeroPoint, [-7]);
  assert.ok(graph.quantized);
});

quantized('layout operators between Q and DQ pass codes on', () => {
  const parts: ModelParts = {
    nodes: [
      node('QuantizeLinear', ['x', 's', 'z'], ['q']),
      node('Reshape', ['q', 'shape'], ['r']),
      node('DequantizeLinear', ['r', 's', 'z'], ['y']),
    ],
    inputs: [port('x', [1, 4])],
    outputs: [port('y', [1, 2, 2])],
    constants: [floats('s', [], [0.1]), codes('z', 'uint8', [], [7]), integers('shape', [1, 2, 2])],
  };
  const graph = importParts(parts);
  assert.equal(tensorOf(graph, graph.outputs[0]!.tensor).quantization!.zeroPoint, [7]);
});

quantized('an output in codes keeps its scale', () => {
  const parts: ModelParts = {
    nodes: [node('Sigmoid', ['x'], ['a']), node('QuantizeLinear', ['a', 's', 'z'], ['y'])],
    inputs: [port('x', [1, 4])],
    outputs: [port('y', [1, 4], 'uint8')],
    constants: [floats('s', [], [1 / 256]), codes('z', 'uint8', [], [0])],
  };
  const graph = importParts(parts);
  assert.equal(tensorOf(graph, graph.outputs[0]!.tensor).quantization!.scale, [1 / 256]);
});

quantized.run();
