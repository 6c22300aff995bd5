/** Convolutions and fully connected layers as dot products: gather windows, multiply, add the bias, requantize. */
import type { Codes, IntegerGraph, IntegerNode, PreparedKernel } from '../kernel.js';
import { createDotProducts, type DotProducts } from '../dot.js';
import { requantizer } from '../requantize.js';

/** Pixels whose windows are gathered at once: their int16 copies stay in the cache. */
const BLOCK_PIXELS = 32;

export interface WindowPlan {
  readonly outputPixels: number;
  readonly outputChannels: number;
  readonly inputChannels: number;
  readonly groups: number;
  /** Input pixel under each tap of each output pixel, tap-minor; −1 where there is none. */
  readonly sources: Int32Array;
  readonly taps: number;
  /** Code read where there is no pixel, one an input channel. */
  readonly outside: Int16Array;
  /** Class of the bias of every output pixel. */
  readonly biasClass: (pixel: number) => number;
}

/** Weights [outputChannels][taps][inputChannels/groups] and bias [class][outputChannels] are constants of the node. */
export function windowKernel(node: IntegerNode, graph: IntegerGraph, plan: WindowPlan): PreparedKernel {
  const { outputPixels, outputChannels, groups, taps } = plan;
  const weights = constant(graph, node.inputs[1]!);
  const zeroPoint = node.attributes['inputZeroPoint'] as number;
  const depth = (taps * plan.inputChannels) / groups;
  const groupChannels = outputChannels / groups;
  const products = Array.from({ length: groups }, (_, group) => prepared(weights, group * groupChannels, groupChannels, depth));
  const bias = foldedBias(constant(graph, node.inputs[2]!), weights, depth, zeroPoint);
  const code = requantizer(node.requantize!);
  return ([x], [y], accumulators) => {
    for (let first = 0; first < outputPixels; first += BLOCK_PIXELS) {
      const count = Math.min(BLOCK_PIXELS, outputPixels - first);
      for (let group = 0; group < groups; group++) {
        const product = products[group]!;
        gather(x!, product, plan, group, first, count);
        product.multiply(count);
        const { result, columns } = product;
        for (let i = 0; i < count; i++) {
          const from = plan.biasClass(first + i) * outputChannels;
          const to = (first + i) * outputChannels;
          for (let c = 0, channel = group * groupChannels; c < groupChannels; c++, channel++) {
            const sum = (result[i * columns + c]! + bias[from + channel]!) | 0;
            y![to + channel] = code(sum, channel);
            if (accumulators) accumulators[to + channel] = sum;
          }
        }
      }
    }
  };
}

function prepared(weights: Codes, firstChannel: number, channels: number, depth: number): DotProducts {
  const product = createDotProducts({ rows: BLOCK_PIXELS, columns: channels, depth });
  for (let c = 0; c < channels; c++) {
    product.right.set(weights.subarray((firstChannel + c) * depth, (firstChannel + c + 1) * depth), c * product.depth);
  }
  return product;
}

/** bias − zeroPoint·Σw, so that windows may hold plain codes. Wraps like the sums it joins. */
function foldedBias(bias: Codes, weights: Codes, depth: number, zeroPoint: number): Int32Array {
  const channels = weights.length / depth;
  const sums = new Int32Array(channels);
  for (let i = 0; i < weights.length; i++) sums[Math.floor(i / depth)]! += weights[i]!;
  return Int32Array.from(bias, (b, i) => (b - Math.imul(zeroPoint, sums[i % channels]!)) | 0);
}

/** Copies the windows of `count` output pixels into rows of the left operand; neighbouring pixels in one go. */
function gather(x: Codes, product: DotProducts, plan: WindowPlan, group: number, first: number, count: number): void {
  const { left, depth } = product;
  const { sources, taps, inputChannels, outside, groups } = plan;
  const channels = inputChannels / groups;
  const offset = group * channels;
  for (let i = 0; i < count; i++) {
    let to = i * depth;
    const end = (first + i + 1) * taps;
    for (let source = end - taps; source < end; source++) {
      const pixel = sources[source]!;
      if (pixel < 0) {
        for (let c = 0; c < channels; c++) left[to++] = outside[offset + c]!;
        continue;
      }
      let from = pixel * inputChannels + offset;
      let next = pixel + 1;
      if (groups === 1) for (; source + 1 < end && sources[source + 1] === next; next++) source++;
      for (const last = from + (next - pixel - 1) * inputChannels + channels; from < last; from++) left[to++] = x[from]!;
    }
  }
}

export function constant(graph: IntegerGraph, id: string): Codes {
  return graph.tensors.get(id)!.constant!.data;
}

export function shapeOf(graph: IntegerGraph, id: string): readonly number[] {
  return graph.tensors.get(id)!.shape;
}
