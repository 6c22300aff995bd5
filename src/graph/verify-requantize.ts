/** Array lengths and value ranges of every requantize mode: exactly the preconditions of sim/scalar/requantize.ts. */
import type { IntegerType, Requantize } from './integer.js';
import { typeRange } from './lanes.js';

type Range = readonly [number, number];

const INT32: Range = [-(2 ** 31), 2 ** 31 - 1];
const POSITIVE_INT32: Range = [0, 2 ** 31 - 1];

/** Names the field that is wrong, null where nothing is. `channels` = last axis of the output. */
export function requantizeProblem(requantize: Requantize, channels: number, type: IntegerType): string | null {
  const [low, high] = requantize.clamp;
  const [lowest, highest] = typeRange(type);
  if (!within([low, high], [lowest, highest]) || low > high) return `clamp [${low}, ${high}] does not fit codes [${lowest}, ${highest}]`;
  if (!within([requantize.zeroPoint], INT32)) return `zeroPoint ${requantize.zeroPoint} is no 32-bit integer`;
  return modeProblem(requantize, channels);
}

function modeProblem(r: Requantize, channels: number): string | null {
  const list = (field: string, values: readonly number[], range: Range): string | null => {
    if (values.length !== 1 && values.length !== channels) return `${field} has ${values.length} entries for ${channels} channels`;
    const bad = values.findIndex((value) => !within([value], range));
    return bad < 0 ? null : `${field}[${bad}] = ${values[bad]} is not an integer in [${range.join(', ')}]`;
  };
  switch (r.mode) {
    case 'tfliteDouble':
    case 'tfliteSingle':
      return list('multiplier', r.multiplier, POSITIVE_INT32) ?? list('shift', r.shift, [-31, 30]) ?? sameLength(r.multiplier, r.shift);
    case 'tfliteInt16':
      return list('multiplier', r.multiplier, POSITIVE_INT32) ?? list('shift', r.shift, [-31, 7]) ?? sameLength(r.multiplier, r.shift);
    case 'dyadic':
      return list('multiplier', r.multiplier, INT32) ?? list('shift', r.shift, [1, 62]) ?? sameLength(r.multiplier, r.shift);
    case 'dyadicHigh':
      return list('multiplier', r.multiplier, INT32);
    case 'shift':
      return list('shift', r.shift, [0, 31]);
    case 'csd':
      return csdProblem(r.digits, channels) ?? list('shift', r.shift, [1, 62]) ?? sameLength(r.digits, r.shift);
  }
}

function csdProblem(digits: readonly (readonly { readonly exponent: number }[])[], channels: number): string | null {
  if (digits.length !== 1 && digits.length !== channels) return `digits has ${digits.length} entries for ${channels} channels`;
  const bad = digits.findIndex((channel) => !within(channel.map((d) => d.exponent), [0, 31]));
  return bad < 0 ? null : `digits[${bad}] has an exponent outside [0, 31]`;
}

function sameLength(a: readonly unknown[], b: readonly unknown[]): string | null {
  return a.length === b.length ? null : `${a.length} multipliers stand beside ${b.length} shifts`;
}

function within(values: readonly number[], [low, high]: Range): boolean {
  return values.every((value) => Number.isSafeInteger(value) && value >= low && value <= high);
}
