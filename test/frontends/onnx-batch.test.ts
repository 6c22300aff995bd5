/** The batch axis: dynamic, 1, N; moved, lost in a reshape and found again. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { UnsupportedOperatorError } from '../../src/errors.js';
import { close, evaluate, floats, importParts, integers, node, noise, port, ramp, type ModelParts } from './onnx-writer.js';

const batch = suite('ONNX batch axis');

const dense = (first: number | string): ModelParts => ({
  nodes: [node('Gemm', ['x', 'w'], ['y'], { transB: 1 })],
  inputs: [port('x', [first, 4])],
  outputs: [port('y', [first, 2])],
  constants: [floats('w', [2, 4], ramp(8))],
});

batch('a dynamic batch becomes 1', () => {
  for (const first of ['batch', '', 'unk__7', 1]) {
    const { inputs, outputs, tensors } = importParts(dense(first));
    assert.equal(inputs.map((p) => [p.sourceShape, p.batchAxis]), [[[1, 4], 0]]);
    assert.equal(outputs.map((p) => [p.sourceShape, p.batchAxis]), [[[1, 2], 0]]);
    assert.equal(tensors.get(inputs[0]!.tensor)!.shape, [4]);
  }
});

batch('a dynamic batch that is not the first axis', async () => {
  const parts: ModelParts = { nodes: [node('Transpose', ['x'], ['y'], { perm: [1, 0, 2] })], inputs: [port('x', [3, 'batch', 2])], outputs: [port('y', ['batch', 3, 2])] };
  const graph = importParts(parts);
  assert.is(graph.inputs[0]!.batchAxis, 1);
  assert.is(graph.outputs[0]!.batchAxis, 0);
  assert.is(graph.nodes.length, 0, 'moving the batch axis moves no value');
});

batch('a static batch that all inputs and outputs share is taken for samples', async () => {
  const { graph, outputs } = await evaluate(dense(3), { x: ramp(12) }, 3);
  assert.equal(graph.inputs.map((p) => [p.sourceShape, p.batchAxis]), [[[3, 4], 0]]);
  assert.equal(graph.tensors.get('x')!.shape, [4]);
  close(outputs[0]!, [14, 38, 38, 126, 62, 214]);
});

batch('a static batch survives a reshape that keeps it', () => {
  const parts: ModelParts = { nodes: [node('Reshape', ['x', 's'], ['y'])], inputs: [port('x', [3, 2, 2])], outputs: [port('y', [3, 4])], constants: [integers('s', [3, -1])] };
  const graph = importParts(parts);
  assert.is(graph.outputs[0]!.batchAxis, 0);
  assert.equal(graph.tensors.get(graph.outputs[0]!.tensor)!.shape, [4]);
});

batch('where an operator mixes the first axis with others it is an axis of the one sample', async () => {
  const parts: ModelParts = { nodes: [node('ReduceMean', ['x'], ['m'], { axes: [0] }), node('Sub', ['x', 'm'], ['y'])], inputs: [port('x', [3, 2])], outputs: [port('y', [3, 2])] };
  const { graph, outputs } = await evaluate(parts, { x: ramp(6) });
  assert.is(graph.inputs[0]!.batchAxis, null);
  close(outputs[0]!, [-2, -2, 0, 0, 2, 2]);
});

batch('a convolution over several images that are not samples is refused', () => {
  const parts: ModelParts = {
    nodes: [node('Reshape', ['x', 's'], ['images']), node('Conv', ['images', 'w'], ['y'])],
    inputs: [port('x', [1, 4, 1, 3, 3])],
    outputs: [port('y', [4, 1, 3, 3])],
    constants: [integers('s', [4, 1, 3, 3]), floats('w', [1, 1, 1, 1], [2])],
  };
  assert.throws(() => importParts(parts), (error: unknown) => error instanceof UnsupportedOperatorError && /batch/.test(error.message));
});

batch('windows: the batch is lost in a reshape and found again', async () => {
  // [1, 4, 2] → [2, 2, 2] (windows) → softmax of the last axis → [1, 4, 2], plus the input
  const parts: ModelParts = {
    nodes: [node('Reshape', ['x', 'windows'], ['a']), node('MatMul', ['a', 'a'], ['b']), node('Reshape', ['b', 'back'], ['c']), node('Add', ['c', 'x'], ['y'])],
    inputs: [port('x', [1, 4, 2])],
    outputs: [port('y', [1, 4, 2])],
    constants: [integers('windows', [2, 2, 2]), integers('back', [1, 4, 2])],
  };
  const x = noise(8);
  const { graph, outputs } = await evaluate(parts, { x });
  const square = (m: readonly number[]): number[] => [0, 1].flatMap((r) => [0, 1].map((c) => m[2 * r]! * m[c]! + m[2 * r + 1]! * m[2 + c]!));
  close(outputs[0]!, [...square(x.slice(0, 4)), ...square(x.slice(4))].map((v, i) => v + x[i]!));
  assert.is(graph.outputs[0]!.batchAxis, 0);
});

batch('an attention head: the batch moves through reshape and transpose', async () => {
  const parts: ModelParts = {
    nodes: [
      node('Reshape', ['x', 'heads'], ['a']),
      node('Transpose', ['a'], ['q'], { perm: [0, 2, 1, 3] }),
      node('Transpose', ['a'], ['k'], { perm: [0, 2, 3, 1] }),
      node('MatMul', ['q', 'k'], ['s']),
      node('Softmax', ['s'], ['p'], { axis: -1 }),
      node('MatMul', ['p', 'q'], ['o']),
      node('Transpose', ['o'], ['t'], { perm: [0, 2, 1, 3] }),
      node('Reshape', ['t', 'back'], ['y']),
    ],
    inputs: [port('x', ['N', 3, 4])],
    outputs: [port('y', ['N', 3, 4])],
    constants: [integers('heads', [0, 0, 2, -1]), integers('back', [0, 0, -1])],
  };
  const x = noise(12);
  const { graph, outputs } = await evaluate(parts, { x });
  const expected = new Array<number>(12).fill(0);
  for (let head = 0; head < 2; head++) {
    const at = (row: number, column: number): number => x[4 * row + 2 * head + column]!;
    for (let i = 0; i < 3; i++) {
      const scores = [0, 1, 2].map((j) => Math.exp(at(i, 0) * at(j, 0) + at(i, 1) * at(j, 1)));
      const total = scores.reduce((a, b) => a + b);
      for (let c = 0; c < 2; c++) expected[4 * i + 2 * head + c] = [0, 1, 2].reduce((sum, j) => sum + (scores[j]! / total) * at(j, c), 0);
    }
  }
  close(outputs[0]!, expected);
  for (const { outputs: ids } of graph.nodes) assert.ok(graph.tensors.get(ids[0]!)!.shape.length <= 3, 'no node carries a batch axis');
});

batch('constants broadcast without their leading ones', async () => {
  const parts: ModelParts = {
    nodes: [node('Add', ['x', 'c'], ['y'])],
    inputs: [port('x', [1, 2, 3])],
    outputs: [port('y', [1, 2, 3])],
    constants: [floats('c', [1, 2, 1], [10, 20])],
  };
  const { graph, outputs } = await evaluate(parts, { x: ramp(6) });
  assert.equal(outputs[0], [10, 11, 12, 23, 24, 25]);
  assert.equal(graph.tensors.get('c')!.shape, [2, 1]);
});

batch.run();
