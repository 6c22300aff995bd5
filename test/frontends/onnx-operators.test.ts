/** ONNX operators that the operator vectors do not reach: later opsets, attribute forms of old ones, layouts. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeMessage } from '../../src/frontends/onnx/proto.js';
import { close, evaluate, evaluateMessage, floats, importParts, integers, modelMessage, node, noise, port, ramp, type ModelParts } from './onnx-writer.js';

const operators = suite('ONNX operators');

function one(opType: string, dims: readonly number[], extra: { attributes?: Parameters<typeof node>[3]; constants?: ModelParts['constants']; opset?: number; outputDims?: readonly number[] } = {}): ModelParts {
  const constants = extra.constants ?? [];
  return {
    nodes: [node(opType, ['x', ...constants.map((c) => c.name!)], ['y'], extra.attributes ?? {}, 'it')],
    inputs: [port('x', dims)],
    outputs: [port('y', extra.outputDims ?? dims)],
    constants,
    ...(extra.opset && { opset: extra.opset }),
  };
}

/** Abramowitz and Stegun 7.1.26 is too coarse for float32; this is the series with a continued fraction beyond 2. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 5) return Math.sign(x);
  let sum = a;
  let term = a;
  for (let n = 1; n < 200; n++) {
    term *= (-a * a) / n;
    sum += term / (2 * n + 1);
  }
  return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * sum;
}

const SOME = [-3, -1.5, -0.5, 0, 0.25, 1, 2.5, 4];
const geluErf = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2));
const geluTanh = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

for (const [name, attributes, expected] of [
  ['Gelu', {}, geluErf],
  ['Gelu', { approximate: 'none' }, geluErf],
  ['Gelu', { approximate: 'tanh' }, geluTanh],
] as const) {
  operators(`${name} ${JSON.stringify(attributes)} of opset 20`, async () => {
    const { graph, outputs } = await evaluate(one(name, [1, 8], { attributes, opset: 20 }), { x: SOME });
    assert.is(graph.nodes.length, 1);
    close(outputs[0]!, SOME.map(expected));
  });
}

operators("Microsoft's Gelu and FastGelu", async () => {
  const parts = (opType: string): ModelParts => ({ ...one(opType, [1, 8]), nodes: [{ ...node(opType, ['x'], ['y']), domain: 'com.microsoft' }] });
  close((await evaluate(parts('Gelu'), { x: SOME })).outputs[0]!, SOME.map(geluErf));
  close((await evaluate(parts('FastGelu'), { x: SOME })).outputs[0]!, SOME.map(geluTanh));
});

operators('HardSwish, HardSigmoid, Elu, LeakyRelu, Softplus with their defaults', async () => {
  const expected: Readonly<Record<string, (x: number) => number>> = {
    HardSwish: (x) => x * Math.min(1, Math.max(0, x / 6 + 0.5)),
    HardSigmoid: (x) => Math.min(1, Math.max(0, 0.2 * x + 0.5)),
    Elu: (x) => (x < 0 ? Math.exp(x) - 1 : x),
    LeakyRelu: (x) => (x < 0 ? 0.01 * x : x),
    Softplus: (x) => Math.log(1 + Math.exp(x)),
  };
  for (const [name, f] of Object.entries(expected)) close((await evaluate(one(name, [1, 8]), { x: SOME })).outputs[0]!, SOME.map(f));
});

operators('Clip: bounds as attributes before opset 11, as inputs from then on, one of them missing', async () => {
  const clipped = SOME.map((x) => Math.min(2, Math.max(-1, x)));
  close((await evaluate(one('Clip', [1, 8], { attributes: { min: { float: -1 }, max: { float: 2 } }, opset: 7 }), { x: SOME })).outputs[0]!, clipped);
  close((await evaluate(one('Clip', [1, 8], { constants: [floats('low', [], [-1]), floats('high', [], [2])] }), { x: SOME })).outputs[0]!, clipped);
  const upper: ModelParts = { ...one('Clip', [1, 8], { constants: [floats('high', [], [2])] }), nodes: [node('Clip', ['x', '', 'high'], ['y'])] };
  close((await evaluate(upper, { x: SOME })).outputs[0]!, SOME.map((x) => Math.min(2, x)));
});

operators('Softmax flattens the axes behind `axis` before opset 13 and takes one axis from then on', async () => {
  const x = noise(24);
  const softmax = (values: readonly number[]): number[] => {
    const e = values.map(Math.exp);
    const sum = e.reduce((a, b) => a + b);
    return e.map((v) => v / sum);
  };
  const flat = await evaluate(one('Softmax', [1, 2, 3, 4], { attributes: { axis: 1 }, opset: 11 }), { x });
  close(flat.outputs[0]!, softmax(x));
  const last = await evaluate(one('Softmax', [1, 2, 3, 4], { opset: 13 }), { x });
  close(last.outputs[0]!, ramp(6).flatMap((row) => softmax(x.slice(4 * row, 4 * row + 4))));
  const first = await evaluate(one('Softmax', [1, 2, 12], { attributes: { axis: 1 }, opset: 13 }), { x });
  close(first.outputs[0]!, x.map((v, i) => Math.exp(v) / (Math.exp(x[i % 12]!) + Math.exp(x[(i % 12) + 12]!))));
});

operators('axes of ReduceMean, ReduceMax and Squeeze as attribute and as input', async () => {
  const x = noise(24);
  const rowMeans = ramp(6).map((r) => x.slice(4 * r, 4 * r + 4).reduce((a, b) => a + b) / 4);
  const shape = [1, 2, 3, 1];
  close((await evaluate(one('ReduceMean', [1, 2, 3, 4], { attributes: { axes: [-1] }, outputDims: shape }), { x })).outputs[0]!, rowMeans);
  close((await evaluate(one('ReduceMean', [1, 2, 3, 4], { constants: [integers('axes', [3])], opset: 18, outputDims: shape }), { x })).outputs[0]!, rowMeans);
  const max = await evaluate(one('ReduceMax', [1, 2, 3, 4], { constants: [integers('axes', [3, 2])], attributes: { keepdims: 0 }, opset: 18 }), { x });
  close(max.outputs[0]!, [Math.max(...x.slice(0, 12)), Math.max(...x.slice(12))]);
  assert.equal(max.graph.outputs[0]!.sourceShape, [1, 2]);
  const squeezed = importParts(one('Squeeze', [1, 2, 1, 3], { constants: [integers('axes', [2])] }));
  assert.equal(squeezed.outputs[0]!.sourceShape, [1, 2, 3]);
  assert.equal(importParts(one('Squeeze', [1, 2, 1, 3], { attributes: { axes: [2] }, opset: 11 })).outputs[0]!.sourceShape, [1, 2, 3]);
});

operators('a reduction over the batch axis alone changes nothing', async () => {
  const { graph, outputs } = await evaluate(one('ReduceMean', [1, 4], { attributes: { axes: [0], keepdims: { int: 0 } } }), { x: ramp(4) });
  close(outputs[0]!, ramp(4));
  assert.equal([...graph.outputs[0]!.sourceShape], [4]);
  assert.is(graph.outputs[0]!.batchAxis, null);
});

operators('Split of opset 18 with num_outputs makes the last part smaller', async () => {
  const parts: ModelParts = {
    nodes: [node('Split', ['x'], ['a', 'b', 'c'], { axis: 1, num_outputs: 3 })],
    inputs: [port('x', [1, 7])],
    outputs: [port('a', [1, 3]), port('b', [1, 3]), port('c', [1, 1])],
    opset: 18,
  };
  const { outputs } = await evaluate(parts, { x: ramp(7) });
  assert.equal(outputs, [[0, 1, 2], [3, 4, 5], [6]]);
});

operators('Pad of opset 18 takes axes; a negative amount cuts', async () => {
  const padded = one('Pad', [1, 1, 2, 3], { opset: 18 });
  const parts: ModelParts = { ...padded, nodes: [node('Pad', ['x', 'pads', 'value', 'axes'], ['y'])], constants: [integers('pads', [1, -1]), floats('value', [], [9]), integers('axes', [3])] };
  const { graph, outputs } = await evaluate(parts, { x: ramp(6) });
  assert.equal(outputs[0], [9, 0, 1, 9, 3, 4]);
  assert.equal([...graph.outputs[0]!.sourceShape], [1, 1, 2, 3]);
});

operators('Resize of opset 18 takes axes; of opset 10 and Upsample round down', async () => {
  const parts = (opset: number, opType: string, scales: readonly number[], attributes: Parameters<typeof node>[3], inputs: readonly string[]): ModelParts => ({
    nodes: [node(opType, inputs, ['y'], attributes)],
    inputs: [port('x', [1, 1, 2, 2])],
    outputs: [port('y', [1, 1, 4, 4])],
    constants: [floats('scales', [scales.length], scales)],
    opset,
  });
  const doubled = [0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3];
  close((await evaluate(parts(18, 'Resize', [2, 2], { axes: [2, 3], mode: 'nearest' }, ['x', '', 'scales']), { x: ramp(4) })).outputs[0]!, doubled);
  close((await evaluate(parts(10, 'Resize', [1, 1, 2, 2], { mode: 'nearest' }, ['x', 'scales']), { x: ramp(4) })).outputs[0]!, doubled);
  close((await evaluate(parts(9, 'Upsample', [1, 1, 2, 2], { mode: 'nearest' }, ['x', 'scales']), { x: ramp(4) })).outputs[0]!, doubled);
  close((await evaluate(parts(7, 'Upsample', [1, 1, 2, 2], { mode: 'nearest', scales: { floats: [1, 1, 2, 2] } }, ['x']), { x: ramp(4) })).outputs[0]!, doubled);
  const half = await evaluate(parts(13, 'Resize', [1, 1, 2, 2], { mode: 'linear' }, ['x', '', 'scales']), { x: ramp(4) });
  // half_pixel: positions −0.25, 0.25, 0.75, 1.25, clamped to the image
  const at = [0, 0.25, 0.75, 1];
  close(half.outputs[0]!, at.flatMap((r) => at.map((c) => 2 * r + c)));
});

for (const opset of [18, 21]) {
  operators(`GroupNormalization of opset ${opset}: ${opset < 21 ? 'a scale for each group' : 'a scale for each channel'}`, async () => {
    const x = noise(4 * 6);
    const scale = opset < 21 ? [2, 3] : [2, 3, 4, 5];
    const bias = opset < 21 ? [0.5, -0.5] : [0.5, -0.5, 1, 0];
    const parts = one('GroupNormalization', [1, 4, 2, 3], {
      attributes: { num_groups: 2, epsilon: 1e-5 },
      constants: [floats('scale', [scale.length], scale), floats('bias', [bias.length], bias)],
      opset,
    });
    const expected = [0, 1].flatMap((group) => {
      const values = x.slice(12 * group, 12 * group + 12);
      const mean = values.reduce((a, b) => a + b) / 12;
      const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 12;
      return values.map((v, i) => {
        const at = opset < 21 ? group : 2 * group + Math.floor(i / 6);
        return ((v - mean) / Math.sqrt(variance + 1e-5)) * scale[at]! + bias[at]!;
      });
    });
    close((await evaluate(parts, { x })).outputs[0]!, expected);
  });
}

/** Plain nested loops over one image. */
function convolve(x: readonly number[], [channels, height, width]: readonly [number, number, number], w: readonly number[], [outputs, perGroup, kh, kw]: readonly [number, number, number, number], o: { groups: number; stride: number; dilation: number; pad: number }): number[] {
  const size = (length: number, k: number): number => Math.floor((length + 2 * o.pad - (k - 1) * o.dilation - 1) / o.stride) + 1;
  const result: number[] = [];
  for (let out = 0; out < outputs; out++) {
    const group = Math.floor((out * o.groups) / outputs);
    for (let r = 0; r < size(height, kh); r++) {
      for (let c = 0; c < size(width, kw); c++) {
        let sum = 0;
        for (let i = 0; i < perGroup; i++) {
          for (let a = 0; a < kh; a++) {
            for (let b = 0; b < kw; b++) {
              const row = r * o.stride + a * o.dilation - o.pad;
              const column = c * o.stride + b * o.dilation - o.pad;
              const inside = row >= 0 && row < height && column >= 0 && column < width;
              const channel = group * (channels / o.groups) + i;
              if (inside) sum += x[(channel * height + row) * width + column]! * w[((out * perGroup + i) * kh + a) * kw + b]!;
            }
          }
        }
        result.push(sum);
      }
    }
  }
  return result;
}

