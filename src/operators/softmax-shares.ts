/**
 * Softmax of bytes on cores that divide, in both integer forms: a table of exponentials by the distance from the largest code, and
 * for every element round(exponential·steps / sum). Half up is floor((exponential·steps + floor(sum / 2)) / sum), sum being whole;
 * I-ViT's division by subtraction gives the same number, since it is exact.
 */
import { shiftDistance, shiftExponential } from '../../sim/scalar/shift-exponential.js';
import { type Codes, constantCodes, type IntegerGraph, type IntegerNode } from '../graph/integer.js';
import { integerAttribute } from './attributes.js';
import { nodeTensors } from './integer-checks.js';
import { shiftUnitOf } from './shift-unit.js';

export interface SoftmaxShares {
  /** By distance in codes; one more than the largest distance there can be. */
  readonly exponentials: Codes;
  readonly steps: number;
  readonly zeroPoint: number;
  /** From this share on, shares are rounded half up to multiples of 2^shift. */
  readonly twin: { readonly shift: number; readonly split: number } | null;
  /** Largest output code before it is clamped. */
  readonly largest: number;
  /** Least and largest sum of exponentials. */
  readonly sums: readonly [number, number];
}

/** Null for another form, for wider codes, and where exponential·steps + sum / 2 may leave 32 bits. */
export function softmaxShares(node: IntegerNode, graph: IntegerGraph): SoftmaxShares | null {
  const x = nodeTensors(node, graph, 1, 2).inputs[0]!;
  const found = x.type.bits > 8 ? null : node.op === 'shiftmax' ? byShifts(node, 2 ** x.type.bits) : byTable(node, graph);
  const sums = node.bounds?.accumulator[0];
  if (!found || !sums || Math.max(...found.exponentials) * found.steps + sums[1] / 2 >= 2 ** 32) return null;
  const zeroPoint = integerAttribute(node, 'outputZeroPoint');
  const { steps, twin } = found;
  const most = twin ? Math.floor((steps + 2 ** (twin.shift - 1)) / 2 ** twin.shift) * 2 ** twin.shift : steps;
  return { ...found, zeroPoint, largest: most + zeroPoint, sums };
}

type Form = Pick<SoftmaxShares, 'exponentials' | 'steps' | 'twin'>;

function byTable(node: IntegerNode, graph: IntegerGraph): Form | null {
  if (node.attributes['variant'] !== 'dyadic') return null;
  const twin = (node.attributes['twin'] as SoftmaxShares['twin'] | undefined) ?? null;
  return { exponentials: constantCodes(graph, node.inputs[1]!), steps: integerAttribute(node, 'steps'), twin };
}

function byShifts(node: IntegerNode, distances: number): Form {
  const { places, unit, exponentBits, limit, fractionBits } = shiftUnitOf(node);
  const exponentials = Int32Array.from({ length: distances }, (_, distance) => shiftExponential(shiftDistance(distance, places, limit), unit, exponentBits));
  return { exponentials, steps: 2 ** fractionBits, twin: null };
}
