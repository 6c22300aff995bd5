/** How the samples of one array lie relative to an input of the graph. */
import { CalibrationError } from '../../errors.js';
import { elementCount, tensorOf, type FloatDataType, type FloatGraph, type GraphPort, type SourceQuantization } from '../../graph/float.js';
import type { Preprocess } from '../types.js';
import type { NamedArray } from './npy.js';

/** What matching needs to know of an input; an integer graph's inputs can be described the same way. */
export interface SamplePort extends Pick<GraphPort, 'name' | 'sourceShape' | 'batchAxis' | 'permutation'> {
  readonly type: FloatDataType;
  /** Present where arrays of exactly this type hold codes. */
  readonly quantization: SourceQuantization | null;
  /** True where files of this format keep channels first unless shapes say otherwise. */
  readonly channelsFirst: boolean;
}

export interface SampleLayout {
  readonly count: number;
  /** Elements of one sample. */
  readonly size: number;
  /** Element k of a sample in the graph's order is element order[k] of the data's; null = the same order. */
  readonly order: Int32Array | null;
  /** Sizes of the data's own sample axes, singletons restored. */
  readonly dataShape: readonly number[];
  /** Axis of `dataShape` along which mean and std vary. */
  readonly channelAxis: number;
}

export function samplePorts(graph: FloatGraph): readonly SamplePort[] {
  return graph.inputs.map((port) => {
    const tensor = tensorOf(graph, port.tensor);
    return {
      name: port.name,
      sourceShape: port.sourceShape,
      batchAxis: port.batchAxis,
      permutation: port.permutation,
      type: tensor.type,
      quantization: tensor.quantization ?? null,
      channelsFirst: graph.source.format === 'onnx',
    };
  });
}

/** Throws CalibrationError naming both shapes where the array does not fit the input. */
export function layoutOf(array: NamedArray, port: SamplePort, preprocess: Preprocess | null): SampleLayout {
  const source = port.sourceShape.filter((_, axis) => axis !== port.batchAxis);
  for (const axes of candidates(source.length, startsWithChannels(port, source.length), preprocess?.layout ?? null)) {
    const dataShape = axes.map((axis) => source[axis]!);
    const count = countSamples(array.shape, dataShape);
    if (count === null) continue;
    const toGraph = (port.permutation ?? source.map((_, axis) => axis)).map((axis) => axes.indexOf(axis));
    return { count, size: elementCount(source), order: gatherOrder(dataShape, toGraph), dataShape, channelAxis: channelAxis(port, axes, preprocess, dataShape) };
  }
  throw mismatch(array, port, source);
}

/** Orders in which the data's sample axes may list the source's, the likeliest first. */
function candidates(rank: number, channelsFirst: boolean, layout: 'nhwc' | 'nchw' | null): readonly (readonly number[])[] {
  const same = Array.from({ length: rank }, (_, axis) => axis);
  if (layout === null || rank < 2) return [same];
  const moved = layout === 'nhwc' ? [...same.slice(1), 0] : [rank - 1, ...same.slice(0, -1)];
  return (layout === 'nhwc') === channelsFirst ? [moved, same] : [same, moved];
}

function startsWithChannels(port: SamplePort, rank: number): boolean {
  if (port.permutation) return rank > 1 && port.permutation[rank - 1] === 0;
  return port.channelsFirst && rank === 3;
}

function countSamples(shape: readonly number[], sample: readonly number[]): number | null {
  if (shape.length > 0 && sameButSingletons(shape.slice(1), sample)) return shape[0]!;
  return sameButSingletons(shape, sample) ? 1 : null;
}

function sameButSingletons(a: readonly number[], b: readonly number[]): boolean {
  const [left, right] = [a, b].map((shape) => shape.filter((size) => size !== 1)) as [number[], number[]];
  return left.length === right.length && left.every((size, axis) => size === right[axis]);
}

function channelAxis(port: SamplePort, axes: readonly number[], preprocess: Preprocess | null, dataShape: readonly number[]): number {
  const last = Math.max(0, axes.length - 1);
  const channels = preprocess ? Math.max(preprocess.mean.length, preprocess.std.length) : 1;
  const first = preprocess?.layout ? preprocess.layout === 'nchw' : startsWithChannels(port, axes.length);
  const [likely, other] = first ? [0, last] : [last, 0];
  return channels > 1 && dataShape[likely] !== channels && dataShape[other] === channels ? other : likely;
}

/** Null where the permutation moves nothing but singletons. */
function gatherOrder(dataShape: readonly number[], toGraph: readonly number[]): Int32Array | null {
  const moved = toGraph.filter((axis) => dataShape[axis] !== 1);
  if (moved.every((axis, i) => i === 0 || axis > moved[i - 1]!)) return null;
  const strides = toGraph.map((axis) => elementCount(dataShape.slice(axis + 1)));
  const shape = toGraph.map((axis) => dataShape[axis]!);
  const order = new Int32Array(elementCount(shape));
  const index = new Array<number>(shape.length).fill(0);
  for (let k = 0; k < order.length; k++) {
    let from = 0;
    for (let axis = 0; axis < shape.length; axis++) from += index[axis]! * strides[axis]!;
    order[k] = from;
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return order;
}

function mismatch(array: NamedArray, port: SamplePort, source: readonly number[]): CalibrationError {
  const rank = source.length;
  const swapped = rank > 1 && [[...source.slice(1), source[0]!], [source[rank - 1]!, ...source.slice(0, -1)]].findIndex((shape) => countSamples(array.shape, shape) !== null);
  const hint =
    swapped === 0 ? 'the data look channels-last: add "layout": "nhwc" to --preprocess'
    : swapped === 1 ? 'the data look channels-first: add "layout": "nchw" to --preprocess'
    : 'the first axis counts the samples; the others must be the model\'s, of which singletons may be missing';
  return new CalibrationError(`${array.source} has shape [${array.shape.join(', ')}], but input '${port.name}' wants [samples, ${source.join(', ')}]`, { hint });
}
