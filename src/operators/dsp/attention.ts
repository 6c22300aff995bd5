/**
 * Attention in strips of queries on cores with SMLAD: the scores of a strip, some keys at a time as weights, run through softmax in
 * the same memory to products with the values.
 */
import { attentionArguments, attentionOf, attentionOverlap, attentionView, stripRows } from '../attention.js';
import type { IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelContext } from '../kernel.js';
import { typeName } from '../views.js';
import { cheapestPairs, columnsBody, fitsColumns, LEAST_STREAM_BYTES, type ReadMatmul } from './matmul.js';
import { BLOCK_ROWS } from './products.js';

/** One of the two products: rows of a strip times columns, a block of them at a time, the last of which may overlap another. */
function productOf(context: KernelContext, node: IntegerNode, read: ReadMatmul, rows: number) {
  const operands = { ...read(node, context.graph), rows };
  const folded = fitsColumns(context, node, operands);
  if (!folded) return null;
  const { body, pairBytes, view, support } = columnsBody(context, node, operands, folded);
  const { columns } = operands;
  const pairs = cheapestPairs(columns, Math.max(1, Math.min(Math.floor(LEAST_STREAM_BYTES / pairBytes), Math.floor(columns / 2))));
  return { support, laneBytes: body.laneBytes, view: { ...view, pairs, blockColumns: 2 * pairs, lastColumn: columns - 2 * pairs, streamBytes: pairs * pairBytes } };
}

export function dspAttention(read: ReadMatmul): Kernel {
  return {
    family: 'dsp',
    nodes: 3,
    when(context) {
      const { group, graph, optimize } = context;
      if (optimize !== 'ram' || !attentionOf(group, graph)) return false;
      const [first, , last] = group as readonly [IntegerNode, IntegerNode, IntegerNode];
      const { rows, columns } = read(first, graph);
      return [first, last].every((node) => productOf(context, node, read, stripRows(rows, columns, BLOCK_ROWS)) !== null);
    },
    instantiate(context) {
      const { group, graph } = context;
      const found = attentionOf(group, graph)!;
      const [first, , last] = group as readonly [IntegerNode, IntegerNode, IntegerNode];
      const common = attentionView(group, found);
      const strip = stripRows(common.rows, common.length, BLOCK_ROWS);
      const [scores, mean] = [productOf(context, first, read, strip)!, productOf(context, last, read, strip)!];
      const streamAt = 4 * Math.ceil(Math.max(scores.laneBytes, mean.laneBytes) / 4);
      const stripAt = streamAt + Math.max(scores.view.streamBytes, mean.view.streamBytes);
      return {
        family: 'dsp',
        template: 'dsp/attention',
        stem: `attention_${typeName(found.query.type)}`,
        view: { ...common, score: scores.view, mean: mean.view, stripRows: strip, lastRow: common.rows - strip, streamAt, stripAt, factor: 2 * common.steps },
        arguments: attentionArguments(group, graph, found),
        scratchBytes: stripAt + strip * common.length,
        overlap: attentionOverlap(found, strip),
        scalars: [],
        support: [...scores.support, ...mean.support],
      };
    },
  };
}
