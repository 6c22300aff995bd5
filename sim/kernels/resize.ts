/** Resized images: copies of the nearest pixel, or four pixels weighted by exact integers. */
import { copyKernel } from '../copy.js';
import type { SimKernel } from '../kernel.js';
import { inputShape, integer, integerRows, integers, sourceIndices, steps } from '../nodes.js';
import { requantizer } from '../requantize.js';

export const resize: SimKernel = (node, graph) => {
  const [, width, channels] = inputShape(node, graph, 0) as readonly [number, number, number];
  if (node.attributes['mode'] === 'nearest') {
    const rows = integers(node, 'rows').map((y) => y * width * channels);
    const columns = integers(node, 'columns').map((x) => x * channels);
    return copyKernel(sourceIndices([rows, columns, steps(channels, 1)]));
  }
  const [rows, columns] = [integerRows(node, 'rows'), integerRows(node, 'columns')];
  const [rowUnits, columnUnits, zeroPoint] = [integer(node, 'rowUnits'), integer(node, 'columnUnits'), integer(node, 'inputZeroPoint')];
  if (!node.requantize) throw new RangeError(`node '${node.id}' has no requantization`);
  const finish = requantizer(node.requantize);
  return ([input], [output], accumulators) => {
    let at = 0;
    for (const [y0, y1, down] of rows as readonly (readonly [number, number, number])[]) {
      for (const [x0, x1, east] of columns as readonly (readonly [number, number, number])[]) {
        for (let c = 0; c < channels; c++) {
          const pixel = (y: number, x: number): number => input![(y * width + x) * channels + c]! - zeroPoint;
          const top = pixel(y0, x0) * (columnUnits - east) + pixel(y0, x1) * east;
          const bottom = pixel(y1, x0) * (columnUnits - east) + pixel(y1, x1) * east;
          const accumulator = top * (rowUnits - down) + bottom * down;
          if (accumulators) accumulators[at] = accumulator;
          output![at++] = finish(accumulator, 0);
        }
      }
    }
  };
};
