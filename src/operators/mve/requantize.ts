/**
 * Requantization of four accumulators at once on Helium. Every form equals the scalar definitions of
 * sim/scalar/requantize.ts for each 32-bit accumulator:
 *
 *     round:   VRMULH                      floor((x·m + 2^31) / 2^32)
 *     floor:   VMULH, VRSHL                floor((x·m + 2^(31+n)) / 2^(32+n)): the inner floor changes no bit of the outer one
 *     double:  VQRDMULH, VRSHL             TFLite's two roundings where no negative value survives the clamp
 *     away:    VQRDMULH, VSHR, VADD, VRSHL TFLite's two roundings: half away from zero is half up of x − (x < 0)
 *     mixed:   VQRDMULH, VAND, VSHR, VADD, VRSHL: the same, with channels whose shift is 0
 *
 * Then a saturating sum with the zero point, and the clamp.
 */
import type { IntegerNode, Requantize } from '../../graph/integer.js';

export type VectorKind = 'round' | 'floor' | 'double' | 'away' | 'mixed';

export interface VectorChannel {
  readonly multiplier: number;
  /** Right shift after the product, 0 ≤ shift ≤ 31; 0 for every channel of kind 'round'. */
  readonly shift: number;
}

export interface VectorRequantize {
  readonly kind: VectorKind;
  readonly zeroPoint: number;
  readonly clamp: readonly [number, number];
  /** One entry an output channel. */
  readonly channels: readonly VectorChannel[];
}

const LARGEST = 2 ** 31 - 1;

/** Constants of every channel; null where the mode, or a channel of it, has no such form. */
export function vectorRequantize(node: IntegerNode, channels: number): VectorRequantize | null {
  const { requantize, bounds } = node;
  if (!requantize || !bounds || bounds.accumulatorBits !== 32) return null;
  const { zeroPoint, clamp } = requantize;
  for (const kind of ['round', 'floor', 'double'] as const) {
    const list = Array.from({ length: channels }, (_, channel) => formOf(requantize, channel, kind));
    if (!list.every((c) => c !== null)) continue;
    return { kind: kind === 'double' ? doubleKind(list, requantize) : kind, zeroPoint, clamp, channels: list };
  }
  return null;
}

function doubleKind(channels: readonly VectorChannel[], { zeroPoint, clamp }: Requantize): VectorKind {
  if (clamp[0] >= zeroPoint || channels.every((c) => c.shift === 0)) return 'double';
  return channels.some((c) => c.shift === 0) ? 'mixed' : 'away';
}

function formOf(requantize: Requantize, channel: number, kind: 'round' | 'floor' | 'double'): VectorChannel | null {
  const entry = (list: readonly number[]) => list[list.length === 1 ? 0 : channel]!;
  switch (requantize.mode) {
    case 'tfliteDouble': {
      const shift = entry(requantize.shift);
      return kind === 'double' && shift <= 0 && shift >= -31 ? { multiplier: entry(requantize.multiplier), shift: 0 - shift } : null;
    }
    case 'tfliteSingle':
      return dyadic(entry(requantize.multiplier), 31 - entry(requantize.shift), kind);
    case 'dyadic':
      return dyadic(entry(requantize.multiplier), entry(requantize.shift), kind);
    case 'dyadicHigh':
      return dyadic(entry(requantize.multiplier), 32, kind);
    case 'shift':
      return power(entry(requantize.shift), requantize.rounding, kind);
    default:
      return null;
  }
}

/** floor((x·m + 2^(shift−1)) / 2^shift): smaller shifts scale the multiplier. */
function dyadic(multiplier: number, shift: number, kind: 'round' | 'floor' | 'double'): VectorChannel | null {
  if (kind === 'double' || (kind === 'round' && shift > 32)) return null;
  const total = Math.max(shift, kind === 'round' ? 32 : 33);
  const scaled = multiplier * 2 ** (total - shift);
  return Math.abs(scaled) <= LARGEST && total - 32 <= 31 ? { multiplier: scaled, shift: total - 32 } : null;
}

function power(shift: number, rounding: string, kind: 'round' | 'floor' | 'double'): VectorChannel | null {
  if (rounding === 'halfUp' && shift > 0) return dyadic(1, shift, kind);
  if (rounding !== 'floor' || kind !== 'floor' || shift < 2) return null;
  return { multiplier: 2 ** (32 - shift), shift: 0 };
}
