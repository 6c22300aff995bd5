/** Kernels whose threads take words of several codes: copies, element-wise operators and pools, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { expectCudaProofs } from '../../support/cuda-proofs.js';
import { byte, type GraphCase, loweredFor, unsigned, wide } from '../../support/every-operator.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { mergeGraphs } from '../../support/merge-graphs.js';

const test = suite('words of codes on CUDA');

const lowered = loweredFor('dyadic');
const image = { shape: [6, 7, 16], plan: byte };

const COPIES: readonly GraphCase[] = [
  lowered('transpose', { permutation: [1, 0, 2] }, [image], byte),
  lowered('transpose', { permutation: [1, 0, 2] }, [{ shape: [5, 3, 6], plan: wide }], wide),
  lowered('transpose', { permutation: [2, 0, 1, 3] }, [{ shape: [3, 2, 4, 24], plan: byte }], byte),
  lowered('slice', { starts: [1, 6, 8], sizes: [3, 3, 8], steps: [2, -2, 1] }, [image], byte),
  lowered('slice', { starts: [1, 2, 4], sizes: [3, 3, 4], steps: [2, 1, 1] }, [image], byte),
  lowered('gather', { axis: 0 }, [image, { shape: [4], constant: [5, 0, 2, 2], indices: 6 }], byte),
  lowered('pad', { mode: 'reflect', amounts: [[1, 2], [0, 3], [0, 0]], value: 0 }, [image], byte),
  lowered('concat', { axis: 2 }, [image, { shape: [6, 7, 8], plan: byte }], byte),
  lowered('concat', { axis: 0 }, [{ shape: [1, 16], plan: wide, constant: true }, { shape: [5, 16], plan: wide }], wide),
  lowered('resize', { mode: 'nearest', sizes: [5, 13], coordinates: 'half-pixel', nearestMode: 'floor' }, [image], byte),
];

function together(name: string, cases: readonly GraphCase[]) {
  const graph = { ...mergeGraphs(cases.map((one) => one.graph)), name };
  return { name, graph, inputs: [0, 1, 2].map((v) => cases.flatMap(({ inputs }) => inputs[v % inputs.length]!)) };
}

const copies = together('copies', COPIES);

test('copies equal the simulator', async () => {
  const stems = buildSchedule(copies.graph, findTarget('cuda')).steps.map(({ kernel }) => kernel.stem);
  assert.equal(stems.filter((stem) => !stem.endsWith('_words')), []);
  await expectFirmwareMatchesSimulator([copies], ['cuda']);
});

/** Rows of 4, 8, 16 and 32 lanes, with whole registers and without, more rows than a block has. */
const NORMS: readonly GraphCase[] = [[70, 96], [5, 40], [3, 256], [9, 384], [2, 1028], [130, 4]].map((shape) => lowered('layer-norm', { axis: 1, epsilon: 1e-5 }, [{ shape, plan: byte }, ...[0, 1].map(() => ({ shape: shape.slice(1), constant: true, plan: wide }) as const)]));
const norms = together('norms', NORMS);

test('rows of normalizations equal the simulator', async () => {
  const kernels = buildSchedule(norms.graph, findTarget('cuda')).steps.map(({ kernel }) => [kernel.template, (kernel.view as { lanes?: number }).lanes]);
  assert.equal(kernels, [8, 4, 16, 32, 32, 4].map((lanes) => ['layer-norm-words', lanes]));
  await expectFirmwareMatchesSimulator([norms], ['cuda']);
  await expectCudaProofs(norms.graph);
});

const pool = { kernel: [3, 2], strides: [2, 1], pad: [1, 1, 0, 1], activation: null };
const whole = { kernel: [6, 7], strides: [1, 1], pad: [0, 0, 0, 0], activation: null };
const same = { ...byte, scale: 0.0234 };

/** The last dimension of an operand is broadcast nowhere; constants stand for every sample. */
function elementwise(arith: 'dyadic' | 'tflite' | 'shift'): readonly GraphCase[] {
  const lowered = loweredFor(arith);
  const pooled = arith === 'tflite' ? byte : same;
  return [
    lowered('add', { activation: null }, [image, { shape: [6, 7, 16], plan: unsigned }]),
    lowered('add', { activation: null }, [image, { shape: [6, 7, 16], plan: byte, constant: true }]),
    lowered('sub', { activation: null }, [{ shape: [6, 7, 16], plan: unsigned }, image]),
    lowered('mul', { activation: null }, [image, { shape: [6, 7, 16], plan: unsigned }]),
    ...(arith === 'shift' ? [] : [lowered('resize', { mode: 'linear', sizes: [14, 10], coordinates: 'half-pixel', nearestMode: 'floor' }, [image])]),
    lowered('unary', { function: 'gelu', alpha: 0, beta: 0 }, [image]),
    lowered('clamp', { min: -0.2, max: 0.3 }, [image], byte),
    lowered('max-pool2d', pool, [image], byte),
    lowered('max-pool2d', { ...whole, activation: { min: 0, max: 1 } }, [{ ...image, plan: unsigned }], unsigned),
    lowered('average-pool2d', { ...pool, countIncludePad: false }, [image], pooled),
    lowered('average-pool2d', { ...pool, countIncludePad: true }, [image], same),
    lowered('average-pool2d', { ...whole, countIncludePad: false }, [{ ...image, plan: unsigned }], arith === 'tflite' ? unsigned : same),
  ];
}

for (const arith of ['dyadic', 'tflite', 'shift'] as const) {
  const network = together(`words ${arith}`, elementwise(arith));
  const graph = { ...network.graph, name: `words_${arith}`, provenance: { ...network.graph.provenance, arith } };

  test(`${arith}: equal the simulator`, async () => {
    await expectFirmwareMatchesSimulator([{ ...network, graph }], ['cuda']);
  });

  test(`${arith}: no floating point, no register in memory`, async () => {
    await expectCudaProofs(graph);
  });
}

test('take words where operands have one shape', () => {
  const network = together('words', elementwise('dyadic'));
  const stems = buildSchedule(network.graph, findTarget('cuda')).steps.map(({ kernel }) => kernel.stem);
  assert.equal(stems.filter((stem) => !stem.endsWith('_words')), []);
});

test.run();
