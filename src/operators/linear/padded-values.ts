/**
 * Convolutions whose padding stands for other values than 0, one an input channel (attribute `padValues`; channels that were
 * shifted have them). In integers padding stays the zero point, and what it should have added joins the bias, one class of
 * output rows and columns a border: exact but for the rounding of every bias.
 */
import type { FloatNode } from '../../graph/float.js';
import { roundHalfAway } from '../../graph/lanes.js';
import { tf } from '../../tensor/index.js';
import { shapeError } from '../attributes.js';
import { convolutionVisibility } from './bounds.js';
import type { Geometry } from './geometry.js';
import { classCount, type BiasClasses } from './integer.js';

/** One value an input channel, null where padding is 0. Throws ShapeError. */
export function padValuesOf(node: FloatNode, channels: number): readonly number[] | null {
  const values = node.attributes['padValues'] as readonly number[] | null | undefined;
  if (!values || values.every((value) => value === 0)) return null;
  if (values.length !== channels) throw shapeError(node, `'padValues' has ${values.length} values for ${channels} input channels`);
  return values;
}

/** x behind which zero padding stands for `values`, and what undoes that: pad(x) = padWithZeros(x − values) + values. */
export function padded(x: tf.Tensor4D, g: Geometry, values: readonly number[]): tf.Tensor4D {
  const offset = tf.tensor1d([...values]);
  const amounts: [number, number][] = [[0, 0], [g.padTop, g.padBottom], [g.padLeft, g.padRight], [0, 0]];
  return tf.add(tf.pad(tf.sub(x, offset) as tf.Tensor4D, amounts), offset) as tf.Tensor4D;
}

export interface BorderBias {
  /** [classes, outputs], row-class major. */
  readonly codes: Int32Array;
  readonly classes: BiasClasses;
}

/**
 * The bias with the contribution of padding, which is `values`, at the accumulator's scale. Weight codes [O,kh,kw,C] (one
 * group); a code counts its own weight scale, so that only the input's scale is needed.
 */
export function borderBias(bias: Int32Array, weights: ArrayLike<number>, values: readonly number[], inputScale: number, g: Geometry): BorderBias {
  const rows = classify({ outputs: g.outputHeight, inputs: g.inputHeight, taps: g.kernelHeight, stride: g.strideHeight, dilation: g.dilationHeight, pad: g.padTop });
  const columns = classify({ outputs: g.outputWidth, inputs: g.inputWidth, taps: g.kernelWidth, stride: g.strideWidth, dilation: g.dilationWidth, pad: g.padLeft });
  const classes = { rows: rows.classes, columns: columns.classes };
  const codes = new Int32Array(classCount(rows.classes) * classCount(columns.classes) * g.outputChannels);
  const taps = tapSums(weights, values, inputScale, g);
  let at = 0;
  for (const row of rows.seen) {
    for (const column of columns.seen) {
      for (let o = 0; o < g.outputChannels; o++) codes[at++] = bias[o]! + roundHalfAway(hidden(taps[o]!, row, column));
    }
  }
  return { codes, classes };
}

/** Rows (or columns) that see the same taps are one class, in order of appearance. */
function classify(axis: Parameters<typeof convolutionVisibility>[0]): { readonly classes: readonly number[]; readonly seen: readonly (readonly boolean[])[] } {
  const seen: (readonly boolean[])[] = [];
  const numbers = new Map<string, number>();
  const classes = convolutionVisibility(axis, undefined).map(({ sees }) => {
    const key = sees.join();
    if (!numbers.has(key)) numbers.set(key, seen.push(sees) - 1);
    return numbers.get(key)!;
  });
  return { classes, seen };
}

/** For every output channel and tap Σ_c w·value/Sx. */
function tapSums(weights: ArrayLike<number>, values: readonly number[], inputScale: number, g: Geometry): readonly Float64Array[] {
  const taps = g.kernelHeight * g.kernelWidth;
  return Array.from({ length: g.outputChannels }, (_, o) =>
    Float64Array.from({ length: taps }, (_tap, tap) => values.reduce((sum, value, c) => sum + weights[(o * taps + tap) * values.length + c]! * (value / inputScale), 0)),
  );
}

/** The taps that lie outside. */
function hidden(sums: Float64Array, row: readonly boolean[], column: readonly boolean[]): number {
  return sums.reduce((sum, value, tap) => sum + (row[Math.floor(tap / column.length)] && column[tap % column.length] ? 0 : value), 0);
}
