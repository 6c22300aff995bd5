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

/** An integer, at least `least` where that is given. */
export function integerAttribute(node: AttributedNode, name: string, least = Number.NEGATIVE_INFINITY): number {
  const value = node.attributes[name];
  if (!isInteger(value, least)) throw wrong(node, name, `an integer${atLeast(least)}`);
  return value;
}

/** A list of integers: of the given length and at least `least`, where these are given. */
export function integersAttribute(node: AttributedNode, name: string, length?: number, least = Number.NEGATIVE_INFINITY): readonly number[] {
  const value = node.attributes[name];
  const good = Array.isArray(value) && (length === undefined || value.length === length) && value.every((item) => isInteger(item, least));
  if (!good) throw wrong(node, name, length === undefined ? `a list of integers${atLeast(least)}` : `${length} integers${atLeast(least)}`);
  return value as readonly number[];
}

function isInteger(value: AttributeValue | undefined, least: number): value is number {
  return isNumber(value) && Number.isInteger(value) && value >= least;
}

function atLeast(least: number): string {
  return least === Number.NEGATIVE_INFINITY ? '' : ` of at least ${least}`;
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

/** The clamp fused behind an operator, its bounds may be ±Infinity; absent or null: none. */
export function activationAttribute(node: AttributedNode): FusedActivation | null {
  const value = node.attributes['activation'];
  if (value === undefined || value === null) return null;
  const { min, max } = value as { readonly min?: AttributeValue; readonly max?: AttributeValue };
  if (!isNumber(min) || !isNumber(max) || min > max) throw wrong(node, 'activation', '{ min, max } with min ≤ max, or null');
  return { min, max };
}

export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
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
