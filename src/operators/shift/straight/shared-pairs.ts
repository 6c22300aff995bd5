/**
 * Adder graphs: x_i ± x_j is computed once where many sums want it, the most frequent pair first, then again with the pair as
 * one more column (Paar, "Optimized arithmetic for Reed-Solomon encoders", 1997; with signs as Hartley, "Subexpression
 * sharing in filters using canonic signed digit multipliers", 1996). A pair serves all outputs and all exponents, either sign.
 */
import type { Digit, Segment } from './rows.js';

/** Sum of two columns, of which `second` may be subtracted; it has the column `column`. */
export interface Pair {
  readonly column: number;
  readonly first: number;
  readonly second: number;
  readonly sign: 1 | -1;
}

export interface AdderGraph {
  readonly pairs: readonly Pair[];
  readonly segments: readonly Segment[];
}

/** Beyond this many co-occurrences of columns the search takes seconds. */
const MOST_PAIRS_OF_DIGITS = 400_000;
const SNAPSHOTS = [4, 8, 16, 32, 64, 96, 128, 192, 256];
const LEAST_USES = 3;

/** Graphs of growing numbers of pairs, none where the layer is too large for the search. */
export function adderGraphs(segments: readonly Segment[], columns: number): readonly AdderGraph[] {
  const elimination = new Elimination(segments, columns);
  if (elimination.pairsOfDigits > MOST_PAIRS_OF_DIGITS) return [];
  const graphs: AdderGraph[] = [];
  for (const count of SNAPSHOTS) {
    while (elimination.pairs.length < count && elimination.eliminate());
    if (elimination.pairs.length > (graphs.at(-1)?.pairs.length ?? 0)) graphs.push(elimination.graph());
    if (elimination.pairs.length < count) break;
  }
  return graphs;
}

/** Digits of equal exponent in one row: column → sign. */
type Line = Map<number, 1 | -1>;

class Elimination {
  readonly pairs: Pair[] = [];
  private readonly lines: { readonly segment: number; readonly row: number; readonly exponent: number; readonly digits: Line }[] = [];
  /** Pair of columns and their relative sign → number of lines. */
  private readonly counts = new Map<number, number>();
  private readonly keyBase: number;

  constructor(private readonly segments: readonly Segment[], private readonly columns: number) {
    this.keyBase = columns + SNAPSHOTS.at(-1)! + 1;
    segments.forEach(({ rows }, segment) => {
      rows.forEach((row, index) => {
        for (const exponent of new Set(row.map((digit) => digit.exponent))) {
          const digits: Line = new Map(row.filter((digit) => digit.exponent === exponent).map(({ column, sign }) => [column, sign]));
          this.lines.push({ segment, row: index, exponent, digits });
        }
      });
    });
    if (this.pairsOfDigits <= MOST_PAIRS_OF_DIGITS) for (const { digits } of this.lines) this.countAll(digits);
  }

  get pairsOfDigits(): number {
    return this.lines.reduce((sum, { digits }) => sum + (digits.size * (digits.size - 1)) / 2, 0);
  }

  /** Takes the most frequent pair out of all lines; false where none is worth its own addition. */
  eliminate(): boolean {
    let [best, uses] = [-1, LEAST_USES - 1];
    for (const [key, count] of this.counts) if (count > uses || (count === uses && count >= LEAST_USES && key < best)) [best, uses] = [key, count];
    if (best < 0) return false;
    const sign = best % 2 === 0 ? 1 : -1;
    const both = Math.floor(best / 2);
    const pair: Pair = { column: this.columns + this.pairs.length, first: Math.floor(both / this.keyBase), second: both % this.keyBase, sign };
    this.pairs.push(pair);
    for (const { digits } of this.lines) this.replace(digits, pair);
    return true;
  }

  private replace(digits: Line, { first, second, sign, column }: Pair): void {
    const a = digits.get(first);
    if (a === undefined || digits.get(second) !== a * sign) return;
    this.countOf(digits, first, -1);
    digits.delete(first);
    this.countOf(digits, second, -1);
    digits.delete(second);
    digits.set(column, a);
    this.countOf(digits, column, 1);
  }

  /** Counts the pairs of one column with all others of its line. */
  private countOf(digits: Line, column: number, change: number): void {
    const sign = digits.get(column)!;
    for (const [other, otherSign] of digits) {
      if (other === column) continue;
      const key = this.keyOf(Math.min(column, other), Math.max(column, other), sign === otherSign);
      const count = (this.counts.get(key) ?? 0) + change;
      if (count === 0) this.counts.delete(key);
      else this.counts.set(key, count);
    }
  }

  private countAll(digits: Line): void {
    const columns = [...digits.keys()];
    for (const [i, a] of columns.entries()) {
      for (const b of columns.slice(i + 1)) {
        const key = this.keyOf(Math.min(a, b), Math.max(a, b), digits.get(a) === digits.get(b));
        this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
      }
    }
  }

  private keyOf(first: number, second: number, isSum: boolean): number {
    return (first * this.keyBase + second) * 2 + (isSum ? 0 : 1);
  }

  /** What stands now; later eliminations leave it alone. */
  graph(): AdderGraph {
    const rows = this.segments.map((segment) => segment.rows.map((): Digit[] => []));
    for (const { segment, row, exponent, digits } of this.lines) {
      for (const [column, sign] of digits) rows[segment]![row]!.push({ column, exponent, sign });
    }
    return { pairs: [...this.pairs], segments: this.segments.map(({ exponent }, i) => ({ exponent, rows: rows[i]! })) };
  }
}

/** Pairs as rows of digits, in groups that need no pair of their own group; columns numbered in that order. */
export function pairRows({ pairs, segments }: AdderGraph, columns: number): { readonly groups: readonly (readonly (readonly Digit[])[])[]; readonly segments: readonly Segment[] } {
  const level = new Map<number, number>();
  for (const { column, first, second } of pairs) level.set(column, Math.max(level.get(first) ?? 0, level.get(second) ?? 0) + 1);
  const ordered = [...pairs].sort((a, b) => level.get(a.column)! - level.get(b.column)! || a.first - b.first || a.column - b.column);
  const renumbered = new Map(ordered.map(({ column }, i) => [column, columns + i]));
  const at = (column: number) => renumbered.get(column) ?? column;
  const levels = [...new Set(ordered.map(({ column }) => level.get(column)!))];
  const rowOf = ({ first, second, sign }: Pair): readonly Digit[] => [{ column: at(first), exponent: 0, sign: 1 }, { column: at(second), exponent: 0, sign }];
  return {
    groups: levels.map((wanted) => ordered.filter(({ column }) => level.get(column) === wanted).map(rowOf)),
    segments: segments.map((segment) => ({ ...segment, rows: segment.rows.map((row) => row.map((digit) => ({ ...digit, column: at(digit.column) }))) })),
  };
}
