/** Accumulator → output code, as one closure a node: the mode chosen once, its constants in typed arrays. */
import { divideHalfAway, divideHalfEven, doublingHigh, multiplyHighRounded, multiplyRoundShift, tfliteInt16, wideRoundShift } from './fast/products.js';
import type { Requantize } from './kernel.js';

/** Output code of one accumulator (i32; i64 as an exact double for tfliteInt16). `channel` is ignored where one entry serves all. */
export type Requantizer = (accumulator: number, channel: number) => number;

type ModeOf<M extends Requantize['mode']> = Extract<Requantize, { mode: M }>;

export function requantizer(requantize: Requantize): Requantizer {
  switch (requantize.mode) {
    case 'tfliteDouble':
      return tfliteDoubleRequantizer(requantize);
    case 'tfliteSingle':
      return dyadicRequantizer(requantize, requantize.multiplier, requantize.shift.map((s) => 31 - s));
    case 'tfliteInt16':
      return tfliteInt16Requantizer(requantize);
    case 'dyadic':
      return dyadicRequantizer(requantize, requantize.multiplier, requantize.shift);
    case 'dyadicHigh':
      return dyadicHighRequantizer(requantize);
    case 'shift':
      return shiftRequantizer(requantize);
    case 'csd':
      return csdRequantizer(requantize);
  }
}

/** Channel index mask: −1 where every channel has its entry, 0 where one entry serves all. */
function channelMask(entries: number): number {
  return entries === 1 ? 0 : -1;
}

/** Below this magnitude an accumulator's product with a 31-bit multiplier, and half a unit more, is exact in a double. */
const EXACT = 2097152;

function tfliteDoubleRequantizer(r: ModeOf<'tfliteDouble'>): Requantizer {
  const mask = channelMask(r.multiplier.length);
  const multipliers = Float64Array.from(r.multiplier);
  const left = Int32Array.from(r.shift, (s) => Math.max(s, 0));
  const right = Int32Array.from(r.shift, (s) => Math.max(-s, 0));
  const { zeroPoint } = r;
  const [low, high] = r.clamp;
  return (accumulator, channel) => {
    const c = channel & mask;
    const x = accumulator << left[c]!;
    const m = multipliers[c]!;
    const doubled = x < EXACT && x > -EXACT ? Math.floor((x * m + 1073741824) * 4.656612873077393e-10) | 0 : doublingHigh(x, m);
    const code = divideHalfAway(doubled, right[c]!) + zeroPoint;
    return code < low ? low : code > high ? high : code;
  };
}

function dyadicRequantizer(r: Requantize, multiplier: readonly number[], shift: readonly number[]): Requantizer {
  const mask = channelMask(multiplier.length);
  const multipliers = Float64Array.from(multiplier);
  const shifts = Int32Array.from(shift);
  const halves = Float64Array.from(shift, (n) => 2 ** (n - 1));
  const inverses = Float64Array.from(shift, (n) => 2 ** -n);
  const exact = shift.every((n) => n <= 52) ? EXACT : 0;
  const { zeroPoint } = r;
  const [low, high] = r.clamp;
  return (accumulator, channel) => {
    const c = channel & mask;
    const m = multipliers[c]!;
    const rounded =
      accumulator < exact && accumulator > -exact ? Math.floor((accumulator * m + halves[c]!) * inverses[c]!) | 0 : multiplyRoundShift(accumulator, m, shifts[c]!);
    const code = rounded + zeroPoint;
    return code < low ? low : code > high ? high : code;
  };
}

function dyadicHighRequantizer(r: ModeOf<'dyadicHigh'>): Requantizer {
  const mask = channelMask(r.multiplier.length);
  const multipliers = Float64Array.from(r.multiplier);
  const { zeroPoint } = r;
  const [low, high] = r.clamp;
  return (accumulator, channel) => {
    const m = multipliers[channel & mask]!;
    const rounded = accumulator < EXACT && accumulator > -EXACT ? Math.floor((accumulator * m + 2147483648) * 2.3283064365386963e-10) | 0 : multiplyHighRounded(accumulator, m);
    const code = rounded + zeroPoint;
    return code < low ? low : code > high ? high : code;
  };
}

function tfliteInt16Requantizer(r: ModeOf<'tfliteInt16'>): Requantizer {
  const mask = channelMask(r.multiplier.length);
  const { multiplier, shift, zeroPoint } = r;
  const [low, high] = r.clamp;
  return (accumulator, channel) => {
    const c = channel & mask;
    const code = tfliteInt16(accumulator, multiplier[c]!, shift[c]!) + zeroPoint;
    return code < low ? low : code > high ? high : code;
  };
}

function shiftRequantizer(r: ModeOf<'shift'>): Requantizer {
  const mask = channelMask(r.shift.length);
  const shifts = Int32Array.from(r.shift);
  const divide = shiftRounding(r.rounding);
  const { zeroPoint } = r;
  const [low, high] = r.clamp;
  return (accumulator, channel) => {
    const code = divide(accumulator, shifts[channel & mask]!) + zeroPoint;
    return code < low ? low : code > high ? high : code;
  };
}

function shiftRounding(rounding: ModeOf<'shift'>['rounding']): (x: number, n: number) => number {
  switch (rounding) {
    case 'floor':
      return (x, n) => x >> n;
    case 'halfUp':
      return (x, n) => (n === 0 ? x : ((x >> n) + ((x >> (n - 1)) & 1)) | 0);
    case 'halfAway':
      return divideHalfAway;
    case 'halfEven':
      return divideHalfEven;
  }
}

/** The digits sum to a constant below 2^33, so that the shift-and-add product is one multiplication here. */
function csdRequantizer(r: ModeOf<'csd'>): Requantizer {
  const mask = channelMask(r.digits.length);
  const multipliers = Float64Array.from(r.digits, (digits) => digits.reduce((sum, d) => sum + d.sign * 2 ** d.exponent, 0));
  const shifts = Int32Array.from(r.shift);
  const { zeroPoint } = r;
  const [low, high] = r.clamp;
  return (accumulator, channel) => {
    const c = channel & mask;
    const code = wideRoundShift(accumulator, multipliers[c]!, shifts[c]!) + zeroPoint;
    return code < low ? low : code > high ? high : code;
  };
}
