/** Which input pixel lies under which tap: the geometry of convolutions, read from a node. */
import type { IntegerNode } from '../kernel.js';

export interface WindowShape {
  readonly inputHeight: number;
  readonly inputWidth: number;
  readonly outputHeight: number;
  readonly outputWidth: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
}

interface WindowAttributes {
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pad: { readonly amounts: readonly [number, number, number, number]; readonly values: number | readonly number[] };
  readonly biasClasses?: { readonly rows: readonly number[]; readonly columns: readonly number[] } | null;
}

function attributesOf(node: IntegerNode): WindowAttributes {
  return node.attributes as unknown as WindowAttributes;
}

/** Convolution: tap (ky, kx) of output (y, x) reads input (y·stride − top + ky·dilation, …); −1 outside. */
export function convolutionSources(node: IntegerNode, shape: WindowShape): Int32Array {
  const { strides, dilations, pad } = attributesOf(node);
  const row = (y: number, k: number) => inside(y * strides[0] - pad.amounts[0] + k * dilations[0], shape.inputHeight);
  const column = (x: number, k: number) => inside(x * strides[1] - pad.amounts[2] + k * dilations[1], shape.inputWidth);
  return sources(shape, row, column);
}

/** Transposed convolution: input y reaches output y·stride − top + ky·dilation. */
export function transposedSources(node: IntegerNode, shape: WindowShape): Int32Array {
  const { strides, dilations, pad } = attributesOf(node);
  const along = (position: number, stride: number, size: number) => (position % stride === 0 ? inside(position / stride, size) : -1);
  const row = (y: number, k: number) => along(y + pad.amounts[0] - k * dilations[0], strides[0], shape.inputHeight);
  const column = (x: number, k: number) => along(x + pad.amounts[2] - k * dilations[1], strides[1], shape.inputWidth);
  return sources(shape, row, column);
}

function inside(position: number, size: number): number {
  return position >= 0 && position < size ? position : -1;
}

function sources(shape: WindowShape, row: (y: number, k: number) => number, column: (x: number, k: number) => number): Int32Array {
  const { outputHeight, outputWidth, kernelHeight, kernelWidth } = shape;
  const list = new Int32Array(outputHeight * outputWidth * kernelHeight * kernelWidth);
  let i = 0;
  for (let y = 0; y < outputHeight; y++) {
    for (let x = 0; x < outputWidth; x++) {
      for (let ky = 0; ky < kernelHeight; ky++) {
        const sourceRow = row(y, ky);
        for (let kx = 0; kx < kernelWidth; kx++) {
          const sourceColumn = column(x, kx);
          list[i++] = sourceRow < 0 || sourceColumn < 0 ? -1 : sourceRow * shape.inputWidth + sourceColumn;
        }
      }
    }
  }
  return list;
}

/** Code of padding in every input channel. */
export function paddingCodes(node: IntegerNode, channels: number): Int16Array {
  const { values } = attributesOf(node).pad;
  return typeof values === 'number' ? new Int16Array(channels).fill(values) : Int16Array.from(values);
}

/** Class of the bias of an output pixel; always 0 where there are no classes. */
export function biasClassOf(node: IntegerNode, outputWidth: number): (pixel: number) => number {
  const classes = attributesOf(node).biasClasses;
  if (!classes) return () => 0;
  const columnClasses = Math.max(...classes.columns) + 1;
  return (pixel) => classes.rows[Math.floor(pixel / outputWidth)]! * columnClasses + classes.columns[pixel % outputWidth]!;
}
