/** Products of two activations on Helium: columns of the second operand become a stream of weights in scratch memory. */
import { elementCount } from '../../graph/float.js';
import type { IntegerTensor } from '../../graph/integer.js';
import { spareBytes } from '../dsp/live-bytes.js';
import type { MatmulOperands, MatrixOffsets, ReadMatmul } from '../dsp/matmul.js';
import type { Kernel, KernelArgument, KernelContext } from '../kernel.js';
import { activationArguments } from '../linear/kernels.js';
import { cType, typeName } from '../views.js';
import { activationProducts, endView, isBytes, isSignedBytes, LANES, VECTOR } from './products.js';
import { type VectorRequantize, vectorRequantize } from './requantize.js';

/** Columns in memory where there is none to spare. */
const LEAST_STREAM_BYTES = 1024;
/** Seven strides are an offset of 16 bits. */
const MOST_STRIDE = 2 ** 13;

function fits({ features, group: [node] }: KernelContext, { a, b, y, rows, columns }: MatmulOperands): VectorRequantize | null {
  const sizes = rows > 1 && columns < MOST_STRIDE && node!.attributes['transposeA'] !== true;
  return features.mve && isSignedBytes(a) && isSignedBytes(b) && isBytes(y) && sizes ? vectorRequantize(node!, 1) : null;
}

/** Columns of a pass, in whole groups of four, and the bytes that they take. */
function passOf(context: KernelContext, { depth, columns }: MatmulOperands, hasShift: boolean): { readonly columns: number; readonly bytes: number } {
  const groupBytes = LANES * (VECTOR * Math.ceil(depth / VECTOR) + (hasShift ? 12 : 8));
  const memory = Math.max(LEAST_STREAM_BYTES, context.optimize === 'speed' ? spareBytes(context.graph, context.group[0]!) : 0);
  const groups = Math.max(1, Math.min(Math.floor(memory / groupBytes), Math.ceil(columns / LANES)));
  return { columns: LANES * groups, bytes: groups * groupBytes };
}

export function mveMatmul(read: ReadMatmul, offsetsOf: MatrixOffsets): Kernel {
  return {
    family: 'mve',
    when: (context) => fits(context, read(context.group[0]!, context.graph)) !== null,
    instantiate(context) {
      const node = context.group[0]!;
      const operands = read(node, context.graph);
      const { a, b, y, leading, rows, depth, columns, zeroPoints } = operands;
      const requantize = fits(context, operands)!;
      const products = activationProducts(rows, requantize, y);
      const hasShift = requantize.kind !== 'round';
      const pass = passOf(context, operands, hasShift);
      const swapped = node.attributes['transposeB'] === true;
      const view = {
        outputType: cType(y.type),
        matrices: elementCount(leading),
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
      const table = (name: string, tensor: IntegerTensor): KernelArgument => ({ kind: 'constant', name, data: offsetsOf(tensor.shape, leading) });
      return {
        family: 'mve',
        template: 'mve/matmul',
        stem: `matmul_${typeName(a.type)}_${typeName(b.type)}_mve`,
        view,
        arguments: [...activationArguments([a.id, b.id], y.id), table('offset_a', a), table('offset_b', b), { kind: 'scratch' }],
        scratchBytes: pass.bytes,
        scalars: [],
        support: [
          ...products.support,
          { template: 'mve/rows-job', view: {} },
          { template: 'mve/pack-columns', view: {} },
          ...(zeroPoints[1] === 0 ? [] : [{ template: 'mve/sum-row', view: { suffix: 's8', lane: 's8' } }]),
        ],
      };
    },
  };
}
