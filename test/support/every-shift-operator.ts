/** Layers of every operator without multiplication, for targets that must compute all of them. */
import { byte, everyOperator, type GraphCase, image, loweredFor, matrices, none, unsigned, wide, windows } from './every-operator.js';
import { IntegerGraphBuilder, Random } from './integer-graphs.js';
import { randomConvolution, randomDense, randomDepthwise, randomTransposed } from './linear-cases.js';
import { shiftedCase } from './shift-cases.js';

const lowered = loweredFor('shift');

/** Every operator under the arithmetic 'shift': narrow and wide codes, I-ViT's functions, layers with weights. */
export function everyShiftOperator(): readonly GraphCase[] {
  return [
    ...everyOperator('shift'),
    lowered('matmul', { transposeA: false, transposeB: false }, matrices(byte)),
    lowered('matmul', { transposeA: false, transposeB: false }, matrices({ ...wide, bits: 12 }), wide),
    lowered('layer-norm', { axis: 1, epsilon: 1e-5 }, [{ shape: [5, 8], plan: unsigned }]),
    lowered('average-pool2d', { ...windows, countIncludePad: true }, [image]),
    lowered('resize', { mode: 'linear', sizes: [5, 12], coordinates: 'align-corners', nearestMode: 'floor' }, [image]),
    lowered('softmax', { axis: 2, beta: 1 }, [{ shape: [3, 7, 5], plan: byte }], { bits: 8, signed: true, scale: 1 / 200, zeroPoint: -100 }),
    lowered('softmax', { axis: 2, beta: 1 }, [{ shape: [3, 7, 5], plan: byte }], { bits: 11, signed: true, scale: 1 / 508, zeroPoint: 0, twin: { bits: 8, shift: 2, split: 127 } }),
    lowered('unary', { function: 'sigmoid', alpha: 0, beta: 0 }, [{ shape: [40], plan: { ...wide, bits: 9 } }], wide),
    lowered('sub', none, [image, { shape: [5], plan: wide }], wide),
    lowered('mul', none, [image, { shape: [5], plan: wide }], wide),
    ...[false, true].map(byShifts),
    ...[false, true].map(nearLimit),
    ...[1, 2].flatMap((bytes) => [randomConvolution, randomDepthwise, randomTransposed, randomDense].map((made, i) => linear(made, 30 + i, bytes))),
  ];
}

/** I-ViT's functions, which lowering writes for `--transformer-functions ivit`. */
function byShifts(gate: boolean): GraphCase {
  const random = new Random(4);
  const builder = new IntegerGraphBuilder();
  const common = { places: 3, unit: 201, exponentBits: 13, fractionBits: 8 };
  const x = builder.input('x', [6, 7, 5]);
  if (gate) {
    const digits = [{ sign: 1, exponent: 15 }, { sign: -1, exponent: 12 }, { sign: 1, exponent: 7 }] as const;
    builder.node('shift-gate', 'y', [x], { shape: [6, 7, 5], attributes: { inputZeroPoint: -7, ...common }, requantize: { mode: 'csd', digits: [digits], shift: [23], zeroPoint: 3, clamp: [-128, 127] } });
  } else {
    builder.node('shiftmax', 'y', [x], { shape: [6, 7, 5], attributes: { axis: 1, outputZeroPoint: -128, ...common } });
  }
  return { graph: builder.build(['y']), inputs: [0, 1].map(() => [random.codes(new Int8Array(210), -128, 127)]) };
}

/** Sums up to 2^31 − 4,194,304, to which rounding and zero point cannot be added before the shift. */
function nearLimit(isDense: boolean): GraphCase {
  const random = new Random(6);
  const builder = new IntegerGraphBuilder();
  const weights = Int16Array.from({ length: 3 * 511 }, () => random.pick([128, -128]));
  const x = builder.input('x', isDense ? [511] : [1, 2, 511], { bits: 16 });
  const inputs = [x, builder.constant('w', isDense ? [3, 511] : [3, 1, 1, 511], weights), builder.constant('b', [3], new Int32Array(3))];
  builder.node(isDense ? 'dense' : 'conv2d', 'y', inputs, {
    shape: isDense ? [3] : [1, 2, 3],
    attributes: { inputZeroPoint: 0, ...(!isDense && { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [0, 0, 0, 0], values: 0 } }) },
    requantize: { mode: 'shift', shift: [16], rounding: 'halfUp', zeroPoint: 100, clamp: [-32768, 32767] },
    output: { bits: 16 },
  });
  const sign = (i: number, row: number) => Math.sign(weights[row * 511 + (i % 511)]!) * 32767;
  return { graph: builder.build(['y']), inputs: [0, 1].map((row) => [Int16Array.from({ length: isDense ? 511 : 1022 }, (_, i) => sign(i, row))]) };
}

/** Inputs of one byte, or of two. */
function linear(made: typeof randomDense, seed: number, bytes: number): GraphCase {
  for (let tried = 0; ; tried++) {
    const random = new Random(seed + 100 * tried);
    const one = made(random, 'linear');
    if (one.inputs[0]![0]!.BYTES_PER_ELEMENT === bytes) return shiftedCase(one, random);
  }
}
