/** ONNX operator → importer, and what to say about the operators that have none. */
import type { ImporterTable } from '../call.js';
import { convolution } from './convolution.js';
import { elementwise } from './elementwise.js';
import { matrix } from './matrix.js';
import { movement } from './movement.js';
import { normalization } from './normalization.js';
import { pools } from './pool.js';
import { quantization } from './quantize.js';
import { reduction } from './reduction.js';
import { repetition } from './repeat.js';
import { resizing } from './resize.js';

/** Operators of other domains are `domain:Name`. */
export const importers: ImporterTable = {
  ...convolution,
  ...elementwise,
  ...matrix,
  ...movement,
  ...normalization,
  ...pools,
  ...quantization,
  ...reduction,
  ...repetition,
  ...resizing,
};

export interface Refusal {
  readonly reason: string;
  readonly nearest?: string;
}

const RUN_TIME_SHAPE: Refusal = { reason: 'its result or its shape depends on values known only at run time', nearest: 'the same computation on constants, which folds at import' };
const CONTROL_FLOW: Refusal = { reason: 'control flow at run time', nearest: 'an If whose condition is known at import, or the unrolled loop' };
const RECURRENT: Refusal = { reason: 'recurrent layers are not supported', nearest: 'convolutions over time (Conv), or the layer unrolled into MatMul, Add, Sigmoid and Tanh' };
const INTEGER_FORM: Refusal = { reason: 'quantized operators with explicit codes are not read', nearest: 'the QDQ form: DequantizeLinear, the float operator, QuantizeLinear (quant_format=QDQ)' };

const REFUSALS: Readonly<Record<string, Refusal>> = {
  LSTM: RECURRENT,
  GRU: RECURRENT,
  RNN: RECURRENT,
  If: CONTROL_FLOW,
  Loop: CONTROL_FLOW,
  Scan: CONTROL_FLOW,
  QLinearConv: INTEGER_FORM,
  QLinearMatMul: INTEGER_FORM,
  ConvInteger: INTEGER_FORM,
  MatMulInteger: INTEGER_FORM,
  'com.microsoft:QLinearAdd': INTEGER_FORM,
  'com.microsoft:QLinearMul': INTEGER_FORM,
  'com.microsoft:QLinearSigmoid': INTEGER_FORM,
  'com.microsoft:QLinearGlobalAveragePool': INTEGER_FORM,
  'com.microsoft:QGemm': INTEGER_FORM,
  DynamicQuantizeLinear: { reason: 'scales computed at run time', nearest: 'static scales: QuantizeLinear' },
  LpPool: { reason: 'power-average pooling', nearest: 'AveragePool or MaxPool' },
  GlobalLpPool: { reason: 'power-average pooling', nearest: 'GlobalAveragePool' },
  ReduceProd: { reason: 'not read at run time', nearest: 'ReduceSum, ReduceMean or ReduceMax' },
  Einsum: { reason: 'not read', nearest: 'Transpose, Reshape and MatMul' },
  Mod: RUN_TIME_SHAPE,
  Floor: RUN_TIME_SHAPE,
  Ceil: RUN_TIME_SHAPE,
  Round: RUN_TIME_SHAPE,
  Sign: RUN_TIME_SHAPE,
  Where: RUN_TIME_SHAPE,
  Equal: RUN_TIME_SHAPE,
  Less: RUN_TIME_SHAPE,
  LessOrEqual: RUN_TIME_SHAPE,
  Greater: RUN_TIME_SHAPE,
  GreaterOrEqual: RUN_TIME_SHAPE,
  Not: RUN_TIME_SHAPE,
  And: RUN_TIME_SHAPE,
  Or: RUN_TIME_SHAPE,
  Xor: RUN_TIME_SHAPE,
  Range: RUN_TIME_SHAPE,
  ConstantOfShape: RUN_TIME_SHAPE,
  NonZero: RUN_TIME_SHAPE,
  TopK: RUN_TIME_SHAPE,
  NonMaxSuppression: { reason: 'post-processing of detections', nearest: 'the boxes and scores as outputs' },
  ArgMax: { reason: 'not read', nearest: 'the values themselves as output' },
  ArgMin: { reason: 'not read', nearest: 'the values themselves as output' },
  LRN: { reason: 'local response normalization', nearest: 'BatchNormalization' },
  Selu: { reason: 'not read', nearest: 'Elu and Mul' },
  Mish: { reason: 'not read', nearest: 'Softplus, Tanh and Mul' },
  GatherElements: { reason: 'not read', nearest: 'Gather with constant indices' },
  GatherND: { reason: 'not read', nearest: 'Gather with constant indices' },
};

/** Why an operator without importer is refused. `key` is as in `importers`. */
export function refusalOf(key: string): Refusal {
  return REFUSALS[key] ?? { reason: 'the operator is not known', nearest: 'the operators listed in docs/onnx-operators.md' };
}
