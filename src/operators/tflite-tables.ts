/** Tables of TFLite's int8 kernels of one variable, bit for bit. */
import { tfliteLogisticCode, tfliteTanhCode } from '../../sim/scalar/logistic.js';
import { requantizeTfliteDouble, requantizeTfliteSingle } from '../../sim/scalar/requantize.js';
import type { Requantize } from '../graph/integer.js';
import { typeRange } from '../graph/lanes.js';
import type { ActivationPlan, LowerContext } from './lower.js';
import type { UnaryFunction } from './unary-functions.js';

/** Integer bits of the fixed-point input of LOGISTIC and TANH. */
const INTEGER_BITS = 4;

/** Output codes for the given input codes; null where TFLite has no sequence of its own for the function. */
export function tfliteTable(name: UnaryFunction, codes: readonly number[], input: ActivationPlan, output: ActivationPlan, context: LowerContext, alpha: number): number[] | null {
  if (input.bits !== 8 || output.bits !== 8) return null;
  if (name === 'sigmoid') return sigmoidTable(tfliteLogisticCode, codes, input, context);
  if (name === 'tanh') return sigmoidTable(tfliteTanhCode, codes, input, context);
  if (name === 'leaky-relu') return leakyReluTable(codes, input, output, context, alpha);
  if (name === 'abs') return absoluteTable(codes, input, output, context);
  return name === 'hard-swish' ? hardSwishTable(codes, input, output, context) : null;
}

/** Multiplier and shift of TFLite's QuantizeMultiplier for a real factor. */
function fixedPoint(context: LowerContext, factor: number): { readonly multiplier: number; readonly shift: number } {
  const requantize = context.requantize([factor], { bits: 8, signed: true, scale: 1, zeroPoint: 0 });
  if (requantize.mode !== 'tfliteDouble' && requantize.mode !== 'tfliteSingle') throw new RangeError(`a tflite table needs a tflite mode, not ${requantize.mode}`);
  return { multiplier: requantize.multiplier[0]!, shift: requantize.shift[0]! };
}

/** The rounded product of one requantization, without zero point and clamp. */
function rescaler(requantize: Requantize): (x: number) => number {
  if (requantize.mode !== 'tfliteDouble' && requantize.mode !== 'tfliteSingle') throw new RangeError(`a tflite table needs a tflite mode, not ${requantize.mode}`);
  const apply = requantize.mode === 'tfliteDouble' ? requantizeTfliteDouble : requantizeTfliteSingle;
  return (x) => apply(x, requantize.multiplier[0]!, requantize.shift[0]!);
}

/** Codes outside the radius, where the input leaves its fixed-point format, saturate. */
function sigmoidTable(code: (x: number) => number, codes: readonly number[], input: ActivationPlan, context: LowerContext): number[] {
  const requantize = context.requantize([input.scale * 2 ** (31 - INTEGER_BITS)], { ...input, scale: 1 });
  const shift = 'shift' in requantize ? requantize.shift[0]! : 0;
  const radius = Math.floor(((2 ** INTEGER_BITS - 1) * 2 ** (31 - INTEGER_BITS)) / 2 ** shift);
  const rescale = rescaler(requantize);
  return codes.map((c) => {
    const x = c - input.zeroPoint;
    return x <= -radius ? -128 : x >= radius ? 127 : code(rescale(x));
  });
}

function leakyReluTable(codes: readonly number[], input: ActivationPlan, output: ActivationPlan, context: LowerContext, alpha: number): number[] {
  const positive = rescaler(context.requantize([input.scale], output));
  const negative = rescaler(context.requantize([input.scale * Math.fround(alpha)], output));
  const [low, high] = typeRange(output);
  return codes.map((c) => {
    const x = c - input.zeroPoint;
    return Math.min(high, Math.max(low, output.zeroPoint + (x >= 0 ? positive(x) : negative(x))));
  });
}

function absoluteTable(codes: readonly number[], input: ActivationPlan, output: ActivationPlan, context: LowerContext): number[] {
  const rescale = input.scale === output.scale ? (x: number) => x : rescaler(context.requantize([input.scale], output));
  const [low, high] = typeRange(output);
  return codes.map((c) => Math.min(high, Math.max(low, output.zeroPoint + rescale(Math.abs(c - input.zeroPoint)))));
}

const clampInt16 = (x: number): number => Math.min(32767, Math.max(-32768, x));

/** The upper half of a 32-bit multiplier, rounded. */
const upperHalf = (multiplier: number): number => (multiplier >= 2147483647 - 32768 ? 32767 : (multiplier + 32768) >> 16);

/** a·b/2^15 on 16 bits, rounded half up. */
const roundedProduct = (a: number, b: number): number => clampInt16((a * b + 16384) >> 15);

/** x/2^n rounded half away from zero. */
const roundedQuotient = (x: number, n: number): number => Math.sign(x) * Math.floor(Math.abs(x) / 2 ** n + 0.5) + 0;

/** HARD_SWISH on 16-bit fixed point; factors are float32 quotients. Source: reference_ops hard_swish.h, HardSwishPrepare. */
function hardSwishTable(codes: readonly number[], input: ActivationPlan, output: ActivationPlan, context: LowerContext): number[] | null {
  const fine = Math.fround(input.scale / 128);
  const toOutput = fixedPoint(context, Math.fround(fine / Math.fround(output.scale)));
  const toUnit = fixedPoint(context, Math.fround(fine / Math.fround(3 / 32768)));
  if (toOutput.shift > 0) return null;
  const [low, high] = typeRange(output);
  return codes.map((c) => {
    const x = (c - input.zeroPoint) * 128;
    const shifted = toUnit.shift > 0 ? clampInt16(x * 2 ** (toUnit.shift - 1)) : x;
    const product = roundedProduct(shifted, upperHalf(toUnit.multiplier));
    const unit = toUnit.shift > 0 ? clampInt16(product * 2) : roundedQuotient(product, -toUnit.shift);
    const gate = (unit + 32768) >> 1;
    const value = Math.trunc((gate * roundedProduct(x, upperHalf(toOutput.multiplier))) / 32768);
    return Math.min(high, Math.max(low, output.zeroPoint + roundedQuotient(value, -toOutput.shift)));
  });
}
