/** How sums become codes in the products of a layer: the cheapest form of requantization that its channels have. */
import type { IntegerNode } from '../../graph/integer.js';
import type { LinearTensors } from '../linear/integer.js';
import { fixRequantize } from './fixed-shift.js';
import type { FoldedRequantize } from './requantize.js';
import type { WeightStorage } from './storage.js';
import { lineAtScale, uniformRequantize } from './uniform-shift.js';

export interface EpilogueChannel {
  /** Sums are 2^scale times the accumulator, plus the nudge. */
  readonly scale: number;
  readonly nudge: number;
  readonly multiplier: number;
  readonly addend: number;
  readonly shift: number;
}

export interface Epilogue {
  /** `line`: SMMLA and a saturation with its shift built in; the others: requantize.ts. */
  readonly kind: FoldedRequantize['kind'] | 'line';
  /** Sums are shifted to the right by this much first: packed weights are read at more than they are worth. */
  readonly unpack: number;
  /** Lanes of the input are 2^laneScale times their value; the rest of a channel's scale lies in its weights. */
  readonly laneScale: number;
  /** The saturation's own shift. */
  readonly immediate: number;
  /** Channels have shifts of their own. */
  readonly shifted: boolean;
  readonly saturation: FoldedRequantize['saturation'];
  readonly channels: readonly EpilogueChannel[];
}

export function chooseEpilogue(node: IntegerNode, t: LinearTensors, channels: number, folded: FoldedRequantize, { bits, scale }: WeightStorage): Epilogue {
  if (scale > 0) return packedEpilogue(node, channels, folded, scale);
  return cheapestEpilogue(node, channels, folded, bits === 16 ? largestWeights(t, channels) : null);
}

/** Sums are 2^scale times the accumulator: all of it goes into a line, or what is too much is shifted out. */
function packedEpilogue(node: IntegerNode, channels: number, folded: FoldedRequantize, scale: number): Epilogue {
  const line = lineAtScale(node, channels, scale);
  if (line) return { kind: 'line', unpack: 0, laneScale: 0, immediate: line.shift, shifted: false, saturation: folded.saturation, channels: line.channels.map((c) => ({ ...c, shift: 0 })) };
  const unpack = scale - folded.places;
  return {
    kind: folded.kind,
    unpack,
    laneScale: 0,
    immediate: 0,
    shifted: !folded.unshifted,
    saturation: folded.saturation,
    channels: folded.channels.map((c) => ({ ...c, scale, nudge: 0 })),
  };
}

/** `largest`: the largest magnitude of each channel's weights where they are lanes of 16 bits, which leave room for a scale; else null. */
export function cheapestEpilogue(node: IntegerNode, channels: number, folded: FoldedRequantize, largest: readonly number[] | null): Epilogue {
  const { saturation } = folded;
  const line = folded.unshifted ? null : largest ? fixRequantize(node, largest) : uniformRequantize(node, channels);
  if (line) {
    const laneScale = 'scale' in line ? (line.scale as number) : 0;
    return { kind: 'line', unpack: 0, laneScale, immediate: line.shift, shifted: false, saturation, channels: line.channels.map((c) => ({ ...c, shift: 0 })) };
  }
  const scale = folded.places;
  return {
    kind: folded.kind,
    unpack: 0,
    laneScale: largest ? 0 : scale,
    immediate: 0,
    shifted: !folded.unshifted,
    saturation,
    channels: folded.channels.map((c) => ({ ...c, scale, nudge: 0 })),
  };
}

/** Part of the names of functions with this epilogue. */
export function epilogueName({ kind, unpack, shifted, immediate, saturation }: Epilogue): string {
  const form = kind === 'line' ? `line${immediate}` : `${kind}${shifted ? '' : '_high'}${unpack > 0 ? `_after${unpack}` : ''}`;
  return `${form}_${saturation.signed ? 's' : 'u'}${saturation.bits}`;
}

/** Fields of the templates of products. */
export function epilogueView({ kind, unpack, shifted, immediate, saturation }: Epilogue): object {
  const line = kind === 'line';
  return {
    line,
    unpack,
    shifted,
    immediate,
    away: kind === 'away',
    multiply: kind === 'floor' || line ? 'smmla' : 'smmlar',
    saturate: saturation.signed ? 'ssat' : 'usat',
    bits: saturation.bits,
  };
}

function largestWeights(t: LinearTensors, channels: number): readonly number[] {
  const depth = t.weightCodes.length / channels;
  const largest = new Array<number>(channels).fill(0);
  t.weightCodes.forEach((w, i) => {
    const channel = Math.floor(i / depth);
    largest[channel] = Math.max(largest[channel]!, Math.abs(w));
  });
  return largest;
}
