/** Geometry of 2D pools: attributes, output size, and how many taps of a window are real pixels. */
import { integersAttribute, shapeError, type AttributedNode } from './attributes.js';

export interface PoolWindow {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  /** top, bottom, left, right */
  readonly pad: readonly [number, number, number, number];
}

export function poolWindow(node: AttributedNode): PoolWindow {
  const kernel = integersAttribute(node, 'kernel', 2) as readonly [number, number];
  const strides = integersAttribute(node, 'strides', 2) as readonly [number, number];
  const pad = integersAttribute(node, 'pad', 4) as unknown as PoolWindow['pad'];
  if ([...kernel, ...strides].some((v) => v < 1) || pad.some((v) => v < 0)) throw shapeError(node, 'kernel and strides must be ≥ 1, padding ≥ 0');
  return { kernel, strides, pad };
}

/** [H, W, C] → [H', W', C]. Throws where the image is smaller than the window or a window lies wholly in the padding. */
export function poolShape(node: AttributedNode, input: readonly number[]): readonly number[] {
  if (input.length !== 3) throw shapeError(node, `needs an input [height, width, channels], it has shape [${input.join(', ')}]`);
  const window = poolWindow(node);
  const sizes = [0, 1].map((axis) => {
    const size = Math.floor((input[axis]! + window.pad[2 * axis]! + window.pad[2 * axis + 1]! - window.kernel[axis]!) / window.strides[axis]!) + 1;
    if (size < 1) throw shapeError(node, `window ${window.kernel.join('x')} is larger than the padded image [${input.join(', ')}]`);
    if (validTaps(window, axis as 0 | 1, input[axis]!, size).some((n) => n < 1)) throw shapeError(node, 'a window lies wholly in the padding');
    return size;
  });
  return [...sizes, input[2]!];
}

/** For every output row (axis 0) or column (axis 1): how many taps fall on the image. */
export function validTaps(window: PoolWindow, axis: 0 | 1, inputSize: number, outputSize: number): readonly number[] {
  return Array.from({ length: outputSize }, (_, o) => {
    const start = o * window.strides[axis] - window.pad[2 * axis]!;
    return Math.min(start + window.kernel[axis], inputSize) - Math.max(start, 0);
  });
}

export interface PoolGeometryView {
  readonly inputHeight: number;
  readonly inputWidth: number;
  readonly channels: number;
  readonly outputHeight: number;
  readonly outputWidth: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly padTop: number;
  readonly padLeft: number;
  /** Some windows reach over the border. */
  readonly padded: boolean;
  /** Elements from the end of one window row to the start of the next, where no window reaches over the border. */
  readonly rowSkip: number;
}

export function poolGeometryView(node: AttributedNode, input: readonly number[], output: readonly number[]): PoolGeometryView {
  const window = poolWindow(node);
  const [inputHeight, inputWidth, channels] = input as [number, number, number];
  const [outputHeight, outputWidth] = output as [number, number];
  const reachesOver = (axis: 0 | 1, size: number, count: number): boolean => validTaps(window, axis, size, count).some((n) => n < window.kernel[axis]);
  return {
    inputHeight,
    inputWidth,
    channels,
    outputHeight,
    outputWidth,
    kernelHeight: window.kernel[0],
    kernelWidth: window.kernel[1],
    strideHeight: window.strides[0],
    strideWidth: window.strides[1],
    padTop: window.pad[0],
    padLeft: window.pad[2],
    padded: reachesOver(0, inputHeight, outputHeight) || reachesOver(1, inputWidth, outputWidth),
    rowSkip: (inputWidth - window.kernel[1]) * channels,
  };
}
