/** CUDA kernels of every operator, best first: what the family `cuda` adds to the kernels of an operator's own file. */
import type { Kernel } from '../kernel.js';
import { fusedAttention } from './attention.js';
import { wordConcat, wordCopies } from './copies.js';
import { byteDepthwise } from './depthwise.js';
import { byteGroups } from './groups.js';
import { layerNormWords } from './layer-norm.js';
import { tensorCoreMatmul } from './matmul.js';
import { tensorCoreProducts, tensorCoreProductsAndSum } from './products.js';
import { shiftLinear } from './shift-linear.js';
import { shiftMatmulTiles, shiftNormRows } from './shift-rows.js';
import { onThreads } from './threads.js';
import { codesInWords } from './words.js';

const OWN: Readonly<Record<string, readonly Kernel[]>> = {
  conv2d: [shiftLinear, tensorCoreProductsAndSum, tensorCoreProducts, byteGroups],
  'depthwise-conv2d': [shiftLinear, byteDepthwise],
  'conv2d-transpose': [shiftLinear],
  dense: [shiftLinear, tensorCoreProductsAndSum, tensorCoreProducts],
  matmul: [fusedAttention, tensorCoreMatmul],
};

/** Kernels that take the view of one of the operator's own. */
const LAID_OUT: Readonly<Record<string, readonly ((kernels: readonly Kernel[]) => Kernel)[]>> = {
  'layer-norm': [shiftNormRows('shift/layer-norm'), layerNormWords],
  'group-norm': [shiftNormRows('shift/group-norm')],
  matmul: [shiftMatmulTiles],
  slice: [wordCopies],
  transpose: [wordCopies],
  gather: [wordCopies],
  pad: [wordCopies],
  concat: [wordConcat],
  resize: [wordCopies, codesInWords],
  unary: [codesInWords],
  requantize: [codesInWords],
  clamp: [codesInWords],
  add: [codesInWords],
  sub: [codesInWords],
  mul: [codesInWords],
  'max-pool2d': [codesInWords],
  'average-pool2d': [codesInWords],
};

/** `kernels`: those of the operator's definition; the portable ones lend their views to CUDA templates of the same name. */
export function cudaKernels(op: string, kernels: readonly Kernel[]): readonly Kernel[] {
  return [...(OWN[op] ?? []), ...(LAID_OUT[op] ?? []).map((kernel) => kernel(kernels)), onThreads(kernels)];
}
