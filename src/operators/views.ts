/** Pieces that the views of several kernels share: C types, the requantization of an accumulator. */
import { IntegerGraphError } from '../errors.js';
import type { AccumulatorBounds, Codes, IntegerType, Requantize } from '../graph/integer.js';
import type { KernelArgument } from './kernel.js';

/** C type of one lane: `int8_t`. */
export function cType(type: IntegerType): string {
  const bits = type.bits <= 8 ? 8 : type.bits <= 16 ? 16 : 32;
  return `${type.signed ? 'int' : 'uint'}${bits}_t`;
}

/** Part of a function's name: `s8`, `u8`, `s16`, `s32`. */
export function typeName(type: IntegerType): string {
  return `${type.signed ? 's' : 'u'}${type.bits}`;
}

/** C type of the elements of constant data. */
export function cTypeOfCodes(data: Codes): string {
  if (data instanceof Int8Array) return 'int8_t';
  if (data instanceof Uint8Array) return 'uint8_t';
  if (data instanceof Int16Array) return 'int16_t';
  return data instanceof Uint16Array ? 'uint16_t' : 'int32_t';
}

/** `value` as a term of a C sum: ` + 3`, ` - 128`, or nothing for 0. */
export function signedTerm(value: number): string {
  return value === 0 ? '' : value < 0 ? ` - ${-value}` : ` + ${value}`;
}

/**
 * What templates/c/partials/requantize.hbs needs to turn `accumulator` into an output code. Where `perChannel` is set the
 * function has the parameters `multiplier` and/or `shift` (`hasMultiplier`, `hasShift`) and indexes them by channel; else
 * both are literals.
 */
export interface RequantizeView {
  readonly tfliteDouble: boolean;
  readonly tfliteSingle: boolean;
  readonly tfliteInt16: boolean;
  readonly dyadic: boolean;
  readonly dyadicHigh: boolean;
  readonly shiftFloor: boolean;
  readonly shiftHalfUp: boolean;
  readonly shiftHalfAway: boolean;
  readonly shiftHalfEven: boolean;
  readonly csd: boolean;
  /** The sum of digits fits 32 bits: as it is, or in two halves. */
  readonly csdWords: CsdWords | null;
  readonly perChannel: boolean;
  readonly hasMultiplier: boolean;
  readonly hasShift: boolean;
  /** Literals of a per-tensor mode, 0 where unused. */
  readonly multiplier: number;
  readonly shift: number;
  /** Signs of the digits, outermost call first, and their exponents, innermost first: ptq_csd_plus(ptq_csd_minus(0, x, e0), x, e1). */
  readonly csdSigns: readonly { readonly plus: boolean }[];
  readonly csdExponents: readonly number[];
  readonly zeroPoint: number;
  /** The zero point as a term of a sum: ` - 128`. */
  readonly zeroPointTerm: string;
  readonly clampMin: number;
  readonly clampMax: number;
  readonly needsClamp: boolean;
}

const SCALARS: Readonly<Record<Exclude<Requantize['mode'], 'shift' | 'csd'>, string>> = {
  tfliteDouble: 'requantizeTfliteDouble',
  tfliteSingle: 'requantizeTfliteSingle',
  tfliteInt16: 'requantizeTfliteInt16',
  dyadic: 'requantizeDyadic',
  dyadicHigh: 'requantizeDyadicHigh',
};

const SHIFT_SCALARS = { floor: 'shiftFloor', halfUp: 'shiftHalfUp', halfAway: 'shiftHalfAway', halfEven: 'shiftHalfEven' } as const;

