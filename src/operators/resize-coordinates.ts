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
    const { numerator, denominator: d } = coordinate(o, inputSize, outputSize, mode);
    const n = Math.min(Math.max(numerator, 0), (inputSize - 1) * d);
    const low = Math.floor(n / d);
    return { low, high: Math.min(low + 1, inputSize - 1), fraction: (n - low * d) / d };
  });
}
