/** What conv2d and depthwise-conv2d as calls have in common: reading, and the shapes that the library computes right. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { TargetFeatures } from '../../targets/target.js';
import { integerAttribute } from '../attributes.js';
import { neverBlind, padsWithZero } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { biasClassesOf, inputZeroPointOf, linearTensors, type LinearTensors, padOf } from '../linear/integer.js';
import { type DoubleRounding, doubleRounding, isByte } from './library.js';
import { becomesConvolution, isDepthwise3x3, isPointwise, isRow, rowSections } from './scratch.js';

export interface ReadConvolution {
  readonly t: LinearTensors;
  readonly g: Geometry;
  readonly groups: number;
}

export function readConvolution(node: IntegerNode, graph: IntegerGraph): ReadConvolution {
  const t = linearTensors(node, graph);
  const w = t.weights.shape as readonly [number, number, number, number];
  const depthwise = node.op === 'depthwise-conv2d';
  const kernel = depthwise ? ([w[0], w[1]] as const) : ([w[1], w[2]] as const);
  const g = convolutionGeometry(node, { input: t.x.shape, kernel, outputChannels: depthwise ? w[2] * w[3] : w[0], pad: padOf(node).amounts });
  return { t, g, groups: depthwise ? 1 : integerAttribute(node, 'groups', 1) };
}

/** Codes, rounding and padding are the library's. */
export function fitsLibrary(node: IntegerNode, { t, g }: ReadConvolution): boolean {
  const bytes = isByte(t.x) && isByte(t.y) && t.weightCodes instanceof Int8Array;
  return bytes && doubleRounding(node) !== null && !biasClassesOf(node) && padsWithZero(g, node) && neverBlind(g, node);
}

/** A 1x1 window never leaves the input, and Helium's sections of a row hold what their windows see. */
export function isConvolvedRight(g: Geometry, groups: number, features: TargetFeatures): boolean {
  if (isPointwise(g, groups)) return (g.outputHeight - 1) * g.strideHeight < g.inputHeight && (g.outputWidth - 1) * g.strideWidth < g.inputWidth;
  return !features.mve || !isRow(g, groups) || isRowRight(g);
}

/** The 3x3 function reads the middle column of every window unasked. */
export function isDepthwiseRight(g: Geometry, features: TargetFeatures): boolean {
  if (becomesConvolution(g, features)) return isConvolvedRight(g, 1, features);
  return !isDepthwise3x3(g, features) || (g.outputWidth - 1) * g.strideWidth - g.padLeft + 1 < g.inputWidth;
}

/** Follows Helium's 1xN convolution pixel by pixel: negative and too large columns are padding. */
function isRowRight(g: Geometry): boolean {
  if (g.outputHeight !== 1 || g.padTop !== 0) return false;
  const total = (g.outputWidth - 1) * g.strideWidth + g.kernelWidth - g.inputWidth;
  if (2 * g.padLeft + (total % 2) !== total) return false;
  const sections = rowSections(g);
  if (!sections) return true;
  const { left, middle, right, padBefore, padBehind } = sections;
  const range = (start: number, length: number) => Array.from({ length }, (_, i) => start + i);
  const leftBuffer = [...range(-padBefore, padBefore), ...range(0, g.kernelWidth)];
  const rightStart = g.strideWidth * (left + middle) - g.padLeft;
  const rightBuffer = [...range(rightStart, g.kernelWidth - 1), ...range(g.inputWidth, padBehind)];
  const copied = (buffer: readonly number[], pads: readonly [number, number]) => buffer.every((column, i) => (i >= pads[0] && i < pads[1]) === (column >= 0 && column < g.inputWidth));
  const sees = (buffer: readonly number[], rows: number, first: number) =>
    range(0, rows).every((row) => range(0, g.kernelWidth).every((k) => isSame(buffer[row * g.strideWidth + k], (first + row) * g.strideWidth - g.padLeft + k, g.inputWidth)));
  const isLeftRight = left === 0 || (copied(leftBuffer, [padBefore, leftBuffer.length]) && sees(leftBuffer, left, 0));
  const isMiddleRight = middle === 0 || (g.strideWidth * left >= g.padLeft && g.strideWidth * (left + middle - 1) - g.padLeft + g.kernelWidth <= g.inputWidth);
  const isRightRight = right === 0 || (copied(rightBuffer, [0, g.kernelWidth - 1]) && sees(rightBuffer, right, left + middle));
  return isLeftRight && isMiddleRight && isRightRight;
}

/** The same pixel, or padding both. */
function isSame(held: number | undefined, seen: number, width: number): boolean {
  const outside = (column: number) => column < 0 || column >= width;
  return held !== undefined && (held === seen || (outside(held) && outside(seen)));
}

/** Fields that both templates have. */
export function convolutionView(node: IntegerNode, { g }: ReadConvolution, { zeroPoint, low, high }: DoubleRounding): object {
  return { ...g, inputOffset: -inputZeroPointOf(node), outputOffset: zeroPoint, low, high };
}
