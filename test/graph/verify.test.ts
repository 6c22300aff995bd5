/** Both verifiers: sound graphs pass, each broken rule is named. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AccumulatorOverflowError, IntegerGraphError, ModelFormatError, PtqError, type Origin } from '../../src/errors.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import type { FloatGraph, FloatNode, FloatTensor } from '../../src/graph/float.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { printFloatGraph, printIntegerGraph } from '../../src/graph/print.js';
import { verifyFloatGraph, verifyIntegerGraph } from '../../src/graph/verify.js';
import { sampleGraph, withNode, withTensor } from './sample.js';

const floats = suite('verifyFloatGraph');
const integers = suite('verifyIntegerGraph');
const texts = suite('printed graphs');

const origin: Origin = { file: 'net.onnx', format: 'onnx', nodeName: 'layer', opType: 'Conv' };

function floatGraph(): FloatGraph {
  const b = new FloatGraphBuilder('net', { file: 'net.onnx', format: 'onnx', sha256: '' });
  const x = b.input('x', [4, 4, 2], 'float32');
  const w = b.constant('w', [3, 1, 1, 2], new Float32Array(6).fill(0.5), origin);
  const y = b.apply('conv2d', [x, w], { strides: [1, 1], dilations: [1, 1], pad: [0, 0, 0, 0], groups: 1, activation: { min: 0, max: Infinity } }, origin, 'y');
  const z = b.apply('clamp', [y], { min: 0, max: 6 }, { ...origin, nodeName: 'relu', opType: 'Relu' }, 'z');
  b.output('z', z);
  return b.build();
}

function changed(tensor: string, change: Partial<FloatTensor>): FloatGraph {
  const graph = floatGraph();
  const tensors = new Map(graph.tensors);
  tensors.set(tensor, { ...tensors.get(tensor)!, ...change });
  return { ...graph, tensors };
}

function nodes(change: (nodes: readonly FloatNode[]) => readonly FloatNode[]): FloatGraph {
  const graph = floatGraph();
  return { ...graph, nodes: change(graph.nodes) };
}

floats('a sound graph passes', () => verifyFloatGraph(floatGraph()));

const brokenFloats: readonly (readonly [string, () => FloatGraph, RegExp])[] = [
  ['a NaN weight', () => changed('w', { data: new Float32Array(6).fill(NaN) }), /'w' holds NaN at element 0/],
  ['an infinite weight', () => changed('w', { data: Float32Array.of(0, 0, 0, -Infinity, 0, 0) }), /holds -Infinity at element 3/],
  ['too few weights', () => changed('w', { data: new Float32Array(5) }), /5 values for 6 elements/],
  ['integers in a float tensor', () => changed('w', { data: new Int32Array(6) }), /wrong kind of array/],
  ['an axis of length 0', () => changed('y', { shape: [4, 0, 3] }), /shape \[4, 0, 3\]/],
  ['a shape that the operator does not give', () => changed('y', { shape: [4, 4, 4] }), /'y' is float32 \[4, 4, 4\]/],
  ['a zero scale', () => changed('y', { quantization: { scale: [0], zeroPoint: [0], axis: null, bits: 8, signed: true } }), /scale that is not a positive/],
  ['scales for the wrong number of channels', () => changed('w', { quantization: { scale: [1, 1], zeroPoint: [0, 0], axis: 0, bits: 8, signed: true } }), /2 scales and 2 zero points for 3/],
  ['a tensor under another id', () => changed('y', { id: 'other' }), /says 'other'/],
  ['nodes in the wrong order', () => nodes((n) => [...n].reverse()), /before anything writes it/],
  ['an unknown operator', () => nodes((n) => [{ ...n[0]!, op: 'teleport' }, n[1]!]), /unknown operator 'teleport'/],
  ['the same node twice', () => nodes((n) => [n[0]!, n[0]!, n[1]!]), /occurs twice/],
  ['two writers of one tensor', () => nodes((n) => [n[0]!, { ...n[0]!, id: 'again' }, n[1]!]), /already has a value/],
  ['a tensor that does not exist', () => nodes((n) => [{ ...n[0]!, inputs: ['x', 'v'] }, n[1]!]), /'v', which does not exist/],
  ['no producer', () => nodes((n) => [n[0]!]), /'z' has no producer/],
  ['no output', () => ({ ...floatGraph(), outputs: [] }), /no output/],
  ['a port of another shape', () => ({ ...floatGraph(), inputs: [{ ...floatGraph().inputs[0]!, sourceShape: [1, 2, 4, 4] }] }), /sourceShape gives \[2, 4, 4\]/],
  ['a permutation that is none', () => ({ ...floatGraph(), inputs: [{ ...floatGraph().inputs[0]!, permutation: [0, 0, 1] }] }), /does not permute/],
  ['weights that do not fit', () => changed('w', { shape: [2, 1, 1, 3] }), /do not fit/],
];
for (const [name, graph, reason] of brokenFloats) {
  floats(`refused: ${name}`, () => assert.throws(() => verifyFloatGraph(graph()), (e: unknown) => e instanceof PtqError && reason.test(e.message)));
}
floats('a refused weight names the file and the class is ModelFormatError', () => {
  const broken = changed('w', { data: new Float32Array(6).fill(NaN) });
  assert.throws(() => verifyFloatGraph(broken), (e: unknown) => e instanceof ModelFormatError && e.message.startsWith('net.onnx') && e.origin?.nodeName === 'layer');
});
floats('a permutation of the input axes is accepted', () => {
  const graph = floatGraph();
  verifyFloatGraph({ ...graph, inputs: [{ ...graph.inputs[0]!, sourceShape: [1, 2, 4, 4], permutation: [1, 2, 0] }] });
});

integers('a sound graph passes', () => verifyIntegerGraph(sampleGraph()));

const s = sampleGraph;
const y = (): ReturnType<typeof s>['nodes'][number] => s().nodes[0]!;
const brokenIntegers: readonly (readonly [string, () => IntegerGraph, RegExp])[] = [
  ['a code outside its range', () => withTensor(s(), 'w', { codeRange: [-3, 3] }), /leaves codeRange/],
  ['a range outside its type', () => withTensor(s(), 'y', { codeRange: [-129, 127] }), /does not lie in/],
  ['lanes of another width', () => withTensor(s(), 'c', { constant: { encoding: { kind: 'affine' }, data: new Int16Array(2) } }), /Int16Array, its type needs Int32Array/],
  ['17 bits', () => withTensor(s(), 'y', { type: { bits: 17, signed: true, packed: false } }), /type\.bits 17/],
  ['packed bytes', () => withTensor(s(), 'y', { type: { bits: 8, signed: true, packed: true } }), /type\.packed/],
  ['a scale of zero', () => withTensor(s(), 'y', { real: { kind: 'affine', scale: [0], zeroPoint: [0], axis: null } }), /real\.scale/],
  ['a fractional attribute', () => withNode(s(), 'y', { attributes: { ...y().attributes, inputZeroPoint: 0.5 } }), /attributes\.inputZeroPoint/],
  ['a nested fraction', () => withNode(s(), 'y', { attributes: { ...y().attributes, pad: { amounts: [1, 1, 1, 1], values: -3.5 } } }), /attributes\.pad\.values/],
  ['two multipliers for four channels', () => withNode(s(), 'y', { requantize: { ...y().requantize!, mode: 'dyadicHigh', multiplier: [1, 2] } }), /multiplier has 2 entries for 4 channels/],
  ['a multiplier of 33 bits', () => withNode(s(), 'y', { requantize: { ...y().requantize!, mode: 'dyadicHigh', multiplier: [2 ** 32] } }), /multiplier\[0\]/],
  ['a clamp outside the type', () => withNode(s(), 'y', { requantize: { ...y().requantize!, clamp: [-200, 127] } }), /clamp/],
  ['missing bounds', () => withNode(s(), 'y', { bounds: undefined }), /bounds are missing/],
  ['tighter bounds than proven', () => withNode(s(), 'y', { bounds: { ...y().bounds!, accumulator: y().bounds!.accumulator.map(([l, h]) => [l + 1, h] as const) } }), /bounds\.accumulator\[0\]/],
  ['a weight changed under its bounds', () => withTensor(s(), 'bias', { constant: { encoding: { kind: 'affine' }, data: Int32Array.of(0, 0, 0, 1) }, codeRange: [0, 1] }), /bounds\.accumulator/],
  ['an operator without an integer side', () => withNode(s(), 'flat', { op: 'batch-norm' }), /batch-norm|unknown integer operator/],
  ['a state of another shape', () => ({ ...s(), states: [{ read: 'x', write: 'z', initial: 0 }], inputs: [] }), /differ in shape/],
];
for (const [name, graph, reason] of brokenIntegers) {
  integers(`refused: ${name}`, () => assert.throws(() => verifyIntegerGraph(graph()), (e: unknown) => e instanceof IntegerGraphError && reason.test(e.message)));
}
integers('an accumulator beyond 32 bits names the layer', () => {
  const large = withTensor(s(), 'c', { constant: { encoding: { kind: 'affine' }, data: Int32Array.of(2147483647, 0) }, codeRange: [0, 2147483647] });
  assert.throws(() => verifyIntegerGraph(large), (e: unknown) => e instanceof AccumulatorOverflowError && /'z'/.test(e.message) && /channel 0/.test(e.message));
});

texts('one line a node, with requantization and the proven accumulator', () => {
  const lines = printIntegerGraph(s()).split('\n');
  assert.is(lines.filter((l) => /^(y|flat|z): /.test(l)).length, 3);
  const line = lines.find((l) => l.startsWith('y: '))!;
  assert.match(line, /^y: conv2d\(x, const w i8\[4,3,3,3\]/);
  assert.match(line, 'dyadic multiplier 1034567890..2034567890 (4) shift 40..41 (4) +5 clamp 5..127');
  assert.match(line, /accumulator i32 in -\d+\.\.\d+/);
});
texts('a changed weight changes the text', () => {
  const other = withTensor(s(), 'c', { constant: { encoding: { kind: 'affine' }, data: Int32Array.of(-5, 8) }, codeRange: [-5, 8] });
  assert.is.not(printIntegerGraph(other), printIntegerGraph(s()));
});
texts('a float graph names operator, shapes and source', () => {
  const text = printFloatGraph(floatGraph());
  assert.match(text, 'layer: conv2d(x, const w float32[3,1,1,2]) -> y float32[4,4,3]');
  assert.match(text, '# Conv');
});

floats.run();
integers.run();
texts.run();
