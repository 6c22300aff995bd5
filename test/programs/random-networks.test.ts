/** Random networks of every operator without weights: planner, aliases and in-place steps meet all of them in any order. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import type { Attributes, FloatGraph, Origin, TensorId } from '../../src/graph/float.js';
import type { Codes, IntegerGraph } from '../../src/graph/integer.js';
import { verifyIntegerGraph } from '../../src/graph/verify.js';
import { unaryFunctions } from '../../src/operators/unary-functions.js';
import { lowerGraph } from '../../src/quantization/index.js';
import { activationPlan } from '../../src/quantization/scales.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { Random } from '../support/integer-graphs.js';

const networks = suite('random networks');
const NODES = 16;
const SEED = 4000;

type Shape = readonly [number, number, number];

/** Adds one random node that reads tensors of the network; returns its output. */
function grow(builder: FloatGraphBuilder, tensors: readonly TensorId[], random: Random, origin: Origin): TensorId {
  const x = random.pick(tensors);
  const shape = builder.tensor(x).shape as Shape;
  const same = tensors.filter((t) => builder.tensor(t).shape.join() === shape.join());
  const other = random.pick(same);
  const apply = (op: string, inputs: readonly TensorId[], attributes: Attributes) => builder.apply(op, inputs, attributes, origin);
  const window = { kernel: [2, 2], strides: [1, 1], pad: [1, 0, 0, 1] };
  const activation = random.pick([null, { min: 0, max: 0.5 }]);
  const choices: readonly (() => TensorId)[] = [
    () => apply('add', [x, other], { activation }),
    () => apply('sub', [x, other], { activation }),
    () => apply('mul', [x, other], { activation }),
    () => apply('mul', [x, builder.constant('half', [1], Float32Array.of(0.5), origin)], { activation }),
    () => apply('add', [x, builder.constant('row', [shape[2]], Float32Array.from({ length: shape[2] }, () => random.next() - 0.5), origin)], { activation }),
    () => apply('clamp', [x], { min: -0.25, max: random.pick([0.5, 1]) }),
    () => apply('unary', [x], { function: random.pick(unaryFunctions.filter((f) => f !== 'log' && f !== 'reciprocal' && f !== 'sqrt')), alpha: 0.1, beta: 0.5 }),
    () => apply('max-pool2d', [x], { ...window, activation }),
    () => apply('average-pool2d', [x], { ...window, activation, countIncludePad: random.next() < 0.3 }),
    () => apply('softmax', [x], { axis: random.integer(0, 2), beta: 1 }),
    () => apply('concat', [x, other], { axis: random.integer(0, 2) }),
    () => apply('slice', [x], { starts: [0, 0, 0], sizes: shape.map((d) => Math.max(1, Math.ceil(d / 2))), steps: [1, 1, 1] }),
    () => apply('pad', [x], { amounts: [[1, 0], [0, 1], [0, 0]], mode: random.pick(['constant', 'edge']), value: 0 }),
    () => apply('transpose', [x], { permutation: random.pick([[1, 0, 2], [2, 1, 0], [0, 2, 1]]) }),
    () => apply('reshape', [x], { shape: [shape[2], shape[0], shape[1]] }),
    () => apply('reduce', [x], { function: random.pick(['mean', 'sum', 'max']), axes: [random.integer(0, 2)], keepDims: true }),
    () => apply('resize', [x], { mode: random.pick(['nearest', 'linear']), sizes: [random.integer(1, 7), random.integer(1, 7)], coordinates: 'half-pixel', nearestMode: 'floor' }),
    () => apply('gather', [x, builder.constant('picked', [2], Int32Array.of(0, shape[1] - 1), origin)], { axis: 1 }),
  ];
  return random.pick(choices)();
}

function network(seed: number): { readonly float: FloatGraph; readonly random: Random } {
  const random = new Random(seed);
  const builder = new FloatGraphBuilder(`network ${seed}`, { file: 'test', format: 'builder', sha256: '' });
  const tensors: TensorId[] = [builder.input('x', [5, 6, 4], 'float32'), builder.input('z', [5, 6, 4], 'float32')];
  const read = new Set<TensorId>();
  for (let i = 0; i < NODES; i++) {
    const small = tensors.filter((t) => builder.tensor(t).shape.reduce((a, b) => a * b, 1) < 2000);
    const made = grow(builder, small, random, { file: 'test', format: 'builder', nodeName: `n${i}`, opType: 'test' });
    tensors.push(made);
  }
  const graph = builder.build();
  for (const node of graph.nodes) for (const id of node.inputs) read.add(id);
  for (const id of tensors.slice(2)) if (!read.has(id)) builder.output(`out ${id}`, id);
  return { float: builder.build(), random };
}

/** Every activation gets a random range: the arithmetic need not be sensible to be the same everywhere. */
function lowered(float: FloatGraph, random: Random, arith: 'dyadic' | 'tflite'): IntegerGraph {
  const plans = new Map([...float.tensors.values()].filter((t) => t.type === 'float32').map((t) => [t.id, activationPlan(-2 * random.next(), 2 * random.next(), 8)] as const));
  const graph = lowerGraph(float, { arith, method: 'nearest', bits: 'w8a8', seed: 0, calibrationSha256: null, activations: plans, weights: new Map(), biases: new Map() });
  verifyIntegerGraph(graph);
  return graph;
}

networks('compute the same everywhere', async () => {
  const cases = Array.from({ length: 14 }, (_, i) => {
    const { float, random } = network(SEED + i);
    const graph = lowered(float, random, i % 2 === 0 ? 'dyadic' : 'tflite');
    const inputs: Codes[][] = Array.from({ length: 3 }, () => graph.inputs.map(() => random.codes(new Int8Array(120), -128, 127)));
    return { name: `seed ${SEED + i}`, graph, inputs };
  });
  const used = new Set(cases.flatMap((c) => c.graph.nodes.map((n) => n.op)));
  assert.is(used.size, 16, `operators that occur: ${[...used].join(' ')}`);
  await expectFirmwareMatchesSimulator(cases, ['host', 'cortex-m7']);
});

networks.run();
