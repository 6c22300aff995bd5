/** Maximum over windows, then a clamp. */
import type { SimKernel } from '../kernel.js';
import { integers } from '../nodes.js';
import { poolWindows } from '../pool.js';

export const maxPool2d: SimKernel = (node, graph) => {
  const { channels, outputPixels, starts, pixels } = poolWindows(node, graph);
  const [low, high] = integers(node, 'clamp') as readonly [number, number];
  return ([input], [output]) => {
    for (let p = 0; p < outputPixels; p++) {
      for (let c = 0; c < channels; c++) {
        let best = -Infinity;
        for (let k = starts[p]!; k < starts[p + 1]!; k++) {
          const code = input![pixels[k]! * channels + c]!;
          if (code > best) best = code;
        }
        output![p * channels + c] = Math.min(high, Math.max(low, best));
      }
    }
  };
};
