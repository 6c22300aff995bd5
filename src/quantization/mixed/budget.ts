/** What `--bits auto` may spend: `size=46416`, `instructions=9.5M,ram=40KiB`, `size=60%`. */
import { UsageError } from '../../errors.js';

/**
 * `size`: bytes of the weights as they lie in flash, without biases and requantization, which no width changes; `ram`: bytes
 * of the arena; `instructions`: executed by one inference.
 */
export type Resource = 'size' | 'ram' | 'instructions';
export const RESOURCES: readonly Resource[] = ['size', 'ram', 'instructions'];

export type Costs = Readonly<Record<Resource, number>>;

export interface Budget {
  readonly resource: Resource;
  /** A limit, or a fraction of what 8 bits everywhere take. */
  readonly amount: number;
  readonly isShare: boolean;
}

const FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, ki: 1024, mi: 1024 ** 2, '%': 0.01 };

/** Comma-separated, at most one of each resource. */
export function parseBudgets(text: string): readonly Budget[] {
  const budgets = text.split(',').map(parseBudget);
  const twice = budgets.find(({ resource }, i) => budgets.findIndex((other) => other.resource === resource) !== i);
  if (twice) throw refused(text, `names '${twice.resource}' twice`);
  return budgets;
}

function parseBudget(text: string): Budget {
  const match = /^\s*(size|ram|instructions)\s*=\s*(\d+(?:\.\d+)?)\s*(%|[km]i?)?b?\s*$/i.exec(text);
  const amount = match ? Number(match[2]) * FACTORS[(match[3] ?? '').toLowerCase()]! : 0;
  if (!match || !(amount > 0)) throw refused(text, 'is not understood');
  return { resource: match[1]!.toLowerCase() as Resource, amount, isShare: match[3] === '%' };
}

function refused(text: string, why: string): UsageError {
  return new UsageError(`--budget ${text} ${why}`, { hint: "for instance size=46416, ram=40KiB or instructions=9.5M; size=60% counts from 8 bits everywhere; several with commas" });
}

/** What the budget allows, in the unit of its resource. */
export function limitOf({ resource, amount, isShare }: Budget, wide: Costs): number {
  return isShare ? Math.floor(amount * wide[resource]) : amount;
}

/** `--bits auto`: widths of the weights are searched, activations keep 8 bits; `auto-both`: a layer's weights and input share the width. */
export type AutoBits = 'auto' | 'auto-both';

export function isAuto(bits: string): bits is AutoBits {
  return bits === 'auto' || bits === 'auto-both';
}
