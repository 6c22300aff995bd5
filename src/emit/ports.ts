/** Inputs and outputs of the network as the C interface shows them. */
import { elementCount } from '../graph/float.js';
import { type IntegerGraph, type IntegerPort, type IntegerTensor, integerTensor } from '../graph/integer.js';
import { cType } from '../operators/views.js';
import type { Schedule } from '../schedule/schedule.js';
import { tensorBytes } from '../schedule/lifetimes.js';
import { floatLiteral } from './c-text.js';
import { commentText, identifierPart, UniqueNames } from './names.js';

export interface PortView {
  /** Part of its symbols. */
  readonly identifier: string;
  /** The same in capitals. */
  readonly macro: string;
  readonly userName: string;
  readonly type: string;
  readonly isByte: boolean;
  readonly shape: string;
  readonly elements: number;
  readonly bytes: number;
  readonly offset: number;
  readonly hasScale: boolean;
  /** Text of a float literal; for people and the float edge of an application, no kernel reads it. */
  readonly scale: string;
  readonly zeroPoint: number;
}

export function portViews(schedule: Schedule, kind: 'inputs' | 'outputs'): readonly PortView[] {
  const names = new UniqueNames();
  return schedule.graph[kind].map((port) => portView(schedule, port, names, kind === 'inputs' ? 'input' : 'output'));
}

function portView(schedule: Schedule, port: IntegerPort, names: UniqueNames, fallback: string): PortView {
  const tensor = integerTensor(schedule.graph, port.tensor);
  const identifier = names.claim(identifierPart(port.name) || fallback);
  const affine = perTensorScale(tensor);
  return {
    identifier,
    macro: identifier.toUpperCase(),
    userName: commentText(port.name),
    type: cType(tensor.type),
    isByte: tensor.type.bits <= 8,
    shape: shapeText(schedule.graph, port),
    elements: elementCount(tensor.shape),
    bytes: tensorBytes(schedule.graph, port.tensor),
    offset: schedule.arena.offsets.get(port.tensor) ?? 0,
    hasScale: affine !== null,
    scale: affine ? floatLiteral(affine.scale) : '',
    zeroPoint: affine ? affine.zeroPoint : 0,
  };
}

function perTensorScale(tensor: IntegerTensor): { readonly scale: number; readonly zeroPoint: number } | null {
  const { real } = tensor;
  if (real?.kind !== 'affine' || real.scale.length !== 1) return null;
  return { scale: real.scale[0]!, zeroPoint: real.zeroPoint[0] ?? 0 };
}

function shapeText(graph: IntegerGraph, port: IntegerPort): string {
  return integerTensor(graph, port.tensor).shape.join('x') || '1';
}
