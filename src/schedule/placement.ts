/** Buffers with lifetimes → offsets. No single heuristic wins everywhere, so several are tried and the best result is kept. */

export interface Buffer {
  readonly id: string;
  /** Already rounded up to the alignment, so that every offset is aligned. */
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Placement {
  readonly offsets: ReadonlyMap<string, number>;
  readonly bytes: number;
  readonly heuristic: string;
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

/** Placements that a local search looks at before it gives up. */
const SEARCH_LIMIT = 400;

export function overlapInTime(a: Buffer, b: Buffer): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The best of all heuristics; the search stops as soon as `lowerBound` is reached. */
export function place(buffers: readonly Buffer[], lowerBound: number): Placement {
  let best: { placement: Placement; order: readonly Buffer[] } | null = null;
  for (const [name, order] of Object.entries(ORDERS)) {
    const list = order(buffers);
    for (const fit of ['first', 'best'] as const) {
      const placement = placeInOrder(list, fit, `${name}, ${fit} fit`);
      if (!best || placement.bytes < best.placement.bytes) best = { placement, order: list };
      if (best.placement.bytes <= lowerBound) return best.placement;
    }
  }
  return search(best!.order, best!.placement, lowerBound);
}

/** Each buffer in turn takes the lowest (or the tightest) gap among those already placed that live at the same time. */
export function placeInOrder(order: readonly Buffer[], fit: 'first' | 'best', heuristic: string): Placement {
  const placed: { buffer: Buffer; offset: number }[] = [];
  let bytes = 0;
  for (const buffer of order) {
    const neighbours = placed.filter((p) => overlapInTime(p.buffer, buffer));
    const offset = gapFor(buffer.bytes, neighbours, fit);
    const at = placed.findIndex((p) => p.offset > offset);
    placed.splice(at === -1 ? placed.length : at, 0, { buffer, offset });
    bytes = Math.max(bytes, offset + buffer.bytes);
  }
  return { offsets: new Map(placed.map((p) => [p.buffer.id, p.offset])), bytes, heuristic };
}

/** `neighbours` are sorted by offset. */
function gapFor(bytes: number, neighbours: readonly { buffer: Buffer; offset: number }[], fit: 'first' | 'best'): number {
  let end = 0;
  let best = { offset: -1, gap: Infinity };
  for (const { buffer, offset } of neighbours) {
    const gap = offset - end;
    if (gap >= bytes && gap < best.gap) {
      if (fit === 'first') return end;
      best = { offset: end, gap };
    }
    end = Math.max(end, offset + buffer.bytes);
  }
  return best.offset === -1 ? end : best.offset;
}

/** Moves one buffer forward in the order, keeps what is no worse; deterministic. */
function search(order: readonly Buffer[], start: Placement, lowerBound: number): Placement {
  let best = start;
  let current = [...order];
  let seed = 1;
  const random = (n: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >>> 8) % n;
  };
  const tries = order.length < 3 ? 0 : Math.min(SEARCH_LIMIT, Math.ceil(4e6 / (order.length * order.length)));
  for (let i = 0; i < tries && best.bytes > lowerBound; i++) {
    const candidate = [...current];
    const [moved] = candidate.splice(random(candidate.length), 1);
    candidate.splice(random(candidate.length + 1), 0, moved!);
    const placement = placeInOrder(candidate, 'first', 'local search');
    if (placement.bytes > best.bytes) continue;
    current = candidate;
    if (placement.bytes < best.bytes) best = placement;
  }
  return best;
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
