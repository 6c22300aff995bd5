/** Reading of attributes, with errors that name the node. */
import type { FloatNode, FusedActivation } from '../../graph/float.js';
import type { IntegerNode } from '../../graph/integer.js';
import { shapeError } from '../attributes.js';

type AnyNode = Pick<FloatNode | IntegerNode, 'op' | 'origin' | 'attributes'>;

export { shapeError };

export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** A list of exactly `length` integers, each at least `least`. */
export function integerList(node: AnyNode, name: string, length: number, least: number): readonly number[] {
  const value = node.attributes[name];
  const good = Array.isArray(value) && value.length === length && value.every((v) => Number.isInteger(v) && (v as number) >= least);
  if (!good) throw shapeError(node, `attribute '${name}' must be ${length} integers of at least ${least}, not ${JSON.stringify(value)}`);
  return value as readonly number[];
}

export function integerAttribute(node: AnyNode, name: string, least = Number.MIN_SAFE_INTEGER): number {
  const value = node.attributes[name];
  if (!Number.isInteger(value) || (value as number) < least) {
    throw shapeError(node, `attribute '${name}' must be an integer of at least ${least}, not ${JSON.stringify(value)}`);
  }
  return value as number;
}

/** The fused clamp, or null where there is none. Bounds may be ±Infinity. */
export function activationOf(node: AnyNode): FusedActivation | null {
  const value = node.attributes['activation'];
  if (value === null || value === undefined) return null;
  const { min, max } = value as { min?: unknown; max?: unknown };
  if (typeof min !== 'number' || typeof max !== 'number' || !(min <= max)) {
    throw shapeError(node, `attribute 'activation' must be null or { min, max } with min at most max`);
  }
  return { min, max };
}
