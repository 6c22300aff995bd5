/** One small layer of every operator, for targets that must compute all of them. */
import type { Attributes } from '../../src/graph/float.js';
import type { Codes, IntegerGraph } from '../../src/graph/integer.js';
import type { ActivationPlan, Arithmetic } from '../../src/operators/lower.js';
import { IntegerGraphBuilder, Random } from './integer-graphs.js';
import { type CaseInput, lowerCase } from './operator-cases.js';

export interface GraphCase {
  readonly graph: IntegerGraph;
  /** One entry a vector. */
  readonly inputs: readonly (readonly Codes[])[];
}

export const byte: ActivationPlan = { bits: 8, signed: true, scale: 0.011, zeroPoint: -40 };
export const unsigned: ActivationPlan = { bits: 8, signed: false, scale: 0.013, zeroPoint: 117 };
export const wide: ActivationPlan = { bits: 16, signed: true, scale: 2 ** -13, zeroPoint: 0 };
export const image = { shape: [7, 9, 5], plan: byte };
export const windows = { kernel: [3, 2], strides: [2, 1], pad: [1, 1, 0, 1], activation: null };
export const none = { activation: null };
const constant = (shape: readonly number[]) => ({ shape, constant: true, plan: { bits: 16, signed: true, scale: 2 ** -13, zeroPoint: 0 } }) as const;

/** One operator as lowering writes it. */
export type Lowered = (op: string, attributes: Attributes, inputs: readonly CaseInput[], output?: ActivationPlan) => GraphCase;

export function loweredFor(arith: Arithmetic): Lowered {
  return (op, attributes, inputs, output = { ...byte, scale: 0.0234 }) => {
    const { graph, inputs: codes } = lowerCase({ name: op, op, attributes, inputs, output, arith, naive: () => [] }, op.length + inputs.length);
    return { graph, inputs: codes };
  };
}

export const matrices = (plan: ActivationPlan, transposeB = false): CaseInput[] => [{ shape: [2, 3, 7], plan }, { shape: transposeB ? [2, 11, 7] : [2, 7, 11], plan }];

/** Every operator that lowering writes but layers with weights, and the table of an input. */
export function everyOperator(arith: Arithmetic): readonly GraphCase[] {
  const lowered = loweredFor(arith);
  const pools = arith === 'tflite' ? byte : { ...byte, scale: 0.0234 };
  return [
    lowered('matmul', { transposeA: false, transposeB: true }, matrices(unsigned, true)),
    lowered('matmul', { transposeA: true, transposeB: false }, [{ shape: [2, 1, 7, 3], plan: byte }, { shape: [3, 7, 2], plan: unsigned }]),
    lowered('layer-norm', { axis: 1, epsilon: 1e-5 }, [{ shape: [5, 33], plan: byte }, constant([33]), constant([33])]),
    lowered('layer-norm', { axis: 0, epsilon: 1e-5 }, [{ shape: [2, 40], plan: wide }, constant([2, 40]), constant([2, 40])], wide),
    lowered('group-norm', { groups: 3, epsilon: 1e-5 }, [{ shape: [4, 3, 6], plan: unsigned }, constant([6]), constant([6])]),
    lowered('group-norm', { groups: 5, epsilon: 1e-5 }, [{ shape: [8, 5], plan: wide }, constant([5]), constant([5])], wide),
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

function inputTable(): GraphCase {
  const random = new Random(5);
  const builder = new IntegerGraphBuilder();
  const table = builder.constant('table', [3, 256], random.codes(new Int8Array(768), -128, 127));
  builder.node('input-table', 'y', [builder.input('x', [5, 7, 3], { signed: false }), table], { shape: [5, 7, 3] });
  return { graph: builder.build(['y']), inputs: [0, 1].map(() => [random.codes(new Uint8Array(105), 0, 255)]) };
}