for (const [title, groups, outputs, expectedOperator] of [
  ['one group', 1, 6, 'conv2d'],
  ['two groups', 2, 6, 'conv2d'],
  ['depthwise', 4, 4, 'depthwise-conv2d'],
  ['depthwise with a multiplier', 4, 8, 'depthwise-conv2d'],
] as const) {
  operators(`Conv, ${title}, strided, dilated, padded`, async () => {
    const x = noise(4 * 7 * 6);
    const weights = [outputs, 4 / groups, 3, 2] as const;
    const w = noise(weights.reduce((a, b) => a * b), 7);
    const parts = one('Conv', [1, 4, 7, 6], { attributes: { group: groups, strides: [2, 2], dilations: [2, 2], pads: [2, 2, 2, 2] }, constants: [floats('w', weights, w)] });
    const { graph, outputs: results } = await evaluate(parts, { x });
    assert.ok(graph.nodes.some((n) => n.op === expectedOperator));
    close(results[0]!, convolve(x, [4, 7, 6], w, weights, { groups, stride: 2, dilation: 2, pad: 2 }));
  });
}

operators('Conv1D keeps its one axis', async () => {
  const x = noise(3 * 9);
  const w = noise(2 * 3 * 3, 5);
  const { graph, outputs } = await evaluate(one('Conv', [1, 3, 9], { constants: [floats('w', [2, 3, 3], w)], outputDims: [1, 2, 7] }), { x });
  assert.equal([...graph.outputs[0]!.sourceShape], [1, 2, 7]);
  close(outputs[0]!, convolve(x, [3, 1, 9], w, [2, 3, 1, 3], { groups: 1, stride: 1, dilation: 1, pad: 0 }));
});

