/** The only list of operators. */
import { ShapeError } from '../errors.js';
import { add } from './add.js';
import { averagePool2d } from './average-pool2d.js';
import { batchNorm } from './batch-norm.js';
import { clamp } from './clamp.js';
import { concat } from './concat.js';
import { conv2dTranspose } from './conv2d-transpose.js';
import { conv2d } from './conv2d.js';
import type { OperatorDefinition } from './definition.js';
import { dense } from './dense.js';
import { depthwiseConv2d } from './depthwise-conv2d.js';
import { div } from './div.js';
import { gather } from './gather.js';
import { inputTable } from './input-table.js';
import { groupNorm } from './group-norm.js';
import { layerNorm } from './layer-norm.js';
import { matmul } from './matmul.js';
import { maxPool2d } from './max-pool2d.js';
import { mul } from './mul.js';
import { pad } from './pad.js';
import { reduce } from './reduce.js';
import { requantize } from './requantize.js';
import { reshape } from './reshape.js';
import { resize } from './resize.js';
import { shiftGate } from './shift-gate.js';
import { shiftmax } from './shiftmax.js';
import { slice } from './slice.js';
import { softmax } from './softmax.js';
import { sub } from './sub.js';
import { transpose } from './transpose.js';
import { unary } from './unary.js';

const definitions: readonly OperatorDefinition[] = [
  conv2d,
  depthwiseConv2d,
  conv2dTranspose,
  dense,
  matmul,
  batchNorm,
  layerNorm,
  groupNorm,
  add,
  sub,
  mul,
  div,
  clamp,
  unary,
  maxPool2d,
  averagePool2d,
  reduce,
  softmax,
  shiftmax,
  shiftGate,
  concat,
  slice,
  pad,
  transpose,
  reshape,
  gather,
  resize,
  requantize,
  inputTable,
];

const byName = new Map(definitions.map((d) => [d.name, d]));

export function findOperator(name: string): OperatorDefinition | undefined {
  return byName.get(name);
}

export function operator(name: string): OperatorDefinition {
  const definition = byName.get(name);
  if (!definition) throw new ShapeError(`there is no operator '${name}'`, { hint: `known: ${[...byName.keys()].join(', ')}` });
  return definition;
}

export function allOperators(): readonly OperatorDefinition[] {
  return definitions;
}
