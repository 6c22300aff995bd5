/** Windows of 2D pools: for every output pixel the input pixels that it sees. */
import type { IntegerGraph, IntegerNode } from './kernel.js';
import { inputShape, integers, outputShape } from './nodes.js';

export interface PoolWindows {
  readonly channels: number;
  readonly outputPixels: number;
  /** Pixel indices of window p lie at [starts[p], starts[p + 1]). */
  readonly starts: Int32Array;
  readonly pixels: Int32Array;
}

export function poolWindows(node: IntegerNode, graph: IntegerGraph): PoolWindows {
  const [height, width, channels] = inputShape(node, graph, 0) as readonly [number, number, number];
  const [outputHeight, outputWidth] = outputShape(node, graph) as readonly [number, number, number];
  const [kernel, strides, pad] = ['kernel', 'strides', 'pad'].map((name) => integers(node, name)) as [readonly number[], readonly number[], readonly number[]];
  const spans = (size: number, count: number, axis: 0 | 1) =>
    Array.from({ length: count }, (_, o) => {
      const start = o * strides[axis]! - pad[2 * axis]!;
      return [Math.max(0, start), Math.min(size, start + kernel[axis]!)] as const;
    });
  const rows = spans(height, outputHeight, 0);
  const columns = spans(width, outputWidth, 1);
  const [starts, pixels]: [number[], number[]] = [[0], []];
  for (const [top, bottom] of rows) {
    for (const [left, right] of columns) {
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) pixels.push(y * width + x);
      starts.push(pixels.length);
    }
  }
  return {
    channels,
    outputPixels: outputHeight * outputWidth,
    starts: Int32Array.from(starts),
    pixels: Int32Array.from(pixels),
  };
}