operators('ConvTranspose in groups equals one ConvTranspose a group', async () => {
  const x = noise(4 * 3 * 3);
  const w = noise(4 * 2 * 2 * 2, 3);
  const attributes = { strides: [2, 2], group: 2 };
  const whole = await evaluate(one('ConvTranspose', [1, 4, 3, 3], { attributes, constants: [floats('w', [4, 2, 2, 2], w)] }), { x });
  const halves = await Promise.all(
    [0, 1].map((g) => evaluate(one('ConvTranspose', [1, 2, 3, 3], { attributes: { strides: [2, 2] }, constants: [floats('w', [2, 2, 2, 2], w.slice(16 * g, 16 * g + 16))] }), { x: x.slice(18 * g, 18 * g + 18) })),
  );
  close(whole.outputs[0]!, halves.flatMap((h) => h.outputs[0]!));
});

operators('AveragePool with ceil_mode counts stated padding but not the cells that rounding up adds', async () => {
  const parts = one('AveragePool', [1, 1, 4], { attributes: { kernel_shape: [3], strides: [2], pads: [1, 0], ceil_mode: 1, count_include_pad: 1 }, opset: 19 });
  const { outputs } = await evaluate(parts, { x: [3, 6, 9, 12] });
  close(outputs[0]!, [(0 + 3 + 6) / 3, (6 + 9 + 12) / 3]);
  const open = one('AveragePool', [1, 1, 5], { attributes: { kernel_shape: [2], strides: [2], ceil_mode: 1, count_include_pad: 1 }, opset: 19 });
  close((await evaluate(open, { x: [2, 4, 6, 8, 10] })).outputs[0]!, [3, 7, 10]);
});

