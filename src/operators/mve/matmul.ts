/** Products of two activations on Helium: columns of the second operand become a stream of weights in scratch memory. */
import { elementCount } from '../../graph/float.js';
import type { IntegerNode } from '../../graph/integer.js';
import { spareBytes } from '../dsp/live-bytes.js';
import { matmulArguments, type MatmulOperands, type MatrixOffsets, type ReadMatmul } from '../dsp/matmul.js';
import type { Kernel, KernelContext, SupportText } from '../kernel.js';
import { cType, typeName } from '../views.js';
import { activationProducts, endView, isBytes, isSignedBytes, LANES, VECTOR } from './products.js';
import { type VectorRequantize, vectorRequantize } from './requantize.js';

/** Columns in memory where there is none to spare. */
const LEAST_STREAM_BYTES = 1024;
/** Seven strides are an offset of 16 bits. */
const MOST_STRIDE = 2 ** 13;

function fits({ features }: KernelContext, node: IntegerNode, { a, b, y, rows, columns }: MatmulOperands): VectorRequantize | null {
  const sizes = rows > 1 && columns < MOST_STRIDE && node.attributes['transposeA'] !== true;
  return features.mve && isSignedBytes(a) && isSignedBytes(b) && isBytes(y) && sizes ? vectorRequantize(node, 1) : null;
}

/** Columns of a pass, in whole groups of four, and the bytes that they take. */
function passOf(context: KernelContext, node: IntegerNode, { depth, columns }: MatmulOperands, hasShift: boolean): { readonly columns: number; readonly bytes: number } {
  const groupBytes = LANES * (VECTOR * Math.ceil(depth / VECTOR) + (hasShift ? 12 : 8));
  const memory = Math.max(LEAST_STREAM_BYTES, context.optimize === 'speed' ? spareBytes(context.graph, node) : 0);
  const groups = Math.max(1, Math.min(Math.floor(memory / groupBytes), Math.ceil(columns / LANES)));
  return { columns: LANES * groups, bytes: groups * groupBytes };
}

export interface ColumnsProduct {
  /** What a template knows of rows times columns of the second operand. */
  readonly view: object;
  readonly streamBytes: number;
  readonly support: readonly SupportText[];
}

/** Rows of the first operand, `rows` at a time where a strip of them is all there is, by columns of the second; null where they do not fit. */
export function columnsProduct(context: KernelContext, node: IntegerNode, operands: MatmulOperands): ColumnsProduct | null {
  const requantize = fits(context, node, operands);
  if (!requantize) return null;
  const { y, rows, depth, columns, zeroPoints } = operands;
  const products = activationProducts(rows, requantize, y);
  const hasShift = requantize.kind !== 'round';
  const pass = passOf(context, node, operands, hasShift);
  const swapped = node.attributes['transposeB'] === true;
  const view = {
    rows,
    depth,
    columns,
    blockColumns: pass.columns,
    columnStride: swapped ? depth : 1,
    depthStride: swapped ? 1 : columns,
    zeroPointA: zeroPoints[0],
    zeroPointB: zeroPoints[1],
    rowFactor: 0 - zeroPoints[1],
    block: products.block,
    lastRow: rows - products.block,
    body: products.body,
    turns: products.turns,
    hasShift: hasShift ? 1 : 0,
    ...endView(requantize),
    ...requantize.channels[0],
  };
  const support = [
    ...products.support,
    { template: 'mve/rows-job', view: {} },
    { template: 'mve/pack-columns', view: {} },
    ...(zeroPoints[1] === 0 ? [] : [{ template: 'mve/sum-row', view: { suffix: 's8', lane: 's8' } }]),
  ];
  return { view, streamBytes: pass.bytes, support };
}

export function mveMatmul(read: ReadMatmul, offsetsOf: MatrixOffsets): Kernel {
  return {
    family: 'mve',
    when: (context) => fits(context, context.group[0]!, read(context.group[0]!, context.graph)) !== null,
    instantiate(context) {
      const node = context.group[0]!;
      const operands = read(node, context.graph);
      const { a, b, y, leading } = operands;
      const { view, streamBytes, support } = columnsProduct(context, node, operands)!;
      return {
        family: 'mve',
        template: 'mve/matmul',
        stem: `matmul_${typeName(a.type)}_${typeName(b.type)}_mve`,
        view: { ...view, outputType: cType(y.type), matrices: elementCount(leading) },
        arguments: matmulArguments(operands, offsetsOf),
        scratchBytes: streamBytes,
        scalars: [],
        support,
      };
    },
  };
}
