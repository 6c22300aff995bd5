/**
 * Worst case of accumulators: exact [min, max] per output channel over every input in the code range, and a bound on
 * every partial sum in any order, folded or not, so that kernels may arrange their loops as they like.
 */
import type { AccumulatorBounds, Codes, IntegerNode } from '../../graph/integer.js';
import { biasClassesOf, classCount, inputZeroPointOf, requireInt32, type LinearTensors } from './integer.js';

/** Which kernel rows (or columns) see the input at one output row (or column), and its bias class. */
export interface Visibility {
  readonly sees: readonly boolean[];
  readonly biasClass: number;
}

/** A node with weights as a sum over taps: `weightIndex(o, tap, c)` lies in the codes, tap = ky·kernelWidth + kx. */
export interface TapSums {
  readonly outputChannels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  /** Input channels that one output channel sees. */
  readonly depth: number;
  weightIndex(output: number, tap: number, c: number): number;
  /** Codes of padding that output channel `output` sees at c; null where taps outside the input contribute nothing. */
  readonly padCode: ((output: number, c: number) => number) | null;
  readonly rows: readonly Visibility[];
  readonly columns: readonly Visibility[];
}

/** Bounds of a node whose weights and bias are constants. Throws AccumulatorOverflowError. */
export function linearBounds(node: IntegerNode, t: LinearTensors, sums: TapSums): AccumulatorBounds {
  const zeroPoint = inputZeroPointOf(node);
  const rows = distinct(sums.rows);
  const columns = distinct(sums.columns);
  const accumulator: [number, number][] = [];
  for (let o = 0; o < sums.outputChannels; o++) {
    const taps = tapRanges(t, sums, zeroPoint, o);
    requireInt32(node, Math.max(taps.reach, taps.foldedReach) + largestBias(t.biasCodes, sums.outputChannels, o, taps.fold), o);
    accumulator.push(channelBounds(node, t, sums, o, taps, rows, columns));
  }
  return { accumulator, accumulatorBits: 32 };
}

interface TapRanges {
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly padded: Float64Array;
  /** Σ|w|·max|x − zeroPoint| and Σ|w|·max|x|, over the whole kernel. */
  readonly reach: number;
  readonly foldedReach: number;
  /** zeroPoint·Σw: what the folded bias subtracts. */
  readonly fold: number;
}

function tapRanges(t: LinearTensors, sums: TapSums, zeroPoint: number, o: number): TapRanges {
  const count = sums.kernelHeight * sums.kernelWidth;
  const [low, high, padded] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
  const [least, most] = t.x.codeRange;
  let [reach, foldedReach, total] = [0, 0, 0];
  for (let tap = 0; tap < count; tap++) {
    for (let c = 0; c < sums.depth; c++) {
      const w = t.weightCodes[sums.weightIndex(o, tap, c)];
      const pad = sums.padCode ? sums.padCode(o, c) : zeroPoint;
      low[tap] += w * ((w > 0 ? least : most) - zeroPoint);
      high[tap] += w * ((w > 0 ? most : least) - zeroPoint);
      padded[tap] += w * (pad - zeroPoint);
      reach += Math.abs(w) * Math.max(Math.abs(least - zeroPoint), Math.abs(most - zeroPoint), Math.abs(pad - zeroPoint));
      foldedReach += Math.abs(w) * Math.max(Math.abs(least), Math.abs(most), Math.abs(pad));
      total += w;
    }
  }
  return { low, high, padded, reach, foldedReach, fold: zeroPoint * total };
}

/** The larger of |bias| and |bias − fold| over all bias classes of one channel. */
function largestBias(bias: Codes, channels: number, o: number, fold: number): number {
  let largest = 0;
  for (let i = o; i < bias.length; i += channels) largest = Math.max(largest, Math.abs(bias[i]), Math.abs(bias[i] - fold));
  return largest;
}

function channelBounds(node: IntegerNode, t: LinearTensors, sums: TapSums, o: number, taps: TapRanges, rows: readonly Visibility[], columns: readonly Visibility[]): [number, number] {
  const classes = biasClassesOf(node);
  const columnClasses = classes ? classCount(classes.columns) : 1;
  let [least, most] = [Infinity, -Infinity];
  for (const row of rows) {
    for (const column of columns) {
      const bias = t.biasCodes[(row.biasClass * columnClasses + column.biasClass) * sums.outputChannels + o];
      let [low, high] = [bias, bias];
      for (let tap = 0; tap < taps.low.length; tap++) {
        const seen = row.sees[Math.floor(tap / sums.kernelWidth)] && column.sees[tap % sums.kernelWidth];
        low += seen ? taps.low[tap] : sums.padCode ? taps.padded[tap] : 0;
        high += seen ? taps.high[tap] : sums.padCode ? taps.padded[tap] : 0;
      }
      least = Math.min(least, low);
      most = Math.max(most, high);
    }
  }
  return [least, most];
}

function distinct(list: readonly Visibility[]): readonly Visibility[] {
  return [...new Map(list.map((v) => [`${v.biasClass}:${v.sees.map(Number).join('')}`, v])).values()];
}

/** Visibility along one axis of a convolution. */
export function convolutionVisibility(axis: { outputs: number; inputs: number; taps: number; stride: number; dilation: number; pad: number }, classes: readonly number[] | undefined): readonly Visibility[] {
  return Array.from({ length: axis.outputs }, (_, y) => ({
    sees: Array.from({ length: axis.taps }, (_t, k) => {
      const position = y * axis.stride - axis.pad + k * axis.dilation;
      return position >= 0 && position < axis.inputs;
    }),
    biasClass: classes?.[y] ?? 0,
  }));
}

/** Visibility along one axis of a transposed convolution. */
export function transposedVisibility(axis: { outputs: number; inputs: number; taps: number; stride: number; dilation: number; pad: number }): readonly Visibility[] {
  return Array.from({ length: axis.outputs }, (_, y) => ({
    sees: Array.from({ length: axis.taps }, (_t, k) => {
      const spread = y + axis.pad - k * axis.dilation;
      return spread >= 0 && spread % axis.stride === 0 && spread / axis.stride < axis.inputs;
    }),
    biasClass: 0,
  }));
}

/** One output row and column that sees the whole (1x1) kernel: dense. */
export const WHOLE: readonly Visibility[] = [{ sees: [true], biasClass: 0 }];
