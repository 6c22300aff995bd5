/** Mean over windows: TFLite's division of the sum of codes, or one sum at a common divisor and one requantization. */
import type { PreparedKernel, SimKernel } from '../kernel.js';
import { integer, integers } from '../nodes.js';
import { poolWindows, type PoolWindows } from '../pool.js';
import { requantizer } from '../requantize.js';
import { averageHalfAway } from '../scalar/average-pool.js';

export const averagePool2d: SimKernel = (node, graph) => {
  const windows = poolWindows(node, graph);
  if (node.attributes['variant'] === 'tflite') return tflitePool(windows, integers(node, 'clamp') as readonly [number, number]);
  const zeroPoint = integer(node, 'inputZeroPoint');
  const units = integer(node, 'rowUnits') * integer(node, 'columnUnits');
  if (!node.requantize) throw new RangeError(`node '${node.id}' has no requantization`);
  const finish = requantizer(node.requantize);
  const { channels, outputPixels, starts } = windows;
  const countsPad = node.attributes['countIncludePad'] === true;
  const sum = windowSum(windows);
  return ([input], [output], accumulators) => {
    for (let p = 0; p < outputPixels; p++) {
      const taps = starts[p + 1]! - starts[p]!;
      const factor = countsPad ? 1 : units / taps;
      for (let c = 0; c < channels; c++) {
        const accumulator = (sum(input!, p, c) - taps * zeroPoint) * factor;
        const i = p * channels + c;
        if (accumulators) accumulators[i] = accumulator;
        output![i] = finish(accumulator, 0);
      }
    }
  };
};

function tflitePool(windows: PoolWindows, [low, high]: readonly [number, number]): PreparedKernel {
  const { channels, outputPixels, starts } = windows;
  const sum = windowSum(windows);
  return ([input], [output]) => {
    for (let p = 0; p < outputPixels; p++) {
      const taps = starts[p + 1]! - starts[p]!;
      for (let c = 0; c < channels; c++) output![p * channels + c] = Math.min(high, Math.max(low, averageHalfAway(sum(input!, p, c), taps)));
    }
  };
}

function windowSum({ channels, starts, pixels }: PoolWindows): (input: ArrayLike<number>, pixel: number, channel: number) => number {
  return (input, p, c) => {
    let sum = 0;
    for (let k = starts[p]!; k < starts[p + 1]!; k++) sum += input[pixels[k]! * channels + c]!;
    return sum;
  };
}
