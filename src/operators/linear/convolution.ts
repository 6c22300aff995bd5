/** Views of convolution templates. */
import type { IntegerNode, IntegerType } from '../../graph/integer.js';
import type { KernelArgument } from '../kernel.js';
import { convolutionVisibility, type Visibility } from './bounds.js';
import type { Geometry } from './geometry.js';
import { biasClassesOf, classCount, inputZeroPointOf, padCodes } from './integer.js';

/** Both axes of a window. */
export function visibilityOf(g: Geometry, node: IntegerNode): { readonly rows: readonly Visibility[]; readonly columns: readonly Visibility[] } {
  const classes = biasClassesOf(node);
  return {
    rows: convolutionVisibility({ outputs: g.outputHeight, inputs: g.inputHeight, taps: g.kernelHeight, stride: g.strideHeight, dilation: g.dilationHeight, pad: g.padTop }, classes?.rows),
    columns: convolutionVisibility({ outputs: g.outputWidth, inputs: g.inputWidth, taps: g.kernelWidth, stride: g.strideWidth, dilation: g.dilationWidth, pad: g.padLeft }, classes?.columns),
  };
}

/** What a window meets at the borders of the input. */
export interface BorderView {
  /** Some window leaves the input above or below; left or right. */
  readonly padsRows: boolean;
  readonly padsColumns: boolean;
  readonly padded: boolean;
  /** The bias depends on the class of the output row and column. */
  readonly classes: boolean;
  readonly columnClasses: number;
}

export function borderView(g: Geometry, node: IntegerNode): BorderView {
  const { rows, columns } = visibilityOf(g, node);
  const leaves = (axis: readonly Visibility[]) => axis.some((v) => v.sees.includes(false));
  const classes = biasClassesOf(node);
  const [padsRows, padsColumns] = [leaves(rows), leaves(columns)];
  return { padsRows, padsColumns, padded: padsRows || padsColumns, classes: classes !== null, columnClasses: classes ? classCount(classes.columns) : 1 };
}

/** Every window sees at least one column and row, so that clamped tap ranges are never empty. */
export function neverBlind(g: Geometry, node: IntegerNode): boolean {
  const { rows, columns } = visibilityOf(g, node);
  return [...rows, ...columns].every((v) => v.sees.includes(true));
}

/** Padding stands for zero: a tap outside the input may be skipped. */
export function padsWithZero(g: Geometry, node: IntegerNode): boolean {
  const zeroPoint = inputZeroPointOf(node);
  return padCodes(node, g.inputChannels).every((code) => code === zeroPoint);
}

/** The classes of rows and columns as constants, in the order of the parameters `row_class` and `column_class`. */
export function classArguments(node: IntegerNode): readonly KernelArgument[] {
  const classes = biasClassesOf(node);
  if (!classes) return [];
  return [
    { kind: 'constant', name: 'row_class', data: Uint8Array.from(classes.rows) },
    { kind: 'constant', name: 'column_class', data: Uint8Array.from(classes.columns) },
  ];
}

/** One padded pixel, in lanes of the input. */
export function paddingArgument(g: Geometry, node: IntegerNode, type: IntegerType): KernelArgument {
  const codes = padCodes(node, g.inputChannels);
  const data = type.bits > 8 ? Int16Array.from(codes) : type.signed ? Int8Array.from(codes) : Uint8Array.from(codes);
  return { kind: 'constant', name: 'padding', data };
}