operators('Gemm and MatMul with constants become dense layers', async () => {
  const x = noise(4);
  const w = noise(12, 9);
  const product = ramp(3).map((n) => x.reduce((sum, v, k) => sum + v * w[4 * n + k]!, 0));
  const gemm = await evaluate(one('Gemm', [1, 4], { attributes: { transB: 1, alpha: 0.5, beta: { float: 2 } }, constants: [floats('w', [3, 4], w), floats('c', [3], [1, 2, 3])] }), { x });
  close(gemm.outputs[0]!, product.map((v, n) => 0.5 * v + 2 * (n + 1)));
  assert.equal(gemm.graph.nodes.map((n) => n.op), ['dense']);
  const left: ModelParts = { nodes: [node('MatMul', ['w', 'x'], ['y'])], inputs: [port('x', [1, 4, 2])], outputs: [port('y', [1, 3, 2])], constants: [floats('w', [3, 4], w)] };
  const columns = noise(8, 4);
  const { graph, outputs } = await evaluate(left, { x: columns });
  close(outputs[0]!, ramp(3).flatMap((n) => [0, 1].map((c) => ramp(4).reduce((sum, k) => sum + w[4 * n + k]! * columns[2 * k + c]!, 0))));
  assert.ok(graph.nodes.some((n) => n.op === 'dense'));
});

