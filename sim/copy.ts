/** Operators that only pick codes: output element i is input element indices[i]. */
import type { PreparedKernel } from './kernel.js';

export function copyKernel(indices: Int32Array): PreparedKernel {
  return ([input], [output]) => {
    for (let i = 0; i < indices.length; i++) output![i] = input![indices[i]!]!;
  };
}
