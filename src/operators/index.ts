/** The only list of operators. */
import { ShapeError } from '../errors.js';
import { batchNorm } from './batch-norm.js';
import { conv2dTranspose } from './conv2d-transpose.js';
import { conv2d } from './conv2d.js';
import type { OperatorDefinition } from './definition.js';
import { dense } from './dense.js';
import { depthwiseConv2d } from './depthwise-conv2d.js';
import { instanceNorm } from './instance-norm.js';
import { layerNorm } from './layer-norm.js';
import { matmul } from './matmul.js';

const definitions: readonly OperatorDefinition[] = [
  conv2d,
  depthwiseConv2d,
  conv2dTranspose,
  dense,
  matmul,
  batchNorm,
  layerNorm,
  instanceNorm,
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