operators('token indices are an int32 input of the network', async () => {
  const table = ramp(10);
  const parts: ModelParts = {
    nodes: [node('Gather', ['table', 'tokens'], ['y'])],
    inputs: [port('tokens', ['batch', 3], 'int64')],
    outputs: [port('y', ['batch', 3, 2])],
    constants: [floats('table', [5, 2], table)],
  };
  const { graph, outputs } = await evaluate(parts, { tokens: [4, 0, 2] });
  assert.equal(outputs[0], [8, 9, 0, 1, 4, 5]);
  assert.is(graph.tensors.get('tokens')!.type, 'int32');
});

operators('integer data that the file casts to float are real inputs', async () => {
  for (const type of ['uint8', 'int64'] as const) {
    const parts: ModelParts = { nodes: [node('Cast', ['x'], ['f'], { to: 1 }), node('Mul', ['f', 'c'], ['y'])], inputs: [port('x', [1, 3], type)], outputs: [port('y', [1, 3])], constants: [floats('c', [], [0.5])] };
    const { graph, outputs } = await evaluate(parts, { x: [1, 2, 255] });
    assert.is(graph.tensors.get('x')!.type, 'float32');
    assert.equal(outputs[0], [0.5, 1, 127.5]);
    assert.not.ok(graph.quantized);
  }
});

operators('weights that are computed from constants fold (weight normalization)', async () => {
  const parts: ModelParts = {
    nodes: [
      node('ReduceL2', ['v'], ['norm'], { axes: [1] }),
      node('Div', ['v', 'norm'], ['unit']),
      node('Mul', ['unit', 'g'], ['w']),
      node('Gemm', ['x', 'w'], ['y'], { transB: 1 }),
    ],
    inputs: [port('x', [1, 2])],
    outputs: [port('y', [1, 2])],
    constants: [floats('v', [2, 2], [3, 4, 0, 2]), floats('g', [2, 1], [10, 1])],
  };
  const { graph, outputs } = await evaluate(parts, { x: [1, 2] });
  assert.equal(graph.nodes.map((n) => n.op), ['dense']);
  close(outputs[0]!, [6 + 16, 2]);
});

