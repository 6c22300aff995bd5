/** Buffers with lifetimes → offsets. No single heuristic wins everywhere, so several are tried and the best result is kept. */

export interface Buffer {
  readonly id: string;
  /** Already rounded up to the alignment. */
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Two buffers that live at the same time and may share memory all the same. */
export interface Sharing {
  readonly output: string;
  readonly input: string;
  /** The output may start this many bytes (or more) before the input: `offset(output) ≤ offset(input) − distance`; null: only at the very same offset. */
  readonly distance: number | null;
}

export interface Placement {
  readonly offsets: ReadonlyMap<string, number>;
  readonly bytes: number;
  readonly heuristic: string;
}

export interface Problem {
  readonly buffers: readonly Buffer[];
  readonly sharings: readonly Sharing[];
  readonly alignment: number;
}

/** Values of x's offset that are no good beside y: the open interval ]low, high[, except the point `allowed`. */
export interface Forbidden {
  readonly low: number;
  readonly high: number;
  readonly allowed: number | null;
}

type Order = (buffers: readonly Buffer[]) => readonly Buffer[];

const ORDERS: Readonly<Record<string, Order>> = {
  size: sorted((b) => -b.bytes),
  area: sorted((b) => -b.bytes * (b.last - b.first + 1)),
  lifetime: sorted((b) => b.first - b.last, (b) => -b.bytes),
  start: sorted((b) => b.first, (b) => -b.bytes),
  end: sorted((b) => -b.last, (b) => -b.bytes),
  breadth: byBreadth,
};

/** Placements that a local search looks at before it gives up: at most so many, fewer of many buffers, each of which meets many others. */
const SEARCH_LIMITS = { quick: { tries: 1000, pairs: 4e6 }, thorough: { tries: 5000, pairs: 2e8 } } as const;
export type Effort = keyof typeof SEARCH_LIMITS;

export function overlapInTime(a: Buffer, b: Buffer): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The best of all heuristics; the search stops as soon as `lowerBound` is reached. */
export function place(problem: Problem, lowerBound: number, effort: Effort = 'quick'): Placement {
  const placer = new Placer(problem);
  let best: { placement: Placement; order: readonly Buffer[] } | null = null;
  for (const [name, order] of Object.entries(ORDERS)) {
    const list = order(problem.buffers);
    for (const fit of ['first', 'best'] as const) {
      const placement = placer.inOrder(list, fit, `${name}, ${fit} fit`);
      if (!best || placement.bytes < best.placement.bytes) best = { placement, order: list };
      if (best.placement.bytes <= lowerBound) return best.placement;
    }
  }
  return search(placer, best!.order, best!.placement, lowerBound, effort);
}

/** What y, at `offset`, forbids for the offset of x; both live at the same time. */
export function forbiddenBy(x: Buffer, y: Buffer, offset: number, sharing: Sharing | undefined): Forbidden {
  const low = offset - x.bytes;
  const high = offset + y.bytes;
  if (!sharing) return { low, high, allowed: null };
  if (sharing.distance === null) return { low, high, allowed: offset };
  return sharing.output === x.id ? { low: Math.max(low, offset - sharing.distance), high, allowed: null } : { low, high: Math.min(high, offset + sharing.distance), allowed: null };
}

/** Which pairs may share memory, in either order of the two. */
export class Sharings {
  private readonly byPair = new Map<string, Sharing>();

  constructor(list: readonly Sharing[]) {
    for (const sharing of list) this.byPair.set(`${sharing.output} ${sharing.input}`, sharing);
  }

  of(a: Buffer, b: Buffer): Sharing | undefined {
    return this.byPair.get(`${a.id} ${b.id}`) ?? this.byPair.get(`${b.id} ${a.id}`);
  }
}

export class Placer {
  /** Of every buffer: those that live at the same time. */
  private readonly neighbours: ReadonlyMap<Buffer, readonly { readonly buffer: Buffer; readonly sharing: Sharing | undefined }[]>;
  private readonly alignment: number;

  constructor({ buffers, sharings, alignment }: Problem) {
    const known = new Sharings(sharings);
    const together = (a: Buffer) => buffers.filter((b) => a !== b && overlapInTime(a, b)).map((buffer) => ({ buffer, sharing: known.of(a, buffer) }));
    this.neighbours = new Map(buffers.map((buffer) => [buffer, together(buffer)]));
    this.alignment = alignment;
  }

