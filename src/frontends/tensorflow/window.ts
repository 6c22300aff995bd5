/** TensorFlow's SAME and VALID as explicit padding. */

export interface WindowShape {
  /** [height, width]. */
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

export interface Window {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** [top, bottom, left, right]. */
  readonly pad: readonly number[];
}

/** SAME gives ceil(input/stride) outputs, the odd element of padding at the end. */
export function validOrSame(same: boolean, { input, kernel, strides, dilations }: WindowShape): Window {
  const [vertical, horizontal] = [0, 1].map((axis) => (same ? samePadding(input[axis]!, kernel[axis]!, strides[axis]!, dilations[axis]!) : [0, 0]));
  return { strides, dilations, pad: [...vertical!, ...horizontal!] };
}

function samePadding(input: number, kernel: number, stride: number, dilation: number): readonly [number, number] {
  const outputs = Math.ceil(input / stride);
  const total = Math.max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - input, 0);
  return [Math.floor(total / 2), total - Math.floor(total / 2)];
}

/** What is cut off the full output of a transposed convolution on one axis, and what is missing at its end. */
export function cutOff(input: number, kernel: number, stride: number, output: number, same: boolean): { readonly before: number; readonly after: number; readonly extra: number } {
  const full = (input - 1) * stride + kernel;
  const surplus = Math.max(full - output, 0);
  const before = same ? Math.floor(surplus / 2) : 0;
  return { before, after: surplus - before, extra: Math.max(output - full, 0) };
}
