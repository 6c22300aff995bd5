/** Networks of shifts on CUDA: many threads for every operator, the simulator's codes, and no multiplication of data in PTX. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Attributes } from '../../../src/graph/float.js';
import { buildSchedule } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { expectCudaProofs } from '../../support/cuda-proofs.js';
import { byte, type GraphCase, loweredFor, unsigned, wide } from '../../support/every-operator.js';
import { everyShiftOperator } from '../../support/every-shift-operator.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import { narrow, shiftedCase } from '../../support/shift-cases.js';
import { linearCase, randomConvolution, randomDense, randomDepthwise, randomTransposed } from '../../support/linear-cases.js';
import { mergeGraphs } from '../../support/merge-graphs.js';

const test = suite('networks of shifts on CUDA');

/** Three vectors make a full batch of two and a rest of one. */
const VECTORS = 3;

const lowered = loweredFor('shift');
const random = new Random(91);

/** Several tiles and stages, rows of several turns of a warp. */
const LARGE: readonly GraphCase[] = [
  lowered('matmul', { transposeA: false, transposeB: true }, [{ shape: [2, 37, 70], plan: byte }, { shape: [2, 45, 70], plan: unsigned }]),
  lowered('matmul', { transposeA: true, transposeB: false }, [{ shape: [2, 1, 65, 33], plan: unsigned }, { shape: [3, 65, 34], plan: byte }]),
  lowered('matmul', { transposeA: false, transposeB: false }, [{ shape: [1, 130], plan: byte }, { shape: [130, 3], plan: byte }]),
  lowered('layer-norm', { axis: 1, epsilon: 1e-5 }, [{ shape: [9, 96], plan: byte }]),
  lowered('layer-norm', { axis: 1, epsilon: 1e-5 }, [{ shape: [3, 45], plan: wide }], wide),
  lowered('softmax', { axis: 1, beta: 1 }, [{ shape: [9, 65], plan: byte }], { bits: 8, signed: true, scale: 1 / 256, zeroPoint: -128 }),
  lowered('gather', { axis: 0 }, [{ shape: [13, 6], constant: true, plan: byte }, { shape: [9], indices: 13 }], byte),
];

const linear = [randomConvolution, randomDepthwise, randomDense, randomTransposed].flatMap((made, i) => Array.from({ length: i === 2 ? 3 : 6 }, (_, n) => shiftedCase(narrow(made)(random, `${i} ${n}`), random)));

/** Lists of hundreds of terms, which the lanes of a warp share where a launch has few outputs. */
const LONG_LAYERS: readonly { readonly op: string; readonly inputShape: readonly number[]; readonly weightShape: readonly number[]; readonly outputShape: readonly number[]; readonly attributes: Attributes }[] = [
  { op: 'dense', inputShape: [300], weightShape: [5, 300], outputShape: [5], attributes: {} },
  { op: 'conv2d', inputShape: [5, 6, 16], weightShape: [7, 3, 3, 16], outputShape: [5, 6, 7], attributes: { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [1, 1, 1, 1], values: -9 } } },
];
const LONG = LONG_LAYERS.map(({ attributes, ...shapes }) =>
  shiftedCase(linearCase(shapes.op, random, { ...shapes, input: { bits: 8 }, weightBits: 8, outputChannels: shapes.outputShape.at(-1)!, biasRows: 1, attributes: { ...attributes, inputZeroPoint: -9 } }), random),
);

function together(name: string, cases: readonly GraphCase[]) {
  const merged = mergeGraphs(cases.map(({ graph }) => graph));
  const graph = { ...merged, name, provenance: { ...merged.provenance, arith: 'shift' } };
  return { name, graph, inputs: Array.from({ length: VECTORS }, (_, v) => cases.flatMap(({ inputs }) => inputs[v % inputs.length]!)) };
}

const networks = [together('operators', [...everyShiftOperator(), ...LARGE]), together('linear', [...linear, ...LONG])];

test('no operator runs one thread a sample', () => {
  for (const { graph } of networks) {
    const alone = buildSchedule(graph, findTarget('cuda')).steps.filter(({ kernel }) => !kernel.launch);
    assert.equal(alone.map(({ nodes, kernel }) => `${nodes[0]!.op}: ${kernel.template}`), []);
  }
});

test('long lists have a kernel whose warps share them', () => {
  const { steps } = buildSchedule(networks[1]!.graph, findTarget('cuda'));
  assert.equal(steps.slice(-LONG.length).map(({ kernel }) => kernel.variants?.length), [1, 1]);
});

for (const network of networks) {
  test(`${network.name}: equal the simulator`, () => expectFirmwareMatchesSimulator([network], ['cuda']));
}

for (const { name, graph } of networks) {
  test(`${name}: no multiplication of data, no floating point, no register in memory`, async () => {
    await expectCudaProofs(graph);
  });
}

test.run();
