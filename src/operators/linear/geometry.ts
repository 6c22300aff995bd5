/** Where a window slides: the arithmetic shared by every convolution, float and integer. */
import type { FloatNode } from '../../graph/float.js';
import type { IntegerNode } from '../../graph/integer.js';
import { integersAttribute, shapeError, shapeText } from '../attributes.js';

/** A two-dimensional convolution; `pad` is [top, bottom, left, right], channels are totals over all groups. */
export interface Geometry {
  readonly inputHeight: number;
  readonly inputWidth: number;
  readonly inputChannels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly dilationHeight: number;
  readonly dilationWidth: number;
  readonly padTop: number;
  readonly padBottom: number;
  readonly padLeft: number;
  readonly padRight: number;
  readonly outputHeight: number;
  readonly outputWidth: number;
  readonly outputChannels: number;
}

interface WindowShape {
  readonly input: readonly number[];
  readonly kernel: readonly [number, number];
  readonly outputChannels: number;
  readonly pad: readonly number[];
}

type AnyNode = Pick<FloatNode | IntegerNode, 'op' | 'origin' | 'attributes'>;

/** All but the size of the output. */
function windowGeometry(node: AnyNode, { input, kernel, outputChannels, pad }: WindowShape): Omit<Geometry, 'outputHeight' | 'outputWidth'> {
  const [strideHeight, strideWidth] = integersAttribute(node, 'strides', 2, 1);
  const [dilationHeight, dilationWidth] = integersAttribute(node, 'dilations', 2, 1);
  return {
    inputHeight: input[0],
    inputWidth: input[1],
    inputChannels: input[2],
    kernelHeight: kernel[0],
    kernelWidth: kernel[1],
    strideHeight,
    strideWidth,
    dilationHeight,
    dilationWidth,
    padTop: pad[0],
    padBottom: pad[1],
    padLeft: pad[2],
    padRight: pad[3],
    outputChannels,
  };
}

/** Geometry of conv2d and depthwise-conv2d. Throws ShapeError where the window is larger than the padded input. */
export function convolutionGeometry(node: AnyNode, window: WindowShape): Geometry {
  const { input, kernel, pad } = window;
  const common = windowGeometry(node, window);
  const { strideHeight, strideWidth, dilationHeight, dilationWidth } = common;
  const outputHeight = Math.floor((input[0] + pad[0] + pad[1] - (dilationHeight * (kernel[0] - 1) + 1)) / strideHeight) + 1;
  const outputWidth = Math.floor((input[1] + pad[2] + pad[3] - (dilationWidth * (kernel[1] - 1) + 1)) / strideWidth) + 1;
  if (outputHeight < 1 || outputWidth < 1) {
    throw shapeError(node, `a ${kernel.join('x')} window with dilations [${dilationHeight}, ${dilationWidth}] does not fit the input ${shapeText(input)} padded by ${shapeText(pad)}`);
  }
  return { ...common, outputHeight, outputWidth };
}

/** Geometry of conv2d-transpose: `pad` is cut off the full output, `outputPadding` is added below and on the right. */
export function transposedGeometry(node: AnyNode, window: WindowShape): Geometry {
  const { input, kernel, pad } = window;
  const common = windowGeometry(node, window);
  const { strideHeight, strideWidth, dilationHeight, dilationWidth } = common;
  const [extraHeight, extraWidth] = integersAttribute(node, 'outputPadding', 2, 0);
  const outputHeight = (input[0] - 1) * strideHeight + dilationHeight * (kernel[0] - 1) + 1 - pad[0] - pad[1] + extraHeight;
  const outputWidth = (input[1] - 1) * strideWidth + dilationWidth * (kernel[1] - 1) + 1 - pad[2] - pad[3] + extraWidth;
  if (outputHeight < 1 || outputWidth < 1) {
    throw shapeError(node, `padding ${shapeText(pad)} leaves nothing of the output (${outputHeight} x ${outputWidth})`);
  }
  return { ...common, outputHeight, outputWidth };
}

/**
 * The same transposed convolution as a plain one with stride 1 over an input with zeros inserted between its pixels and
 * flipped weights: how much to pad that input (negative: crop).
 */
export function insertedPadding(g: Geometry): { readonly top: number; readonly bottom: number; readonly left: number; readonly right: number } {
  const reachHeight = g.dilationHeight * (g.kernelHeight - 1);
  const reachWidth = g.dilationWidth * (g.kernelWidth - 1);
  const top = reachHeight - g.padTop;
  const left = reachWidth - g.padLeft;
  const insertedHeight = (g.inputHeight - 1) * g.strideHeight + 1;
  const insertedWidth = (g.inputWidth - 1) * g.strideWidth + 1;
  return {
    top,
    bottom: g.outputHeight + reachHeight - insertedHeight - top,
    left,
    right: g.outputWidth + reachWidth - insertedWidth - left,
  };
}
