/** The only list of simulator kernels, by operator name. */
import type { SimKernel } from '../kernel.js';
import { add } from './add.js';
import { averagePool2d } from './average-pool2d.js';
import { clamp } from './clamp.js';
import { concat } from './concat.js';
import { conv2dTranspose } from './conv2d-transpose.js';
import { conv2d } from './conv2d.js';
import { dense } from './dense.js';
import { depthwiseConv2d } from './depthwise-conv2d.js';
import { gather } from './gather.js';
import { groupNorm } from './group-norm.js';
import { inputTable } from './input-table.js';
import { layerNorm } from './layer-norm.js';
import { matmul } from './matmul.js';
import { maxPool2d } from './max-pool2d.js';
import { mul } from './mul.js';
import { pad } from './pad.js';
import { reduce } from './reduce.js';
import { requantize } from './requantize.js';
import { reshape } from './reshape.js';
import { resize } from './resize.js';
import { shiftGate } from './shift-gate.js';
import { shiftmax } from './shiftmax.js';
import { slice } from './slice.js';
import { softmax } from './softmax.js';
import { sub } from './sub.js';
import { transpose } from './transpose.js';
import { unary } from './unary.js';

export const kernels: Readonly<Record<string, SimKernel>> = {
  conv2d,
  'depthwise-conv2d': depthwiseConv2d,
  'conv2d-transpose': conv2dTranspose,
  dense,
  matmul,
  'layer-norm': layerNorm,
  'group-norm': groupNorm,
  add,
  sub,
  mul,
  clamp,
  unary,
  'max-pool2d': maxPool2d,
  'average-pool2d': averagePool2d,
  reduce,
  softmax,
  shiftmax,
  'shift-gate': shiftGate,
  concat,
  slice,
  pad,
  transpose,
  reshape,
  gather,
  resize,
  requantize,
  'input-table': inputTable,
};
