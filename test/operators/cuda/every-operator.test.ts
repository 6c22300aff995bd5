/** Every operator on CUDA: many random layers side by side in one program, every thread of every block emulated, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Attributes } from '../../../src/graph/float.js';
import type { Codes, IntegerGraph } from '../../../src/graph/integer.js';
import { allOperators } from '../../../src/operators/index.js';
import type { ActivationPlan, Arithmetic } from '../../../src/operators/lower.js';
import { buildSchedule } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { byteMatmulCase, poolCase, productCase, reductionCase, rescalingCase, shiftGateCase, shiftmaxCase, softmaxCase, tableCase, twinSoftmaxCase, wideTableCase } from '../../support/byte-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../../support/integer-graphs.js';
import { type LinearCase, randomConvolution, randomDense, randomDepthwise, randomMatmul, randomTransposed } from '../../support/linear-cases.js';
import { mergeGraphs } from '../../support/merge-graphs.js';
import { type CaseInput, lowerCase } from '../../support/operator-cases.js';
import { shiftedCase } from '../../support/shift-cases.js';

const test = suite('every operator on CUDA');

interface Case {
  readonly graph: IntegerGraph;
  /** One entry a vector. */
  readonly inputs: readonly (readonly Codes[])[];
}

const byte: ActivationPlan = { bits: 8, signed: true, scale: 0.011, zeroPoint: -40 };
const unsigned: ActivationPlan = { bits: 8, signed: false, scale: 0.013, zeroPoint: 117 };
const wide: ActivationPlan = { bits: 16, signed: true, scale: 2 ** -13, zeroPoint: 0 };
const image = { shape: [7, 9, 5], plan: byte };
const windows = { kernel: [3, 2], strides: [2, 1], pad: [1, 1, 0, 1], activation: null };
const none = { activation: null };
const constant = (shape: readonly number[]) => ({ shape, constant: true, plan: { bits: 16, signed: true, scale: 2 ** -13, zeroPoint: 0 } }) as const;

/** Three vectors make a full batch of two and a rest of one. */
const VECTORS = 3;

type Lowered = (op: string, attributes: Attributes, inputs: readonly CaseInput[], output?: ActivationPlan) => Case;

function layers(arith: Arithmetic): readonly Case[] {
  const lowered: Lowered = (op, attributes, inputs, output = { ...byte, scale: 0.0234 }) => {
    const { graph, inputs: codes } = lowerCase({ name: op, op, attributes, inputs, output, arith, naive: () => [] }, op.length + inputs.length);
    return { graph, inputs: codes };
  };
  const matrices = (plan: ActivationPlan, transposeB = false): CaseInput[] => [{ shape: [2, 3, 7], plan }, { shape: transposeB ? [2, 11, 7] : [2, 7, 11], plan }];
  const pools = arith === 'tflite' ? byte : { ...byte, scale: 0.0234 };
  return [
    lowered('matmul', { transposeA: false, transposeB: true }, matrices(unsigned, true)),
    lowered('matmul', { transposeA: true, transposeB: false }, [{ shape: [2, 1, 7, 3], plan: byte }, { shape: [3, 7, 2], plan: unsigned }]),
    lowered('layer-norm', { axis: 1, epsilon: 1e-5 }, [{ shape: [5, 33], plan: byte }, constant([33]), constant([33])]),
    lowered('layer-norm', { axis: 0, epsilon: 1e-5 }, [{ shape: [2, 40], plan: wide }, constant([2, 40]), constant([2, 40])], wide),
    lowered('average-pool2d', { ...windows, countIncludePad: false }, [image], pools),
    lowered('average-pool2d', { ...windows, pad: [0, 0, 0, 0], countIncludePad: false }, [image], pools),
    lowered('max-pool2d', windows, [image], byte),
    lowered('resize', { mode: 'linear', sizes: [14, 18], coordinates: 'half-pixel', nearestMode: 'floor' }, [image]),
    lowered('resize', { mode: 'nearest', sizes: [5, 13], coordinates: 'half-pixel', nearestMode: 'floor' }, [image], byte),
    lowered('reduce', { function: 'mean', axes: [0, 2], keepDims: false }, [image]),
    lowered('reduce', { function: 'max', axes: [1], keepDims: true }, [image], byte),
    lowered('softmax', { axis: 1, beta: 1 }, [{ shape: [3, 7, 5], plan: byte }], { bits: 8, signed: true, scale: 1 / 256, zeroPoint: -128 }),
    lowered('softmax', { axis: 2, beta: 1 }, [{ shape: [3, 7, 45], plan: byte }], { bits: 8, signed: true, scale: 1 / 256, zeroPoint: -128 }),
    lowered('unary', { function: 'gelu', alpha: 0, beta: 0 }, [image]),
    lowered('unary', { function: 'gelu', alpha: 0, beta: 0 }, [{ shape: [40], plan: wide }], wide),
    lowered('add', none, [image, { shape: [9, 1], plan: unsigned }]),
    lowered('sub', none, [image, { shape: [7, 9, 5], plan: unsigned }]),
    lowered('mul', none, [image, { shape: [9, 1], plan: unsigned }]),
    lowered('div', none, [image, { shape: [5], constant: [1, 2, 3, 0.7, 5], plan: unsigned }]),
    lowered('clamp', { min: -0.2, max: 0.3 }, [image], byte),
    lowered('concat', { axis: 1 }, [image, { shape: [7, 3, 5], plan: unsigned }]),
    lowered('slice', { starts: [1, 8, 0], sizes: [3, 3, 3], steps: [2, -3, 2] }, [image], byte),
    lowered('slice', { starts: [1, 2, 0], sizes: [3, 3, 5], steps: [2, 1, 1] }, [image], byte),
    lowered('transpose', { permutation: [2, 0, 1] }, [image], byte),
    lowered('reshape', { shape: [5, 63] }, [image], byte),
    lowered('pad', { mode: 'constant', amounts: [[1, 2], [0, 3], [1, 0]], value: 0 }, [image], byte),
    lowered('pad', { mode: 'reflect', amounts: [[1, 2], [0, 3], [1, 0]], value: 0 }, [image], byte),
    lowered('gather', { axis: 0 }, [{ shape: [11, 6], constant: true, plan: byte }, { shape: [9], indices: 11 }], byte),
    lowered('gather', { axis: 1 }, [image, { shape: [3], constant: [4, 0, 7], indices: 9 }], byte),
    inputTable(),
  ];
}

