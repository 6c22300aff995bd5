/** Reading of nodes with weights, as far as the exact passes need it. */
import type { IntegerNode } from '../../graph/integer.js';

export interface PadAttribute {
  readonly amounts: readonly number[];
  readonly values: number | readonly number[];
}

export interface BiasClasses {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

export function padAttribute(node: IntegerNode): PadAttribute | undefined {
  return node.attributes['pad'] as unknown as PadAttribute | undefined;
}

export function biasClasses(node: IntegerNode): BiasClasses | undefined {
  return (node.attributes['biasClasses'] ?? undefined) as unknown as BiasClasses | undefined;
}

/** Code of padding in every input channel; null where the window never leaves the input. */
export function padCodesOf(node: IntegerNode, channels: number): readonly number[] | null {
  const pad = padAttribute(node);
  if (!pad || pad.amounts.every((a) => a === 0)) return null;
  return typeof pad.values === 'number' ? new Array<number>(channels).fill(pad.values) : pad.values;
}