operators('functions that the file defines are inlined, with their attributes', async () => {
  const inner: NodeMessage = { opType: 'LeakyRelu', input: ['t'], output: ['b'], name: 'leak', attribute: [{ name: 'alpha', type: 1, refAttrName: 'slope' }] };
  const functions = [{ domain: 'my', name: 'AddLeak', input: ['p', 'q'], output: ['b'], node: [node('Add', ['p', 'q'], ['t']), inner] }];
  const call = (input: readonly string[], output: string, slope: number): NodeMessage => ({ ...node('AddLeak', input, [output], { slope: { float: slope } }), domain: 'my' });
  const message = modelMessage({ nodes: [call(['x', 'c'], 'm', 0.5), call(['m', 'c'], 'y', 0.1)], inputs: [port('x', [1, 2])], outputs: [port('y', [1, 2])], constants: [floats('c', [2], [1, -1])] });
  const { graph, outputs } = await evaluateMessage({ ...message, functions }, { x: [1, -3] });
  assert.equal(graph.nodes.map((n) => n.op), ['add', 'unary', 'add', 'unary']);
  close(outputs[0]!, [3, 0.1 * (0.5 * -4 - 1)]);
});

operators('an If whose condition is known at import becomes its branch', async () => {
  const branch = (factor: number) => ({ node: [node('Mul', ['x', `c${factor}`], [`r${factor}`])], initializer: [floats(`c${factor}`, [], [factor])], output: [port(`r${factor}`, [1, 2])] });
  const choose: NodeMessage = { opType: 'If', input: ['wide'], output: ['y'], attribute: [{ name: 'then_branch', type: 5, g: branch(2) }, { name: 'else_branch', type: 5, g: branch(3) }] };
  const parts = (limit: number): ModelParts => ({
    nodes: [node('Shape', ['x'], ['s']), node('Gather', ['s', 'one'], ['n']), node('Greater', ['n', 'limit'], ['wide']), choose],
    inputs: [port('x', [1, 2])],
    outputs: [port('y', [1, 2])],
    constants: [integers('one', [1], []), integers('limit', [limit], [])],
  });
  assert.equal((await evaluate(parts(1), { x: [1, 2] })).outputs[0], [2, 4]);
  assert.equal((await evaluate(parts(5), { x: [1, 2] })).outputs[0], [3, 6]);
});

operators('Expand and Tile of activations move values', async () => {
  const expand = one('Expand', [1, 1, 3], { constants: [integers('s', [1, 2, 3])], outputDims: [1, 2, 3] });
  assert.equal((await evaluate(expand, { x: [1, 2, 3] })).outputs[0], [1, 2, 3, 1, 2, 3]);
  const tile = one('Tile', [1, 2, 2], { constants: [integers('r', [1, 2, 2])], outputDims: [1, 4, 4] });
  assert.equal((await evaluate(tile, { x: [1, 2, 3, 4] })).outputs[0], [1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4]);
});

operators('a shape chain folds: Shape, Gather, Mul, Unsqueeze, Concat, Reshape', async () => {
  const parts: ModelParts = {
    nodes: [
      node('Shape', ['x'], ['shape']),
      node('Gather', ['shape', 'one'], ['channels']),
      node('Gather', ['shape', 'two'], ['length']),
      node('Mul', ['channels', 'length'], ['product']),
      node('Unsqueeze', ['product', 'axis'], ['last']),
      node('Gather', ['shape', 'zero'], ['n']),
      node('Unsqueeze', ['n', 'axis'], ['first']),
      node('Concat', ['first', 'last'], ['target'], { axis: { int: 0 } }),
      node('Reshape', ['x', 'target'], ['y']),
    ],
    inputs: [port('x', ['N', 3, 4])],
    outputs: [port('y', ['N', 12])],
    constants: [integers('zero', [0], []), integers('one', [1], []), integers('two', [2], []), integers('axis', [0])],
  };
  const { graph, outputs } = await evaluate(parts, { x: ramp(12) });
  assert.equal(outputs[0], ramp(12));
  assert.equal(graph.nodes.map((n) => n.op), ['reshape']);
  assert.equal([...graph.outputs[0]!.sourceShape], [1, 12]);
});

