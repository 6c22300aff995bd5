/**
 * Weights as lists of taps, one list for each power of two and sign: a sum of products becomes Σ_e 2^e·(Σ x − Σ x)
 * (integer-only shift networks: DenseShift, section 4; bit planes and Horner's rule give the same sum).
 *
 * A kernel adds words that hold two codes each, x0 + x1·2^16, so that one addition serves two outputs. Powers of two that
 * lie near each other share such a word, doubled from one to the next, as long as both sums fit 16 bits: a segment.
 *
 * Bytes of one channel: places of its requantization; segments, the last with bit 7 of its first byte set. Segment: shift
 * of its sum; then planes, the largest power first. Plane: count and taps that are added, count and taps that are subtracted, then how many doublings
 * lead to the next plane plus one, 0 at the end of the segment. Taps are distances, the first from the first tap.
 */
import type { Codes } from '../../graph/integer.js';
import { signedDigits } from './digits.js';

/** Leaves room in a byte for the taps that bridge long distances. */
const LARGEST_COUNT = 200;
const LARGEST_STEP = 255;
const LAST_SEGMENT = 128;

/** Largest sum of powers of two, over all taps of a segment, that keeps its sums in 16 bits. */
export function halfWordRoom(reach: number): number {
  return Math.max(1, Math.floor(32767 / reach));
}

/** The same where every sum has a word of its own, which the proof of the accumulator covers. */
export const WORD_ROOM = 2 ** 30;

interface Plane {
  readonly exponent: number;
  readonly plus: readonly number[];
  readonly minus: readonly number[];
}

/** Weights [outputs, depth]; `places`: one a channel; `room`: of a segment. */
export function weightStream(weights: Codes, places: readonly number[], room: number): Uint8Array {
  const depth = weights.length / places.length;
  const bytes = places.flatMap((count, o) => [count, ...channelBytes(weights.subarray(o * depth, (o + 1) * depth), room)]);
  if (bytes.some((byte) => byte > 255)) throw new RangeError('a list of taps is longer than a byte can count');
  return Uint8Array.from(bytes);
}

/** What a kernel walks through for all channels: how often each of its loops turns. */
export interface StreamCounts {
  readonly segments: number;
  readonly planes: number;
  readonly taps: number;
}

export function streamCounts(weights: Codes, outputs: number, room: number): StreamCounts {
  const depth = weights.length / outputs;
  const segments = Array.from({ length: outputs }, (_, o) => channelSegments(weights.subarray(o * depth, (o + 1) * depth), room)).flat();
  const planes = segments.flat().map(withBridges);
  return { segments: segments.length, planes: planes.length, taps: planes.reduce((sum, { plus, minus }) => sum + plus.length + minus.length, 0) };
}

/** Planes by falling exponent; a tap stands in several planes where its weight has several digits. */
function planesOf(weights: Codes): readonly Plane[] {
  const planes = new Map<number, { readonly plus: number[]; readonly minus: number[] }>();
  weights.forEach((weight, tap) => {
    for (const { sign, exponent } of signedDigits(weight)) {
      const plane = planes.get(exponent) ?? { plus: [], minus: [] };
      planes.set(exponent, plane);
      (sign > 0 ? plane.plus : plane.minus).push(tap);
    }
  });
  return [...planes].sort(([a], [b]) => b - a).map(([exponent, plane]) => ({ exponent, ...plane }));
}

/** From the smallest power up: as many planes as the half words hold. */
function segmentsOf(planes: readonly Plane[], most: number): readonly (readonly Plane[])[] {
  const segments: Plane[][] = [];
  let room = 0;
  for (const plane of planes.flatMap((p) => pieces(p, most)).reverse()) {
    const current = segments.at(-1);
    const added = (plane.plus.length + plane.minus.length) * 2 ** (plane.exponent - (current?.at(-1)?.exponent ?? plane.exponent));
    if (current && added <= room) {
      current.unshift(plane);
      room -= added;
    } else {
      segments.push([plane]);
      room = most - (plane.plus.length + plane.minus.length);
    }
  }
  return segments.reverse();
}

/** A plane of more taps than a half word holds, or a byte counts, in several. */
function pieces({ exponent, plus, minus }: Plane, most: number): readonly Plane[] {
  const size = Math.min(most, LARGEST_COUNT);
  const taps = [...plus.map((tap) => ({ tap, sign: 1 })), ...minus.map((tap) => ({ tap, sign: -1 }))];
  const list: Plane[] = [];
  for (let i = 0; i < taps.length; i += size) {
    const part = taps.slice(i, i + size);
    list.push({ exponent, plus: part.filter((t) => t.sign > 0).map((t) => t.tap), minus: part.filter((t) => t.sign < 0).map((t) => t.tap) });
  }
  return list;
}

function channelSegments(weights: Codes, room: number): readonly (readonly Plane[])[] {
  const segments = segmentsOf(planesOf(weights), room);
  // A channel of zeros still needs a segment to say so.
  return segments.length > 0 ? segments : [[{ exponent: 0, plus: [], minus: [] }]];
}

function channelBytes(weights: Codes, room: number): readonly number[] {
  const all = channelSegments(weights, room);
  return all.flatMap((segment, i) => segmentBytes(segment, i === all.length - 1));
}

function segmentBytes(segment: readonly Plane[], isLast: boolean): readonly number[] {
  const bytes = [segment.at(-1)!.exponent + (isLast ? LAST_SEGMENT : 0)];
  segment.forEach((plane, i) => {
    const { plus, minus } = withBridges(plane);
    bytes.push(...listBytes(plus), ...listBytes(minus));
    const next = segment[i + 1];
    bytes.push(next ? plane.exponent - next.exponent + 1 : 0);
  });
  return bytes;
}

/** Taps too far apart for a byte: one between them that is added and subtracted again. */
function withBridges({ plus, minus }: Plane): { readonly plus: readonly number[]; readonly minus: readonly number[] } {
  const bridges = new Set([...gaps(plus), ...gaps(minus)]);
  if (bridges.size === 0) return { plus, minus };
  const merged = (taps: readonly number[]) => [...taps, ...bridges].sort((a, b) => a - b);
  return withBridges({ exponent: 0, plus: merged(plus), minus: merged(minus) });
}

function gaps(taps: readonly number[]): readonly number[] {
  return taps.flatMap((tap, i) => {
    const previous = taps[i - 1] ?? 0;
    return tap - previous > LARGEST_STEP ? [previous + LARGEST_STEP] : [];
  });
}

function listBytes(taps: readonly number[]): readonly number[] {
  return [taps.length, ...taps.map((tap, i) => tap - (taps[i - 1] ?? 0))];
}
