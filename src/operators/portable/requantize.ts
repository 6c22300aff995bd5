/**
 * Bias and requantization of one channel as four words, so that cores without SIMD spend a product, two additions, a
 * shift and the clamp on each output:
 *
 *     code = clamp((high(accumulator) + addend [+ sign of the accumulator]) >> shift)
 *
 * `high` is the rounded high word of a product, in its one instruction or two; or, on cores without a long multiply and
 * where every accumulator fits 21 bits, three products with eleven bits of the multiplier each. Where a channel has no
 * such form the general scalar functions stand.
 */
import type { IntegerNode } from '../../graph/integer.js';
import { type FoldedRequantize, foldRequantize } from '../dsp/requantize.js';
import type { KernelArgument, KernelContext } from '../kernel.js';
import { requantizeArguments, requantizeScalars, requantizeView, type RequantizeView } from '../views.js';

/** A product of this and eleven bits, and what is carried into it, fit 32 bits. */
const SHORT_REACH = 2 ** 20;

/** Fields of the partials portable-constants and portable-code. */
export interface PortableRequantizeView {
  readonly isFolded: boolean;
  /** The constants are the same for all channels; biases then stand by themselves. */
  readonly isUniform: boolean;
  readonly isShort: boolean;
  /** high(): `short`: round and shift of accumulator·multiplier / 2^22; else the operand, and rounded or not. */
  readonly round: number;
  readonly roundShift: number;
  readonly doubled: boolean;
  readonly isFloor: boolean;
  readonly isAway: boolean;
  readonly clampMin: number;
  readonly clampMax: number;
  /** Where it is not folded; the zero point is a variable. */
  readonly general: RequantizeView;
}

export interface PortableRequantize {
  readonly view: PortableRequantizeView;
  /** Bias (unless a kernel has it elsewhere) and constants. */
  readonly arguments: readonly KernelArgument[];
  readonly scalars: readonly string[];
}

/** `bias`: one entry a channel. */
export function portableRequantize(node: IntegerNode, features: KernelContext['features'], bias: Int32Array): PortableRequantize {
  const requantize = node.requantize!;
  const folded = foldRequantize(node, bias.length);
  const isShort = folded !== null && !features.multiplyHigh && folded.channels.every(({ multiplier }) => multiplier >= 0) && node.bounds!.accumulator.every(([low, high]) => Math.max(-low, high) <= SHORT_REACH);
  const isUniform = folded !== null && new Set(folded.channels.map(({ multiplier, addend, shift }) => `${multiplier} ${addend} ${shift}`)).size === 1;
  const roundShift = folded?.doubled ? 9 : 10;
  const view = {
    isFolded: folded !== null,
    isUniform,
    isShort,
    round: folded?.kind === 'floor' ? 0 : 2 ** (roundShift - 1),
    roundShift,
    doubled: folded?.doubled === true,
    isFloor: folded?.kind === 'floor',
    isAway: folded?.kind === 'away',
    clampMin: requantize.clamp[0],
    clampMax: requantize.clamp[1],
    general: { ...requantizeView(requantize), zeroPointTerm: ' + zero_point' },
  };
  const biasArgument = { kind: 'constant', name: 'bias', data: bias } as const;
  if (!folded) return { view, arguments: [biasArgument, ...requantizeArguments(requantize)], scalars: requantizeScalars(requantize) };
  const high = isShort ? 'multiplyEleven' : folded.kind === 'floor' ? 'multiplyHigh' : 'requantizeDyadicHigh';
  const words = foldedWords(folded, isUniform ? new Int32Array(bias.length) : bias, isShort);
  const constants = { kind: 'constant', name: 'constants', data: isUniform ? words.slice(0, 4) : words } as const;
  return { view, arguments: isUniform ? [biasArgument, constants] : [constants], scalars: [high, 'clamp'] };
}

/** Bias, multiplier, addend, shift; or bias, the multiplier's lower parts, its upper part and the shift, addend. */
function foldedWords({ channels }: FoldedRequantize, bias: Int32Array, isShort: boolean): Int32Array {
  return Int32Array.from(
    channels.flatMap(({ multiplier, addend, shift }, channel) => {
      if (!isShort) return [bias[channel]!, multiplier, addend, shift];
      return [bias[channel]!, (multiplier & 2047) | (((multiplier >> 11) & 2047) << 16), (multiplier >> 22) | (shift << 16), addend];
    }),
  );
}
