/** Tables of TFLite's int8 kernels of one variable, bit for bit. */
import { tfliteLogisticCode, tfliteTanhCode } from '../../sim/scalar/logistic.js';
import { requantizeTfliteDouble, requantizeTfliteSingle } from '../../sim/scalar/requantize.js';
import type { Requantize } from '../graph/integer.js';
import { codeLimits } from './codes.js';
import type { ActivationPlan, LowerContext } from './lower.js';
import type { UnaryFunction } from './unary-functions.js';

/** Integer bits of the fixed-point input of LOGISTIC and TANH. */
const INTEGER_BITS = 4;

/** Output codes for the given input codes; null where TFLite has no sequence of its own for the function. */
export function tfliteTable(name: UnaryFunction, codes: readonly number[], input: ActivationPlan, output: ActivationPlan, context: LowerContext, alpha: number): number[] | null {
  if (input.bits !== 8 || output.bits !== 8) return null;
  if (name === 'sigmoid') return sigmoidTable(tfliteLogisticCode, codes, input, context);
  if (name === 'tanh') return sigmoidTable(tfliteTanhCode, codes, input, context);
  return name === 'leaky-relu' ? leakyReluTable(codes, input, output, context, alpha) : null;
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
  const [low, high] = codeLimits(output);
  return codes.map((c) => {
    const x = c - input.zeroPoint;
    return Math.min(high, Math.max(low, output.zeroPoint + (x >= 0 ? positive(x) : negative(x))));
  });
}
