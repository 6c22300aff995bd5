/**
 * How far channels are shifted and scaled (Outlier Suppression+, Wei et al., 2023, section 4.2): shifts center every
 * channel, one threshold cuts the outliers, chosen for the least error of the quantized products.
 */
import { tf } from '../../tensor/index.js';

/** Largest and least value of every channel. */
export interface ChannelRanges {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** One layer that reads the values. */
export interface MigratedProduct {
  /** [rows, columns] of real inputs. */
  readonly inputs: Float32Array;
  /** [outputs, columns]. */
  readonly weights: Float32Array;
  /** Channel of every column. */
  readonly columns: ArrayLike<number>;
}

export interface MigrationSearchOptions {
  readonly activationBits: number;
  readonly weightBits: number;
  /** One weight scale an output, else one for all. */
  readonly perChannel: boolean;
  /** Channels whose values stay. */
  readonly fixed?: ReadonlySet<number>;
  /** False: scales only. */
  readonly shifts?: boolean;
}

export interface FoundMigration {
  readonly shift: Float64Array;
  readonly scale: Float64Array;
  readonly threshold: number;
  /** Mean over rows of the summed squared error of the outputs. */
  readonly loss: number;
  /** The same without any migration, on the asymmetric range of the values. */
  readonly lossBefore: number;
}

/** Thresholds that are tried: from the largest magnitude downwards, at least so many. */
const LEAST_STEPS = 100;
/** A step is at most so large where values are. */
const LARGEST_STEP = 0.5;

/** Centers of the channels, 0 where they stay. */
export function centers({ low, high }: ChannelRanges, { shifts = true, fixed }: Pick<MigrationSearchOptions, 'shifts' | 'fixed'>): Float64Array {
  return low.map((least, c) => (shifts && !fixed?.has(c) ? (least + high[c]!) / 2 : 0));
}

/** s = max(1, max'/t, −min'/t) of the shifted range. */
export function scalesAt(threshold: number, { low, high }: ChannelRanges, shift: Float64Array, fixed?: ReadonlySet<number>): Float64Array {
  return shift.map((z, c) => (fixed?.has(c) ? 1 : Math.max(1, (high[c]! - z) / threshold, (z - low[c]!) / threshold)));
}

/**
 * The least threshold worth trying: 1, as the paper's code has it, but never above the median channel's half range, so
 * that small activations are searched too.
 */
export function leastThreshold({ low, high }: ChannelRanges, shift: Float64Array): number {
  const halves = [...shift.map((z, c) => Math.max(high[c]! - z, z - low[c]!))].sort((a, b) => a - b);
  return Math.min(1, halves[halves.length >> 1]!);
}

/** Thresholds from the largest magnitude down to the least; of equally good ones the largest. */
export function searchMigration(ranges: ChannelRanges, products: readonly MigratedProduct[], options: MigrationSearchOptions): FoundMigration {
  const shift = centers(ranges, options);
  const largest = Math.max(0, ...shift.map((z, c) => Math.max(ranges.high[c]! - z, z - ranges.low[c]!)));
  const least = leastThreshold(ranges, shift);
  const steps = Math.max(LEAST_STEPS, Math.floor(largest / LARGEST_STEP));
  const step = (largest - least) / steps;
  const losses = new Losses(products, shift, options);
  try {
    const lossBefore = losses.unmigrated(ranges);
    let best = { threshold: largest, loss: Number.POSITIVE_INFINITY };
    for (let threshold = largest; threshold > 0 && threshold >= least; threshold -= step) {
      const loss = losses.at(threshold, scalesAt(threshold, ranges, shift, options.fixed));
      if (loss < best.loss) best = { threshold, loss };
      if (!(step > 0)) break;
    }
    return { shift, scale: scalesAt(best.threshold, ranges, shift, options.fixed), ...best, lossBefore };
  } finally {
    losses.dispose();
  }
}

interface Uploaded {
  readonly inputs: tf.Tensor2D;
  readonly shifted: tf.Tensor2D;
  /** [columns, outputs]. */
  readonly weights: tf.Tensor2D;
  readonly wanted: tf.Tensor2D;
  readonly columns: readonly number[];
}

/** Squared errors of the products with both operands quantized. */
class Losses {
  private readonly uploaded: readonly Uploaded[];

  constructor(
    products: readonly MigratedProduct[],
    shift: Float64Array,
    private readonly options: MigrationSearchOptions,
  ) {
    this.uploaded = products.map(({ inputs, weights, columns }) => {
      const [width, list] = [columns.length, Array.from(columns)];
      return tf.tidy(() => {
        const x = tf.tensor2d(inputs, [inputs.length / width, width]);
        const shifted = tf.sub(x, tf.tensor1d(list.map((c) => shift[c]!))) as tf.Tensor2D;
        const w = tf.transpose(tf.tensor2d(weights, [weights.length / width, width])) as tf.Tensor2D;
        return { inputs: x, shifted, weights: w, wanted: tf.matMul(shifted, w) as tf.Tensor2D, columns: list };
      });
    });
  }

  at(threshold: number, scale: Float64Array): number {
    return this.sum(({ shifted, weights, wanted, columns }) => {
      const factors = columns.map((c) => scale[c]!);
      const x = symmetric(tf.div(shifted, tf.tensor1d(factors)), tf.scalar(threshold), this.options.activationBits);
      return [x, tf.mul(weights, tf.tensor2d(factors, [factors.length, 1])), wanted];
    });
  }

  unmigrated({ low, high }: ChannelRanges): number {
    const [least, most] = [Math.min(0, ...low), Math.max(0, ...high)];
    return this.sum(({ inputs, weights }) => [asymmetric(inputs, least, most, this.options.activationBits), weights, tf.matMul(inputs, weights)]);
  }

  dispose(): void {
    for (const { inputs, shifted, weights, wanted } of this.uploaded) tf.dispose([inputs, shifted, weights, wanted]);
  }

  private sum(operands: (product: Uploaded) => readonly [tf.Tensor, tf.Tensor, tf.Tensor]): number {
    return this.uploaded.reduce((total, product) => {
      const loss = tf.tidy(() => {
        const [x, w, wanted] = operands(product);
        const largest = this.options.perChannel ? tf.max(tf.abs(w), 0, true) : tf.max(tf.abs(w));
        const error = tf.sub(tf.matMul(x as tf.Tensor2D, symmetric(w, largest, this.options.weightBits) as tf.Tensor2D), wanted);
        return tf.sum(tf.mul(error, error)).dataSync()[0]! / wanted.shape[0]!;
      });
      return total + loss;
    }, 0);
  }
}

/** Codes of both signs, the largest magnitude at the last one. */
function symmetric(value: tf.Tensor, largest: tf.Tensor, bits: number): tf.Tensor {
  const most = 2 ** (bits - 1) - 1;
  const scale = tf.div(tf.maximum(largest, 1e-30), most);
  return tf.mul(tf.clipByValue(tf.round(tf.div(value, scale)), -most - 1, most), scale);
}

function asymmetric(value: tf.Tensor, low: number, high: number, bits: number): tf.Tensor {
  const steps = 2 ** bits - 1;
  const scale = (high - low) / steps || 1;
  const zeroPoint = Math.round(-low / scale);
  return tf.mul(tf.sub(tf.clipByValue(tf.add(tf.round(tf.div(value, scale)), zeroPoint), 0, steps), zeroPoint), scale);
}
