/**
 * Element-wise functions of one or two byte codes whose result is nearly a plane: sums and rescalings. They are computed as
 *
 *     code = saturate((floor(a·A / 256) + floor(b·B / 256) + constant) >> shift)
 *
 * which is two SMLAW products and one saturation. The constants are found by search and accepted only where every code comes
 * out as wanted, for every pair of codes that can occur: all 65,536 of them are tried.
 */
export interface LineFit {
  readonly multipliers: readonly [number, number];
  readonly constant: number;
  readonly shift: number;
}

export interface FitProblem {
  /** Codes of both operands, from … to; [0, 0] where there is no second one. */
  readonly ranges: readonly [readonly [number, number], readonly [number, number]];
  /** Output codes per code of an operand. */
  readonly slopes: readonly [number, number];
  readonly clamp: readonly [number, number];
  wanted(a: number, b: number): number;
}

/** Changes of the multipliers in units of their last place: near ones first. */
const STEPS = [0, 1, -1, 2, -2, 3, -3];
const LEAST_SHIFT = 8;
const MOST_SHIFT = 23;

export function fitLine(problem: FitProblem): LineFit | null {
  const wanted = wantedCodes(problem);
  for (let shift = MOST_SHIFT; shift >= LEAST_SHIFT; shift--) {
    const multipliers = problem.slopes.map((slope) => Math.round(slope * 2 ** (shift + 8)));
    if (multipliers.some((m) => Math.abs(m) >= 2 ** 31 - 4)) continue;
    const fit = fitShift(problem, wanted, multipliers as [number, number], shift);
    if (fit) return fit;
  }
  return null;
}

function codesOf([low, high]: readonly [number, number]): number[] {
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}

/** Codes for all pairs, row by row of the first operand. */
function wantedCodes({ ranges, wanted }: FitProblem): Int16Array {
  const [first, second] = ranges.map(codesOf) as [number[], number[]];
  return Int16Array.from(first.flatMap((a) => second.map((b) => wanted(a, b))));
}

function fitShift(problem: FitProblem, wanted: Int16Array, [first, second]: readonly [number, number], shift: number): LineFit | null {
  for (const da of STEPS) {
    for (const db of problem.slopes[1] === 0 ? [0] : STEPS) {
      const multipliers = [first + da, second + db] as const;
      const constant = constantFor(problem, wanted, multipliers, shift);
      if (constant !== null) return { multipliers, constant, shift };
    }
  }
  return null;
}

/** A constant with which every code comes out; null where there is none, or where the sum would not fit 32 bits. */
function constantFor({ ranges, clamp }: FitProblem, wanted: Int16Array, multipliers: readonly [number, number], shift: number): number | null {
  const [a, b] = ranges.map((range, i) => codesOf(range).map((code) => Math.floor((code * multipliers[i]!) / 256))) as [number[], number[]];
  const unit = 2 ** shift;
  let [least, most] = [-Infinity, Infinity];
  for (let i = 0, at = 0; i < a.length; i++) {
    for (let k = 0; k < b.length; k++, at++) {
      const code = wanted[at]!;
      const sum = a[i]! + b[k]!;
      if (code > clamp[0]) least = Math.max(least, code * unit - sum);
      if (code < clamp[1]) most = Math.min(most, (code + 1) * unit - 1 - sum);
    }
    if (least > most) return null;
  }
  const constant = Number.isFinite(least) && Number.isFinite(most) ? Math.floor((least + most) / 2) : Number.isFinite(least) ? least : most;
  const reach = [a, b].reduce((sum, terms) => sum + Math.max(...terms.map(Math.abs)), Math.abs(constant));
  return Number.isFinite(constant) && reach < 2 ** 31 ? constant : null;
}
