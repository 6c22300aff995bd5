/** The same codes under another shape. */
import type { SimKernel } from '../kernel.js';

export const reshape: SimKernel = () => ([input], [output]) => {
  output!.set(input!);
};
