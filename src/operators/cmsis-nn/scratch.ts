/**
 * Which of the library's functions its wrappers choose, and the scratch memory that these want: what
 * arm_*_get_buffer_size() answer. Generated code compares both in trace builds.
 */
import type { TargetFeatures } from '../../targets/target.js';
import type { Geometry } from '../linear/geometry.js';

const CHANNELS_IN_BLOCK_MVE = 124;

/** `arm_nn_is_convolve_1x1`: it looks at the padding above and left alone. */
export function isPointwise(g: Geometry, groups: number): boolean {
  return g.padTop === 0 && g.padLeft === 0 && g.kernelHeight === 1 && g.kernelWidth === 1 && g.dilationHeight === 1 && g.dilationWidth === 1 && groups === 1;
}

/** `arm_nn_is_convolve_1_x_n`. */
export function isRow(g: Geometry, groups: number): boolean {
  return g.inputHeight === 1 && g.dilationWidth === 1 && g.kernelHeight === 1 && (g.strideWidth * g.inputChannels) % 4 === 0 && groups === 1;
}

/** `arm_convolve_wrapper_s8_get_buffer_size`. */
export function convolutionScratch(g: Geometry, groups: number, features: TargetFeatures): number {
  if (isPointwise(g, groups)) return 0;
  const window = g.kernelHeight * g.kernelWidth * g.inputChannels;
  if (!features.mve) return 2 * 2 * roundUp(window, 4);
  return (isRow(g, groups) ? rowScratch(g) : null) ?? 4 * roundUp(window, 16);
}

/** How Helium's 1xN convolution divides a row of outputs. */
export interface RowSections {
  readonly left: number;
  readonly middle: number;
  readonly right: number;
  /** Pixels of padding written before and behind. */
  readonly padBefore: number;
  readonly padBehind: number;
}

/** Null where the library takes its general function instead. */
export function rowSections(g: Geometry): RowSections | null {
  const asymmetry = ((g.outputWidth - 1) * g.strideWidth + g.kernelWidth - g.inputWidth) % 2;
  const section = (pad: number) => Math.max(1, Math.trunc((pad + g.strideWidth - 1) / g.strideWidth));
  const right = g.padLeft + asymmetry !== 0 ? section(g.padLeft + asymmetry) : 0;
  const left = g.padLeft !== 0 ? section(g.padLeft) : 0;
  const middle = Math.max(g.outputWidth - (left + right), 0);
  if (left + middle + right !== g.outputWidth) return null;
  return { left, middle, right, padBefore: g.padLeft, padBehind: asymmetry !== 0 ? right : g.padLeft };
}

function rowScratch(g: Geometry): number | null {
  const sections = rowSections(g);
  return sections && g.inputChannels * Math.max(g.kernelWidth + sections.padBefore, g.kernelWidth - 1 + sections.padBehind);
}

/** Helium computes a depthwise convolution of one channel as a plain one, with transposed weights in scratch. */
export function becomesConvolution(g: Geometry, features: TargetFeatures): boolean {
  return features.mve && g.inputChannels === 1 && g.outputChannels > 1;
}

/** `arm_depthwise_conv_3x3_s8` takes it. */
export function isDepthwise3x3(g: Geometry, features: TargetFeatures): boolean {
  return isPlainDepthwise(g) && !features.mve && g.kernelHeight === 3 && g.kernelWidth === 3 && g.padTop <= 1 && g.padLeft <= 1;
}

function isPlainDepthwise(g: Geometry): boolean {
  return g.inputChannels === g.outputChannels && g.dilationHeight === 1 && g.dilationWidth === 1;
}

/** `arm_depthwise_conv_wrapper_s8_get_buffer_size`. */
export function depthwiseScratch(g: Geometry, features: TargetFeatures): number {
  const taps = g.kernelHeight * g.kernelWidth;
  if (becomesConvolution(g, features)) return convolutionScratch(g, 1, features) + g.outputChannels * taps;
  if (!isPlainDepthwise(g) || isDepthwise3x3(g, features)) return 0;
  if (features.mve) return 4 * CHANNELS_IN_BLOCK_MVE * taps;
  return features.dsp ? 2 * g.inputChannels * taps : 0;
}

function roundUp(value: number, multiple: number): number {
  return multiple * Math.ceil(value / multiple);
}
