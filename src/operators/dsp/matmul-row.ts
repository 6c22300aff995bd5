/**
 * One or two rows times a matrix that the network computes as well (the class token's attention): its columns are not worth being
 * packed, and are multiplied where they lie, 22 instructions for 16 products in rows of memory, 13 for 8 across them.
 */
import type { IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelContext } from '../kernel.js';
import { signedTerm, typeName } from '../views.js';
import { matmulArguments, matmulOperandView, type MatmulOperands, type MatrixOffsets, type ReadMatmul } from './matmul.js';
import { oneCodeView } from './mul.js';
import { BLOCK_ROWS } from './products.js';
import { type FoldedRequantize, foldRequantize } from './requantize.js';

/** Columns at a time, and values of a word. */
const WORD = 4;

function fits({ features, group: [node] }: KernelContext, { a, b, y, rows, depth, columns }: MatmulOperands): FoldedRequantize | null {
  const bytes = [b, y].every(({ type }) => type.bits <= 8 && !type.packed);
  const inRows = node!.attributes['transposeB'] === true;
  // Columns in rows of memory meet values 0 and 2, 1 and 3, which wide rows would have to be sorted for all the same.
  const lanes = !a.type.packed && a.type.bits <= (inRows ? 8 : a.type.signed ? 16 : 15);
  const sizes = rows < BLOCK_ROWS && depth >= WORD && columns >= WORD && node!.attributes['transposeA'] !== true;
  if (!features.dsp || !features.unalignedAccess || !bytes || !lanes || !sizes) return null;
  const folded = foldRequantize(node!, 1);
  return folded && folded.saturation.bits <= 8 ? folded : null;
}

export function dspMatmulRow(read: ReadMatmul, offsetsOf: MatrixOffsets): Kernel {
  return {
    family: 'dsp',
    when: (context) => fits(context, read(context.group[0]!, context.graph)) !== null,
    instantiate(context) {
      const [node] = context.group as readonly [IntegerNode];
      const operands = read(node, context.graph);
      const { a, b, depth, columns, zeroPoints } = operands;
      const folded = fits(context, operands)!;
      const { multiplier, addend } = folded.channels[0]!;
      const code = oneCodeView(folded);
      const inRows = node.attributes['transposeB'] === true;
      const suffix = b.type.signed ? 's8' : 'u8';
      const whole = depth - (depth % WORD);
      const view = {
        ...matmulOperandView(operands),
        depth,
        columns,
        lastColumn: columns - WORD,
        inRows,
        termA: signedTerm(-zeroPoints[0]),
        zeroPointB: zeroPoints[1],
        place: inRows ? '(k & ~3) | ((k & 1) << 1) | ((k >> 1) & 1)' : 'k',
        padded: !inRows && depth % 2 === 1,
        pairedDepth: depth - (depth % 2),
        whole,
        rest: Array.from({ length: depth - whole }, (_, i) => whole + i),
        suffix,
        requantizeSuffix: code.suffix,
        doubled: folded.doubled,
        multiplier,
        addend,
      };
      return {
        family: 'dsp',
        template: 'dsp/matmul-row',
        stem: `matmul_${typeName(a.type)}_${typeName(b.type)}_row`,
        view,
        arguments: matmulArguments(operands, offsetsOf),
        scratchBytes: 2 * WORD * Math.ceil((depth + 1) / WORD),
        scalars: [],
        support: [
          { template: 'dsp/lanes', view: {} },
          { template: 'dsp/dot-products', view: { suffix, extend: b.type.signed ? 'sxtb16' : 'uxtb16' } },
          { template: 'dsp/requantize-one', view: code },
        ],
      };
    },
  };
}
