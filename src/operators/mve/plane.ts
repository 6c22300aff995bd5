/**
 * TFLite's sum of two codes as a plane: code = clamp((a·A + b·B + constant) >> shift). Its three roundings are gone, but so is no
 * bit: the constants are accepted only where all pairs of codes that can occur come out as the scalar functions define them.
 */
import { tfliteAddTerm, tfliteAddTermSingle } from '../../../sim/scalar/add.js';
import { requantizeTfliteDouble, requantizeTfliteSingle } from '../../../sim/scalar/requantize.js';
import type { IntegerNode, Requantize } from '../../graph/integer.js';
import { integersAttribute } from '../attributes.js';
import { zeroPoints } from '../integer-checks.js';

export interface Plane {
  readonly multipliers: readonly [number, number];
  readonly constant: number;
  readonly shift: number;
}

type Range = readonly [number, number];

/** The finest grid first; changes of a multiplier in units of its last place, near ones first. */
const SHIFTS = [22, 21, 20, 19, 18, 17, 16];
const STEPS = [0, 1, -1, 2, -2, 3, -3];

const found = new WeakMap<IntegerNode, Plane | null>();

/** The plane of a node of variant `tflite`; `sign` is −1 for a difference. Null where none is exact. */
export function planeOf(node: IntegerNode, sign: 1 | -1, ranges: readonly [Range, Range]): Plane | null {
  let plane = found.get(node);
  if (plane === undefined) {
    plane = search(node, sign, ranges);
    found.set(node, plane);
  }
  return plane;
}

function search(node: IntegerNode, sign: 1 | -1, ranges: readonly [Range, Range]): Plane | null {
  const requantize = node.requantize!;
  if (requantize.mode !== 'tfliteDouble' && requantize.mode !== 'tfliteSingle') return null;
  const codes = wantedCodes(node, requantize, sign, ranges);
  const slope = requantize.multiplier[0]! * 2 ** (requantize.shift[0]! - 31);
  const [multipliers, shifts] = [integersAttribute(node, 'inputMultipliers', 2), integersAttribute(node, 'inputShifts', 2)];
  const slopes = multipliers.map((m, i) => (i === 1 ? sign : 1) * m * 2 ** (shifts[i]! + 20 - 31) * slope);
  for (const shift of SHIFTS) {
    for (const da of STEPS) {
      for (const db of STEPS) {
        const candidate = [Math.round(slopes[0]! * 2 ** shift) + da, Math.round(slopes[1]! * 2 ** shift) + db] as const;
        const constant = constantOf(codes, ranges, candidate, shift, requantize.clamp);
        if (constant !== null) return { multipliers: candidate, constant, shift };
      }
    }
  }
  return null;
}

/** The code of every pair, row by row of the first operand. The requantization rises, so that few of its values tell all. */
function wantedCodes(node: IntegerNode, requantize: Requantize & { readonly mode: 'tfliteDouble' | 'tfliteSingle' }, sign: 1 | -1, ranges: readonly [Range, Range]): Int16Array {
  const single = requantize.mode === 'tfliteSingle';
  const [zeros, multipliers, shifts] = [zeroPoints(node, 2), integersAttribute(node, 'inputMultipliers', 2), integersAttribute(node, 'inputShifts', 2)];
  const [first, second] = ranges.map(([low, high], i) =>
    Array.from({ length: high - low + 1 }, (_, k) => (single ? tfliteAddTermSingle : tfliteAddTerm)(low + k, zeros[i]!, multipliers[i]!, shifts[i]!)),
  ) as [number[], number[]];
  const code = (x: number) => {
    const scaled = (single ? requantizeTfliteSingle : requantizeTfliteDouble)(x, requantize.multiplier[0]!, requantize.shift[0]!);
    return Math.min(Math.max(scaled + requantize.zeroPoint, requantize.clamp[0]), requantize.clamp[1]);
  };
  const sums = Int32Array.from(first.flatMap((a) => second.map((b) => a + sign * b)));
  const order = Uint32Array.from(sums.keys()).sort((i, j) => sums[i]! - sums[j]!);
  const codes = new Int16Array(sums.length);
  fillRising(order, sums, codes, code, 0, order.length - 1);
  return codes;
}

/** Codes of the sums order[from … to], which rise: where both ends agree, so does everything between. */
function fillRising(order: Uint32Array, sums: Int32Array, codes: Int16Array, code: (sum: number) => number, from: number, to: number): void {
  const [low, high] = [code(sums[order[from]!]!), code(sums[order[to]!]!)];
  if (low === high || to - from < 2) {
    for (let i = from; i <= to; i++) codes[order[i]!] = i === to ? high : low;
    return;
  }
  const middle = (from + to) >> 1;
  fillRising(order, sums, codes, code, from, middle);
  fillRising(order, sums, codes, code, middle, to);
}

/** A constant with which all pairs come out as wanted, in the middle of all such; null where there is none. */
function constantOf(codes: Int16Array, [first, second]: readonly [Range, Range], [a, b]: readonly [number, number], shift: number, [least, most]: Range): number | null {
  let [low, high] = [-(2 ** 31), 2 ** 31 - 1];
  let [smallest, largest] = [0, 0];
  const step = 2 ** shift;
  for (let x = first[0], i = 0; x <= first[1]; x++) {
    for (let y = second[0]; y <= second[1]; y++, i++) {
      const value = x * a + y * b;
      const code = codes[i]!;
      if (code > least) low = Math.max(low, code * step - value);
      if (code < most) high = Math.min(high, (code + 1) * step - 1 - value);
      if (low > high) return null;
      if (value < smallest) smallest = value;
      if (value > largest) largest = value;
    }
  }
  const constant = Math.floor((low + high) / 2);
  const holds = smallest >= -(2 ** 31) && largest < 2 ** 31 && smallest + constant >= -(2 ** 31) && largest + constant < 2 ** 31;
  return holds ? constant : null;
}