operators('Where, Equal, ConstantOfShape, Expand and Range fold', async () => {
  const parts: ModelParts = {
    nodes: [
      node('ConstantOfShape', ['length'], ['ones'], { value: floats('', [1], [1]) }),
      node('Range', ['zero', 'four', 'step'], ['numbers']),
      node('Equal', ['numbers', 'two'], ['isTwo']),
      node('Expand', ['ten', 'length'], ['tens']),
      node('Where', ['isTwo', 'tens', 'ones'], ['factors']),
      node('Mul', ['x', 'factors'], ['y']),
    ],
    inputs: [port('x', [1, 4])],
    outputs: [port('y', [1, 4])],
    constants: [integers('length', [4]), integers('zero', [0], []), integers('four', [4], []), integers('step', [1], []), integers('two', [2], []), floats('ten', [1], [10])],
  };
  const { graph, outputs } = await evaluate(parts, { x: [1, 2, 3, 4] });
  assert.equal(outputs[0], [1, 2, 30, 4]);
  assert.equal(graph.nodes.map((n) => n.op), ['mul']);
});

operators('all dtypes of initializers are read', async () => {
  const raw = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer);
  const stored = [
    { dataType: 1, rawData: raw(Float32Array.of(1.5, -2)), expected: [1.5, -2] },
    { dataType: 11, rawData: raw(Float64Array.of(1.5, -2)), expected: [1.5, -2] },
    { dataType: 11, doubleData: [1.5, -2], expected: [1.5, -2] },
    { dataType: 10, rawData: raw(Uint16Array.of(0x3e00, 0xc000)), expected: [1.5, -2] },
    { dataType: 10, int32Data: [0x3e00, 0x0001], expected: [1.5, 2 ** -24] },
    { dataType: 16, rawData: raw(Uint16Array.of(0x3fc0, 0xc000)), expected: [1.5, -2] },
  ];
  for (const { expected, ...data } of stored) {
    const { outputs } = await evaluate({ ...one('Add', [1, 2]), nodes: [node('Add', ['x', 'c'], ['y'])], constants: [{ name: 'c', dims: [2], ...data }] }, { x: [0, 0] });
    close(outputs[0]!, expected);
  }
  const whole = [
    { dataType: 2, rawData: Uint8Array.of(3, 200), expected: [3, 200] },
    { dataType: 3, rawData: Uint8Array.of(3, 200), expected: [3, -56] },
    { dataType: 4, rawData: raw(Uint16Array.of(3, 40000)), expected: [3, 40000] },
    { dataType: 5, rawData: raw(Int16Array.of(3, -4)), expected: [3, -4] },
    { dataType: 6, rawData: raw(Int32Array.of(3, -4)), expected: [3, -4] },
    { dataType: 7, rawData: raw(BigInt64Array.of(3n, -4n)), expected: [3, -4] },
    { dataType: 12, rawData: raw(Uint32Array.of(3, 4)), expected: [3, 4] },
    { dataType: 13, rawData: raw(BigUint64Array.of(3n, 4n)), expected: [3, 4] },
    { dataType: 9, rawData: Uint8Array.of(1, 0), expected: [1, 0] },
    { dataType: 22, rawData: Uint8Array.of(0xc3), expected: [3, -4] },
    { dataType: 21, rawData: Uint8Array.of(0xc3), expected: [3, 12] },
    { dataType: 22, int32Data: [0xc3], expected: [3, -4] },
  ];
  for (const { expected, ...data } of whole) {
    const parts: ModelParts = { ...one('Add', [1, 2], { opset: 21 }), nodes: [node('Cast', ['c'], ['f'], { to: 1 }), node('Add', ['x', 'f'], ['y'])], constants: [{ name: 'c', dims: [2], ...data }] };
    close((await evaluate(parts, { x: [0, 0] })).outputs[0]!, expected);
  }
});

operators.run();