  /** Each buffer in turn takes the lowest (or the tightest) offset that those already placed allow. */
  inOrder(order: readonly Buffer[], fit: 'first' | 'best', heuristic: string): Placement {
    const offsets = new Map<string, number>();
    let bytes = 0;
    for (const buffer of order) {
      const forbidden: Forbidden[] = [];
      for (const { buffer: other, sharing } of this.neighbours.get(buffer)!) {
        const at = offsets.get(other.id);
        if (at === undefined) continue;
        const one = forbiddenBy(buffer, other, at, sharing);
        if (one.low < one.high) forbidden.push(one);
      }
      const offset = lowestOffset(forbidden, fit, this.alignment);
      offsets.set(buffer.id, offset);
      bytes = Math.max(bytes, offset + buffer.bytes);
    }
    return { offsets, bytes, heuristic };
  }
}

function lowestOffset(forbidden: readonly Forbidden[], fit: 'first' | 'best', alignment: number): number {
  const sorted = [...forbidden].sort((a, b) => a.low - b.low);
  const isFree = (offset: number) => offset >= 0 && forbidden.every((f) => offset <= f.low || offset >= f.high || offset === f.allowed);
  const points = forbidden.flatMap((f) => (f.allowed !== null && isFree(f.allowed) ? [f.allowed] : []));
  let offset = 0;
  let best = { offset: -1, slack: Infinity };
  for (const { low, high } of sorted) {
    if (offset <= low) {
      if (fit === 'first') return Math.min(offset, ...points);
      if (low - offset < best.slack) best = { offset, slack: low - offset };
    }
    if (offset < high) offset = Math.ceil(high / alignment) * alignment;
  }
  if (points.length > 0 && (fit === 'best' || Math.min(...points) < offset)) return Math.min(...points);
  return best.offset === -1 ? offset : best.offset;
}

/**
 * Moves one buffer in the order, keeps what is no worse; deterministic. Every other move takes one of the buffers that end where
 * the arena does further to the front, without which little changes among many buffers.
 */
function search(placer: Placer, order: readonly Buffer[], start: Placement, lowerBound: number, effort: Effort): Placement {
  let best = start;
  let current = { order: [...order], placement: start };
  let seed = 1;
  const random = (n: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >>> 8) % n;
  };
  const { tries: most, pairs } = SEARCH_LIMITS[effort];
  const tries = order.length < 3 ? 0 : Math.min(most, Math.ceil(pairs / (order.length * order.length)));
  for (let i = 0; i < tries && best.bytes > lowerBound; i++) {
    const candidate = [...current.order];
    const tops = i % 2 === 0 ? [] : topmost(candidate, current.placement);
    const from = tops.length === 0 ? random(candidate.length) : tops[random(tops.length)]!;
    const [moved] = candidate.splice(from, 1);
    candidate.splice(random(tops.length === 0 ? candidate.length + 1 : from + 1), 0, moved!);
    const placement = placer.inOrder(candidate, 'first', 'local search');
    if (placement.bytes > current.placement.bytes) continue;
    current = { order: candidate, placement };
    if (placement.bytes < best.bytes) best = placement;
  }
  return best;
}

/** Places in the order of the buffers that end where the arena does. */
function topmost(order: readonly Buffer[], { offsets, bytes }: Placement): readonly number[] {
  return order.flatMap((buffer, i) => (offsets.get(buffer.id)! + buffer.bytes === bytes ? [i] : []));
}

function sorted(...keys: readonly ((b: Buffer) => number)[]): Order {
  return (buffers) =>
    [...buffers].sort((a, b) => {
      for (const key of keys) if (key(a) !== key(b)) return key(a) - key(b);
      return 0;
    });
}

/** Steps by the bytes alive at them, largest first; at each step its buffers by size. */
function byBreadth(buffers: readonly Buffer[]): readonly Buffer[] {
  const breadth = (step: number) => buffers.reduce((sum, b) => sum + (b.first <= step && step <= b.last ? b.bytes : 0), 0);
  const steps = [...new Set(buffers.map((b) => b.first))].map((step) => ({ step, bytes: breadth(step) }));
  steps.sort((a, b) => b.bytes - a.bytes || a.step - b.step);
  const order = new Set<Buffer>();
  for (const { step } of steps) {
    const alive = buffers.filter((b) => b.first <= step && step <= b.last);
    for (const buffer of alive.sort((a, b) => b.bytes - a.bytes)) order.add(buffer);
  }
  return [...order];
}