/** `bounds`: what the accumulator is proven to stay within, where signed digits can do with 32 bits. */
export function requantizeView(requantize: Requantize, bounds?: AccumulatorBounds): RequantizeView {
  const { mode, zeroPoint, clamp } = requantize;
  const rounding = mode === 'shift' ? requantize.rounding : null;
  const { multipliers, shifts } = constantsOf(requantize);
  const perChannel = Math.max(multipliers.length, shifts.length) > 1;
  const digits = mode === 'csd' ? requantize.digits[0]! : [];
  if (mode === 'csd' && perChannel) throw new IntegerGraphError('a csd requantization must be per tensor');
  return {
    tfliteDouble: mode === 'tfliteDouble',
    tfliteSingle: mode === 'tfliteSingle',
    tfliteInt16: mode === 'tfliteInt16',
    dyadic: mode === 'dyadic',
    dyadicHigh: mode === 'dyadicHigh',
    shiftFloor: rounding === 'floor',
    shiftHalfUp: rounding === 'halfUp',
    shiftHalfAway: rounding === 'halfAway',
    shiftHalfEven: rounding === 'halfEven',
    csd: mode === 'csd',
    csdWords: csdWords(requantize, bounds),
    perChannel,
    hasMultiplier: perChannel && multipliers.length > 0,
    hasShift: perChannel && shifts.length > 0,
    multiplier: perChannel ? 0 : (multipliers[0] ?? 0),
    shift: perChannel ? 0 : (shifts[0] ?? 0),
    csdSigns: digits.map((d) => ({ plus: d.sign === 1 })).reverse(),
    csdExponents: digits.map((d) => d.exponent),
    zeroPoint,
    zeroPointTerm: signedTerm(zeroPoint),
    clampMin: clamp[0],
    clampMax: clamp[1],
    needsClamp: clamp[0] > -2147483648 || clamp[1] < 2147483647,
  };
}

/** The arguments that go with the parameters `multiplier` and `shift` of a per-channel mode, in this order. */
export function requantizeArguments(requantize: Requantize): readonly KernelArgument[] {
  const { multipliers, shifts } = constantsOf(requantize);
  if (Math.max(multipliers.length, shifts.length) <= 1) return [];
  const list: KernelArgument[] = [];
  if (multipliers.length > 0) list.push({ kind: 'constant', name: 'multiplier', data: Int32Array.from(multipliers) });
  if (shifts.length > 0) list.push({ kind: 'constant', name: 'shift', data: Int8Array.from(shifts) });
  return list;
}

/** Scalar functions that the partial calls. */
export function requantizeScalars(requantize: Requantize, bounds?: AccumulatorBounds): readonly string[] {
  const own =
    requantize.mode === 'csd'
      ? csdWords(requantize, bounds) ? ['csdPlusWord', 'csdMinusWord', 'shiftHalfUp'] : ['csdPlus', 'csdMinus', 'csdRound']
      : [requantize.mode === 'shift' ? SHIFT_SCALARS[requantize.rounding] : SCALARS[requantize.mode]];
  return requantizeView(requantize).needsClamp ? [...own, 'clamp'] : own;
}

/**
 * How a sum of digits stays in 32 bits. An accumulator x = high·2^places + low has
 * floor((x·m + 2^(s−1)) / 2^s) = floor((high·m + floor(low·m / 2^places) + 2^(s−places−1)) / 2^(s−places)).
 */
interface CsdWords {
  /** Null: x·m itself fits. */
  readonly split: { readonly places: number; readonly mask: number } | null;
  /** Places that are left to shift. */
  readonly shift: number;
}

function csdWords(requantize: Requantize, bounds: AccumulatorBounds | undefined): CsdWords | null {
  if (requantize.mode !== 'csd' || !bounds) return null;
  const factor = requantize.digits[0]!.reduce((sum, { sign, exponent }) => sum + sign * 2 ** exponent, 0);
  const largest = Math.max(...bounds.accumulator.flat().map(Math.abs));
  const shift = requantize.shift[0]!;
  if (factor <= 0) return null;
  if (largest * factor < 2 ** 31 && shift <= 31) return { split: null, shift };
  const places = Math.min(31 - Math.ceil(Math.log2(factor)), shift - 1);
  const fits = places >= 1 && shift - places <= 31 && (largest / 2 ** places + 2) * factor < 2 ** 31;
  return fits ? { split: { places, mask: 2 ** places - 1 }, shift: shift - places } : null;
}

/** Constants of a mode; both lists are given the same length where one of them is per channel. */
function constantsOf(requantize: Requantize): { readonly multipliers: readonly number[]; readonly shifts: readonly number[] } {
  const multipliers = 'multiplier' in requantize ? requantize.multiplier : [];
  const shifts = 'shift' in requantize ? requantize.shift : [];
  const channels = Math.max(multipliers.length, shifts.length);
  const spread = (list: readonly number[]) => (list.length === 1 ? Array.from({ length: channels }, () => list[0]!) : list);
  return { multipliers: spread(multipliers), shifts: spread(shifts) };
}
