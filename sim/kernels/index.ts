/** The only list of simulator kernels, by operator name. */
import type { SimKernel } from '../kernel.js';
import { conv2dTranspose } from './conv2d-transpose.js';
import { conv2d } from './conv2d.js';
import { dense } from './dense.js';
import { depthwiseConv2d } from './depthwise-conv2d.js';
import { matmul } from './matmul.js';

export const kernels: Readonly<Record<string, SimKernel>> = {
  conv2d,
  'depthwise-conv2d': depthwiseConv2d,
  'conv2d-transpose': conv2dTranspose,
  dense,
  matmul,
};
