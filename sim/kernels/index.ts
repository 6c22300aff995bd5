/** The only list of simulator kernels, by operator name. */
import type { SimKernel } from '../kernel.js';

export const kernels: Readonly<Record<string, SimKernel>> = {};
