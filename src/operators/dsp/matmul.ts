/**
 * Products of two activations on cores with SMLAD: columns of the second operand become a stream of 16-bit weights in scratch
 * memory, as many at a time as there is memory to spare for, and rows of the first operand run through it.
 */
import { elementCount } from '../../graph/float.js';
import { type IntegerGraph, type IntegerNode, type IntegerTensor, laneBytes } from '../../graph/integer.js';
import type { Kernel, KernelArgument, KernelContext } from '../kernel.js';
import { activationArguments } from '../linear/kernels.js';
import { cType, typeName } from '../views.js';
import { cheapestEpilogue } from './epilogue.js';
import { int16ProductsBody } from './int16-products.js';
import { spareBytes } from './live-bytes.js';
import { BLOCK_ROWS, fastestTile, productsBody, tileFor } from './products.js';
import { type FoldedRequantize, foldRequantize, MOST_PLACES } from './requantize.js';
import { INT16 } from './storage.js';
import { blockWords } from './stream.js';

export interface MatmulOperands {
  readonly a: IntegerTensor;
  readonly b: IntegerTensor;
  readonly y: IntegerTensor;
  readonly leading: readonly number[];
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  readonly zeroPoints: readonly [number, number];
}

export type ReadMatmul = (node: IntegerNode, graph: IntegerGraph) => MatmulOperands;
/** Where the matrix of each combination of leading indices begins in an operand. */
export type MatrixOffsets = (shape: readonly number[], leading: readonly number[]) => Int32Array;

/** Columns in memory where there is none to spare. */
export const LEAST_STREAM_BYTES = 1024;
/** Columns whose products cost as much as widening the rows. */
const WIDENING_COLUMNS = 1.5;
/** A code less a zero point. */
const LARGEST_WEIGHT = 255;

export function fitsColumns(context: KernelContext, node: IntegerNode, { a, b, y, rows, depth, columns }: MatmulOperands): FoldedRequantize | null {
  const bytes = [b, y].every(({ type }) => type.bits <= 8 && !type.packed);
  const lanes = !a.type.packed && a.type.bits <= (a.type.signed ? 16 : 15);
  const sizes = rows >= BLOCK_ROWS && depth >= 4 && columns >= 2 && node.attributes['transposeA'] !== true;
  if (!context.features.dsp || !context.features.unalignedAccess || !bytes || !lanes || !sizes) return null;
  const folded = foldRequantize(node, 1, MOST_PLACES);
  return folded && folded.saturation.bits <= 8 ? folded : null;
}

/** What every template of a product of activations says of its operands. */
export function matmulOperandView({ a, b, y, leading, rows }: MatmulOperands) {
  return { inputTypeA: cType(a.type), inputTypeB: cType(b.type), outputType: cType(y.type), matrices: elementCount(leading), rows };
}

/** Both operands, where their matrices begin, and scratch. */
export function matmulArguments({ a, b, y, leading }: MatmulOperands, offsetsOf: MatrixOffsets): readonly KernelArgument[] {
  const table = (name: string, { shape }: IntegerTensor): KernelArgument => ({ kind: 'constant', name, data: offsetsOf(shape, leading) });
  return [...activationArguments([a.id, b.id], y.id), table('offset_a', a), table('offset_b', b), { kind: 'scratch' }];
}

/** The functions that multiply rows by columns, and what they need to know of a column and a pair of them. Rows of int16 keep their order, which columns follow. */
export function columnsBody(context: KernelContext, node: IntegerNode, { a, b, rows, depth, columns, zeroPoints }: MatmulOperands, folded: FoldedRequantize) {
  const epilogue = cheapestEpilogue(node, 1, folded, [LARGEST_WEIGHT]);
  const [constants] = epilogue.channels as readonly [(typeof epilogue.channels)[number]];
  const tile = fastestTile(tileFor(rows, columns, context)!, { rows, depth, channels: columns }, INT16, folded, context.features.dualIssue);
  const isWide = a.type.bits > 8;
  const body = isWide ? int16ProductsBody(tile, INT16, depth, epilogue, 1) : productsBody(a.type.signed, epilogue, depth, tile, INT16);
  const rowBytes = laneBytes(a.type) * depth;
  const typeB = `${typeName(b.type)}${isWide ? '_in_order' : ''}`;
  const swapped = node.attributes['transposeB'] === true;
  return {
    body,
    pairBytes: 4 * blockWords({ depth, shifted: epilogue.shifted, bits: INT16.bits }, 2),
    view: {
      suffix: body.suffix,
      widenSuffix: body.widenSuffix,
      laneBytes: body.laneBytes,
      skippedBytes: body.skippedBytes,
      rows,
      depth,
      columns,
      rowBytes,
      cut: isWide ? 16 * (depth % 2) : depth % 4 === 0 ? 0 : 8 * (4 - (depth % 4)),
      columnStride: swapped ? depth : 1,
      depthStride: swapped ? 1 : columns,
      zeroPointA: zeroPoints[0],
      zeroPointB: zeroPoints[1],
      factor: 2 ** constants.scale,
      nudge: constants.nudge,
      multiplier: constants.multiplier,
      addend: constants.addend,
      shift: constants.shift,
      shifted: epilogue.shifted ? 1 : 0,
      typeB,
    },
    support: [
      ...body.support,
      { template: 'dsp/matrix-shape', view: {} },
      { template: 'dsp/multiply-rows', view: { suffix: body.suffix, widenSuffix: body.widenSuffix, count: tile.rows } },
      { template: 'dsp/pack-columns', view: { typeB, type: cType(b.type), second: isWide ? 1 : 2, third: isWide ? 2 : 1 } },
    ],
  };
}

/** Pairs of columns a pass: passes widen the rows again, and the columns of the last one may be computed twice. */
export function cheapestPairs(columns: number, most: number): number {
  const cost = (pairs: number) => Math.ceil(columns / (2 * pairs)) * (2 * pairs + WIDENING_COLUMNS);
  return Array.from({ length: most }, (_, i) => most - i).reduce((best, pairs) => (cost(pairs) < cost(best) ? pairs : best));
}

export function dspMatmul(read: ReadMatmul, offsetsOf: MatrixOffsets): readonly Kernel[] {
  const kernel: Kernel = {
    family: 'dsp',
    when: (context) => fitsColumns(context, context.group[0]!, read(context.group[0]!, context.graph)) !== null,
    instantiate(context) {
      const [node] = context.group as readonly [IntegerNode];
      const operands = read(node, context.graph);
      const { a, b, columns } = operands;
      const { body, pairBytes, view: columnsView, support } = columnsBody(context, node, operands, fitsColumns(context, node, operands)!);
      const memory = Math.max(LEAST_STREAM_BYTES, context.optimize === 'speed' ? spareBytes(context.graph, node) - body.laneBytes : 0);
      const pairs = cheapestPairs(columns, Math.max(1, Math.min(Math.floor(memory / pairBytes), Math.floor(columns / 2))));
      const view = {
        ...columnsView,
        ...matmulOperandView(operands),
        pairs,
        blockColumns: 2 * pairs,
        lastColumn: columns - 2 * pairs,
        streamBytes: pairs * pairBytes,
      };
      return {
        family: 'dsp',
        template: 'dsp/matmul',
        stem: `matmul_${typeName(a.type)}_${typeName(b.type)}_columns`,
        view,
        arguments: matmulArguments(operands, offsetsOf),
        scratchBytes: body.laneBytes + pairs * pairBytes,
        scalars: [],
        support,
      };
    },
  };
  return [kernel];
}
