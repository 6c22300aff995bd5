/** CUDA kernels of every operator, best first: what the family `cuda` adds to the kernels of an operator's own file. */
import type { Kernel } from '../kernel.js';
import { fusedAttention } from './attention.js';
import { tensorCoreMatmul } from './matmul.js';
import { tensorCoreProducts, tensorCoreProductsAndSum } from './products.js';
import { shiftLinear } from './shift-linear.js';
import { onThreads } from './threads.js';

const OWN: Readonly<Record<string, readonly Kernel[]>> = {
  conv2d: [shiftLinear, tensorCoreProductsAndSum, tensorCoreProducts],
  'depthwise-conv2d': [shiftLinear],
  dense: [shiftLinear, tensorCoreProductsAndSum, tensorCoreProducts],
  matmul: [fusedAttention, tensorCoreMatmul],
};

/** `kernels`: those of the operator's definition; the portable ones lend their views to CUDA templates of the same name. */
export function cudaKernels(op: string, kernels: readonly Kernel[]): readonly Kernel[] {
  return [...(OWN[op] ?? []), onThreads(kernels)];
}