function inputTable(): Case {
  const random = new Random(5);
  const builder = new IntegerGraphBuilder();
  const table = builder.constant('table', [3, 256], random.codes(new Int8Array(768), -128, 127));
  builder.node('input-table', 'y', [builder.input('x', [5, 7, 3], { signed: false }), table], { shape: [5, 7, 3] });
  return { graph: builder.build(['y']), inputs: Array.from({ length: VECTORS }, () => [random.codes(new Uint8Array(105), 0, 255)]) };
}

const MAKERS = [randomConvolution, randomDepthwise, randomTransposed, randomDense, randomMatmul, byteMatmulCase, poolCase, productCase, reductionCase, rescalingCase, softmaxCase, tableCase, wideTableCase, twinSoftmaxCase, shiftmaxCase, shiftGateCase];

function randomLayers(makers: readonly ((random: Random, name: string) => LinearCase)[], each: number, seed: number): readonly LinearCase[] {
  const random = new Random(seed);
  return makers.flatMap((made, i) => Array.from({ length: each }, (_, n) => made(random, `seed ${seed} maker ${i} number ${n}`)));
}

/** All of them as one network, which one compiler run builds. */
function together(cases: readonly Case[], arith: string): Case & { readonly name: string } {
  const merged = mergeGraphs(cases.map(({ graph }) => graph));
  const graph = { ...merged, provenance: { ...merged.provenance, arith } };
  return { name: arith, graph, inputs: Array.from({ length: VECTORS }, (_, v) => cases.flatMap(({ inputs }) => inputs[v % inputs.length]!)) };
}

const networks = [
  together([...layers('dyadic'), ...randomLayers(MAKERS.slice(0, 6), 2, 41), ...randomLayers(MAKERS.slice(6), 1, 42)], 'dyadic'),
  together([...layers('tflite'), ...randomLayers(MAKERS.slice(0, 4), 2, 43)], 'tflite'),
];

test('the list is whole, and every layer has a kernel of many threads', () => {
  const tested = new Set(networks.flatMap(({ graph }) => graph.nodes.map(({ op }) => op)));
  assert.equal(allOperators().filter(({ name, integer }) => integer !== undefined && !tested.has(name)).map(({ name }) => name), []);
  for (const { graph } of networks) {
    const alone = buildSchedule(graph, findTarget('cuda')).steps.filter(({ kernel }) => kernel.family !== 'cuda');
    assert.equal(alone.map(({ nodes, kernel }) => `${nodes[0]!.op}: ${kernel.template}`), []);
  }
});

for (const network of networks) {
  test(`${network.name}: equals the simulator`, () => expectFirmwareMatchesSimulator([network], ['cuda']));
}

test('shift: equals the simulator', async () => {
  const random = new Random(44);
  const fits = (one: LinearCase): boolean => one.inputs[0]![0]!.BYTES_PER_ELEMENT === 1;
  const linear = randomLayers([randomConvolution, randomDepthwise, randomDense], 3, 45).filter(fits).map((one) => shiftedCase(one, random));
  await expectFirmwareMatchesSimulator([together([...layers('shift'), ...linear], 'shift')], ['cuda']);
});

test.run();
