/**
 * Models of one operator each, for counting what its kernels take: `npx tsx scripts/operator-models.ts DIR`, then
 * `ptq-gen bench DIR/*.ptq.json --target T [--kernels FAMILY]`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Attributes } from '../src/graph/float.js';
import type { Requantize } from '../src/graph/integer.js';
import { saveIntegerGraph } from '../src/graph/serialize.js';
import { IntegerGraphBuilder } from '../test/support/integer-graphs.js';

interface Model {
  readonly op: string;
  readonly inputs: readonly (readonly number[])[];
  readonly attributes: Attributes;
  readonly requantize?: Requantize;
  readonly shape: readonly number[];
  readonly constants?: readonly { readonly shape: readonly number[]; readonly data: Int8Array | Uint16Array | Int32Array; readonly bits?: number }[];
}

const requantize: Requantize = { mode: 'dyadicHigh', multiplier: [1_000_000_000], zeroPoint: -7, clamp: [-128, 127] };
const elements = [16, 16, 16];
const falling = Uint16Array.from({ length: 256 }, (_, d) => Math.round(32768 * Math.exp(-0.05 * d)));
const pool = { kernel: [2, 2], strides: [2, 2], pad: [0, 0, 0, 0] };

/** Weights of 4 bits, and a bias. */
function weights(shape: readonly number[], outputs: number): NonNullable<Model['constants']> {
  const count = shape.reduce((n, d) => n * d, 1);
  return [{ shape, data: Int8Array.from({ length: count }, (_, i) => ((i * 7) % 16) - 8), bits: 4 }, { shape: [outputs], data: new Int32Array(outputs).fill(99) }];
}

/** Each sum times 1/count. */
function mean(shape: readonly number[], axes: readonly number[]): Model {
  const count = axes.reduce((n, axis) => n * shape[axis]!, 1);
  const reciprocal: Requantize = { mode: 'dyadic', multiplier: [Math.floor(2 ** 36 / count)], shift: [36], zeroPoint: 1, clamp: [-128, 127] };
  return { op: 'reduce', inputs: [shape], attributes: { function: 'mean', axes, keepDims: false, inputZeroPoint: 3 }, requantize: reciprocal, shape: shape.filter((_, axis) => !axes.includes(axis)) };
}

const MODELS: Readonly<Record<string, Model>> = {
  'mean-8x8x64': mean([8, 8, 64], [0, 1]),
  'mean-24x24x16': mean([24, 24, 16], [0, 1]),
  'mean-64x128': mean([64, 128], [1]),
  'average-2x2': { op: 'average-pool2d', inputs: [elements], attributes: { ...pool, variant: 'tflite', clamp: [-128, 127] }, shape: [8, 8, 16] },
  'maximum-2x2': { op: 'max-pool2d', inputs: [elements], attributes: { ...pool, clamp: [-128, 127] }, shape: [8, 8, 16] },
  'mean-of-rows': { op: 'reduce', inputs: [[64, 64]], attributes: { function: 'mean', axes: [1], keepDims: false, inputZeroPoint: 3 }, requantize, shape: [64] },
  'mean-of-columns': { op: 'reduce', inputs: [[64, 64]], attributes: { function: 'mean', axes: [0], keepDims: false, inputZeroPoint: 3 }, requantize, shape: [64] },
  rescaling: { op: 'requantize', inputs: [elements], attributes: { inputZeroPoint: 3 }, requantize, shape: elements },
  'look-up': { op: 'unary', inputs: [elements], attributes: {}, shape: elements, constants: [{ shape: [256], data: Int8Array.from({ length: 256 }, (_, i) => (i >> 1) - 64) }] },
  product: { op: 'mul', inputs: [elements, elements], attributes: { variant: 'dyadic', inputZeroPoints: [3, -5] }, requantize, shape: elements },
  'product-by-channel': { op: 'mul', inputs: [elements, [1, 1, 16]], attributes: { variant: 'dyadic', inputZeroPoints: [3, -5] }, requantize, shape: elements },
  softmax: { op: 'softmax', inputs: [[64, 64]], attributes: { variant: 'dyadic', axis: 1, steps: 256, outputZeroPoint: -128 }, shape: [64, 64], constants: [{ shape: [256], data: falling }] },
  'softmax-tflite': { op: 'softmax', inputs: [[64, 64]], attributes: { variant: 'tflite', axis: 1, multiplier: 1_500_000_000, shift: 23, diffMin: -248, rounding: 'double' }, shape: [64, 64] },
  'matmul-scores': { op: 'matmul', inputs: [[4, 64, 32], [4, 64, 32]], attributes: { transposeA: false, transposeB: true, inputZeroPoints: [3, -5] }, requantize, shape: [4, 64, 64] },
  'dense-4-bits': { op: 'dense', inputs: [[640]], attributes: { inputZeroPoint: 3 }, requantize: { ...requantize, multiplier: [10_000_000] }, shape: [128], constants: weights([128, 640], 128) },
  'depthwise-4-bits': {
    op: 'depthwise-conv2d',
    inputs: [[25, 5, 64]],
    attributes: { strides: [1, 1], dilations: [1, 1], pad: { amounts: [1, 1, 1, 1], values: 3 }, inputZeroPoint: 3 },
    requantize: { ...requantize, multiplier: [100_000_000] },
    shape: [25, 5, 64],
    constants: weights([3, 3, 64, 1], 64),
  },
  'matmul-values': { op: 'matmul', inputs: [[4, 64, 64], [4, 64, 32]], attributes: { transposeA: false, transposeB: false, inputZeroPoints: [-128, -5] }, requantize, shape: [4, 64, 32] },
};

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: npx tsx scripts/operator-models.ts DIR');
mkdirSync(directory, { recursive: true });
for (const [name, model] of Object.entries(MODELS)) {
  const builder = new IntegerGraphBuilder(name);
  const inputs = model.inputs.map((shape, i) => builder.input(`x${i}`, shape));
  const constants = (model.constants ?? []).map(({ shape, data, bits }, i) => builder.constant(`c${i}`, shape, data, bits));
  builder.node(model.op, 'y', [...inputs, ...constants], { attributes: model.attributes, ...(model.requantize && { requantize: model.requantize }), shape: model.shape });
  saveIntegerGraph(builder.build(['y']), join(directory, `${name}.ptq.json`));
}
