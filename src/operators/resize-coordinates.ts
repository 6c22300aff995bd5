/** Where an output row or column of a resize looks in its input, in exact rational arithmetic (no rounding of a float scale). */

export const coordinateModes = ['half-pixel', 'pytorch-half-pixel', 'asymmetric', 'align-corners'] as const;
export type CoordinateMode = (typeof coordinateModes)[number];
export const nearestModes = ['round-prefer-floor', 'round-prefer-ceil', 'floor', 'ceil'] as const;
export type NearestMode = (typeof nearestModes)[number];

/** Coordinate numerator/denominator of output element o. */
interface Rational {
  readonly numerator: number;
  readonly denominator: number;
}

function coordinate(o: number, inputSize: number, outputSize: number, mode: CoordinateMode): Rational {
  if (outputSize === 1 && (mode === 'pytorch-half-pixel' || mode === 'align-corners')) return { numerator: 0, denominator: 1 };
  switch (mode) {
    case 'pytorch-half-pixel':
    case 'half-pixel':
      return { numerator: (2 * o + 1) * inputSize - outputSize, denominator: 2 * outputSize };
    case 'asymmetric':
      return { numerator: o * inputSize, denominator: outputSize };
    case 'align-corners':
      return { numerator: o * (inputSize - 1), denominator: outputSize - 1 };
  }
}

/** The input element that each output element copies. */
export function nearestIndices(inputSize: number, outputSize: number, mode: CoordinateMode, nearest: NearestMode): readonly number[] {
  return Array.from({ length: outputSize }, (_, o) => {
    const { numerator: n, denominator: d } = coordinate(o, inputSize, outputSize, mode);
    const index = {
      floor: () => Math.floor(n / d),
      ceil: () => Math.ceil(n / d),
      'round-prefer-floor': () => Math.ceil((2 * n - d) / (2 * d)),
      'round-prefer-ceil': () => Math.floor((2 * n + d) / (2 * d)),
    }[nearest]();
    return Math.min(Math.max(index, 0), inputSize - 1);
  });
}

/** One output element of a linear resize: (1 − fraction)·x[low] + fraction·x[high]. */
export interface LinearTap {
  readonly low: number;
  readonly high: number;
  /** 0 ≤ fraction < 1 */
  readonly fraction: number;
}

/** Coordinates outside the image are clamped to its border pixels. */
export function linearTaps(inputSize: number, outputSize: number, mode: CoordinateMode): readonly LinearTap[] {
  return Array.from({ length: outputSize }, (_, o) => {
    const { low, high, numerator, denominator } = rationalTap(o, inputSize, outputSize, mode);
    return { low, high, fraction: numerator / denominator };
  });
}

/** Taps with integer weights: [low, high, weight of high], the weight of low being units − weight. */
export interface FixedTaps {
  readonly units: number;
  readonly taps: readonly (readonly [number, number, number])[];
}

/** The exact fractions over their least common denominator. */
export function exactTaps(inputSize: number, outputSize: number, mode: CoordinateMode): FixedTaps {
  const taps = Array.from({ length: outputSize }, (_, o) => rationalTap(o, inputSize, outputSize, mode));
  const units = taps.reduce((lcm, { numerator, denominator }) => {
    const reduced = denominator / greatestDivisor(denominator, numerator);
    return (lcm / greatestDivisor(lcm, reduced)) * reduced;
  }, 1);
  return { units, taps: taps.map(({ low, high, numerator, denominator }) => [low, high, (numerator * units) / denominator] as const) };
}

/** TFLite's ResizeBilinear on integers: a scale of 10 fractional bits. Source: reference_ops ResizeBilinearInteger. */
export function tfliteTaps(inputSize: number, outputSize: number, mode: CoordinateMode): FixedTaps {
  const units = 1024;
  const aligned = mode === 'align-corners' && outputSize > 1;
  const scale = aligned ? Math.trunc((units * (inputSize - 1) + Math.trunc((outputSize - 1) / 2)) / (outputSize - 1)) : Math.trunc((units * inputSize + Math.trunc(outputSize / 2)) / outputSize);
  const isHalfPixel = mode === 'half-pixel' || mode === 'pytorch-half-pixel';
  return {
    units,
    taps: Array.from({ length: outputSize }, (_, o) => {
      const position = isHalfPixel ? o * scale + Math.trunc(scale / 2) - units / 2 : o * scale;
      const low = Math.max(Math.trunc(position / units), 0);
      const high = Math.min(Math.trunc((position + units - 1) / units), inputSize - 1);
      return [low, high, position - units * low] as const;
    }),
  };
}

/** The clamped coordinate as its two pixels and the fraction numerator/denominator towards the second. */
function rationalTap(o: number, inputSize: number, outputSize: number, mode: CoordinateMode): Rational & { readonly low: number; readonly high: number } {
  const { numerator, denominator } = coordinate(o, inputSize, outputSize, mode);
  const n = Math.min(Math.max(numerator, 0), (inputSize - 1) * denominator);
  const low = Math.floor(n / denominator);
  return { low, high: Math.min(low + 1, inputSize - 1), numerator: n - low * denominator, denominator };
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
