/** Typed reading of a node's attributes; a missing or mistyped one is a ShapeError that names the node. */
import { ShapeError } from '../errors.js';
import type { Attributes, AttributeValue, FusedActivation, Origin } from '../graph/float.js';

/** Float and integer nodes alike. */
export interface AttributedNode {
  readonly op: string;
  readonly attributes: Attributes;
  readonly origin: Origin;
}

/** A ShapeError that names the user's own layer. */
export function shapeError(node: Pick<AttributedNode, 'op' | 'origin'>, message: string, hint?: string): ShapeError {
  return new ShapeError(`${node.op} '${node.origin.nodeName}': ${message}`, { origin: node.origin, ...(hint !== undefined && { hint }) });
}

function wrong(node: AttributedNode, name: string, wanted: string): ShapeError {
  return shapeError(node, `attribute '${name}' must be ${wanted}, it is ${JSON.stringify(node.attributes[name]) ?? 'absent'}`);
}

function isNumber(value: AttributeValue | undefined): value is number {
  return typeof value === 'number' && !Number.isNaN(value);
}

export function numberAttribute(node: AttributedNode, name: string): number {
  const value = node.attributes[name];
  if (!isNumber(value)) throw wrong(node, name, 'a number');
  return value;
}

export function integerAttribute(node: AttributedNode, name: string): number {
  const value = node.attributes[name];
  if (!isNumber(value) || !Number.isInteger(value)) throw wrong(node, name, 'an integer');
  return value;
}

/** A list of integers, of the given length where one is given. */
export function integersAttribute(node: AttributedNode, name: string, length?: number): readonly number[] {
  const value = node.attributes[name];
  const wanted = `a list of ${length ?? 'any number of'} integers`;
  if (!Array.isArray(value) || !value.every((v) => isNumber(v) && Number.isInteger(v))) throw wrong(node, name, wanted);
  if (length !== undefined && value.length !== length) throw wrong(node, name, wanted);
  return value as readonly number[];
}

export function stringAttribute<T extends string>(node: AttributedNode, name: string, choices: readonly T[]): T {
  const value = node.attributes[name];
  if (typeof value !== 'string' || !choices.includes(value as T)) throw wrong(node, name, `one of ${choices.join(', ')}`);
  return value as T;
}

export function booleanAttribute(node: AttributedNode, name: string): boolean {
  const value = node.attributes[name];
  if (typeof value !== 'boolean') throw wrong(node, name, 'true or false');
  return value;
}

/** The clamp fused behind an operator; absent or null: none. */
export function activationAttribute(node: AttributedNode): FusedActivation | null {
  const value = node.attributes['activation'];
  if (value === undefined || value === null) return null;
  const { min, max } = value as { readonly min?: AttributeValue; readonly max?: AttributeValue };
  if (!isNumber(min) || !isNumber(max) || min > max) throw wrong(node, 'activation', '{ min, max } with min ≤ max, or null');
  return { min, max };
}

/** A negative axis counts from the end. */
export function axisAttribute(node: AttributedNode, name: string, rank: number): number {
  return normalizeAxis(node, integerAttribute(node, name), rank);
}

export function normalizeAxis(node: Pick<AttributedNode, 'op' | 'origin'>, axis: number, rank: number): number {
  const normalized = axis < 0 ? axis + rank : axis;
  if (normalized < 0 || normalized >= rank) throw shapeError(node, `axis ${axis} does not exist in ${rank} dimensions`);
  return normalized;
}
