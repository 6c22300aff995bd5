/** Placement as an integer program: the least arena and the proof that none is smaller. */
import { solve } from '../solver/index.js';
import { type Buffer, forbiddenBy, overlapInTime, type Placement, type Problem, type Sharing, Sharings } from './placement.js';

/** Beyond this many pairs the program takes longer than it is worth. */
const MOST_PAIRS = 4000;
const TIME_LIMIT_SECONDS = 10;

export interface OptimalPlacement {
  readonly placement: Placement;
  /** No placement is smaller. */
  readonly proven: boolean;
}

/** At least as good as `known`. */
export async function placeOptimally(problem: Problem, known: Placement, lowerBoundBytes: number): Promise<OptimalPlacement> {
  const pairs = pairsOf(problem);
  if (pairs.length > MOST_PAIRS) return { placement: known, proven: false };
  const text = programText(problem, pairs, known.bytes, lowerBoundBytes);
  const solution = await solve({ text, timeLimitSeconds: TIME_LIMIT_SECONDS, absoluteGap: 0.5 });
  if (!solution) return { placement: known, proven: false };
  const offsets = new Map(problem.buffers.map((b, i) => [b.id, Math.round(solution.values.get(`o${i}`) ?? 0) * problem.alignment]));
  const bytes = Math.max(0, ...problem.buffers.map((b) => offsets.get(b.id)! + b.bytes));
  // The solver works with floating point: what it says counts only as far as it can be checked.
  const valid = bytes <= known.bytes && isValid(problem, pairs, offsets);
  const placement = valid && bytes < known.bytes ? { offsets, bytes, heuristic: 'integer program' } : known;
  return { placement, proven: solution.optimal && valid && Math.round(solution.objective) * problem.alignment === placement.bytes };
}

interface Pair {
  readonly a: number;
  readonly b: number;
  readonly sharing: Sharing | undefined;
}

/** Pairs that live at the same time. */
function pairsOf({ buffers, sharings }: Problem): readonly Pair[] {
  const known = new Sharings(sharings);
  return buffers.flatMap((x, a) => buffers.slice(a + 1).flatMap((y, i) => (overlapInTime(x, y) ? [{ a, b: a + 1 + i, sharing: known.of(x, y) }] : [])));
}

function isValid({ buffers, alignment }: Problem, pairs: readonly Pair[], offsets: ReadonlyMap<string, number>): boolean {
  const at = (buffer: Buffer) => offsets.get(buffer.id)!;
  if (buffers.some((b) => at(b) < 0 || at(b) % alignment !== 0)) return false;
  return pairs.every(({ a, b, sharing }) => {
    const [x, y] = [buffers[a]!, buffers[b]!];
    const { low, high, allowed } = forbiddenBy(x, y, at(y), sharing);
    return at(x) <= low || at(x) >= high || at(x) === allowed;
  });
}

/**
 * Minimize the arena m, in units of the alignment. o_i: offset of buffer i. For each pair, one of the binaries below
 * (a lies below b), above, same is 1. A sharing lets the output lie below its input although it reaches into it.
 */
function programText({ buffers, alignment }: Problem, pairs: readonly Pair[], knownBytes: number, lowerBoundBytes: number): string {
  const units = (bytes: number) => Math.ceil(bytes / alignment);
  const big = units(knownBytes);
  const rows: string[] = buffers.map((b, i) => `o${i} - m <= ${-units(b.bytes)}`);
  const binaries: string[] = [];
  pairs.forEach(({ a, b, sharing }, k) => {
    const reach = (x: Buffer, output: boolean) => (sharing && sharing.distance !== null && output ? Math.min(units(x.bytes), units(sharing.distance)) : units(x.bytes));
    const [x, y] = [buffers[a]!, buffers[b]!];
    const [xReach, yReach] = [reach(x, sharing?.output === x.id), reach(y, sharing?.output === y.id)];
    const names = [`below${k}`, `above${k}`, ...(sharing?.distance === null ? [`same${k}`] : [])];
    // o_a + reach ≤ o_b wherever below = 1; slack enough elsewhere.
    rows.push(`o${a} - o${b} + ${big + xReach} below${k} <= ${big}`, `o${b} - o${a} + ${big + yReach} above${k} <= ${big}`);
    if (names.length === 3) rows.push(`o${a} - o${b} + ${big} same${k} <= ${big}`, `o${b} - o${a} + ${big} same${k} <= ${big}`);
    rows.push(`${names.join(' + ')} = 1`);
    binaries.push(...names);
  });
  const bounds = [`${units(lowerBoundBytes)} <= m <= ${big}`, ...buffers.map((_b, i) => `0 <= o${i} <= ${big}`)];
  const general = ['m', ...buffers.map((_b, i) => `o${i}`)];
  return `Minimize\n m\nSubject To\n ${rows.map((r, i) => `r${i}: ${r}`).join('\n ')}\nBounds\n ${bounds.join('\n ')}\nGeneral\n ${general.join(' ')}\nBinary\n ${binaries.join('\n ')}\nEnd\n`;
}
