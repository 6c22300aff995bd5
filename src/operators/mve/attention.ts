/** Attention in strips of queries on Helium: the scores of a strip, their softmax in the same memory, products with the values. */
import type { IntegerNode } from '../../graph/integer.js';
import { attentionArguments, attentionOf, attentionOverlap, attentionView, stripRows } from '../attention.js';
import type { ReadMatmul } from '../dsp/matmul.js';
import type { Kernel, KernelContext } from '../kernel.js';
import { typeName } from '../views.js';
import { columnsProduct } from './matmul.js';
import { LANES } from './products.js';
import { fitsTable, tableEnd } from './softmax.js';

/** Streams of weights and strips begin where vectors are aligned. */
const ALIGNMENT = 16;

function productOf(context: KernelContext, node: IntegerNode, read: ReadMatmul, rows: number) {
  return columnsProduct(context, node, { ...read(node, context.graph), rows });
}

export function mveAttention(read: ReadMatmul): Kernel {
  return {
    family: 'mve',
    nodes: 3,
    when(context) {
      const { group, graph, optimize, features } = context;
      if (optimize !== 'ram' || !features.mve || !attentionOf(group, graph) || !fitsTable(group[1]!, graph)) return false;
      const [first, , last] = group as readonly [IntegerNode, IntegerNode, IntegerNode];
      const { rows, columns } = read(first, graph);
      return [first, last].every((node) => productOf(context, node, read, stripRows(rows, columns, LANES)) !== null);
    },
    instantiate(context) {
      const { group, graph } = context;
      const found = attentionOf(group, graph)!;
      const [first, middle, last] = group as readonly [IntegerNode, IntegerNode, IntegerNode];
      const common = attentionView(group, found);
      const strip = stripRows(common.rows, common.length, LANES);
      const [score, mean] = [productOf(context, first, read, strip)!, productOf(context, last, read, strip)!];
      const stripAt = ALIGNMENT * Math.ceil(Math.max(score.streamBytes, mean.streamBytes) / ALIGNMENT);
      const end = tableEnd(middle, graph);
      const softmax = `ptq_mve_shares_${strip}x${common.length}_${end.twiceSteps / 2}_${end.lane}${typeName(found.shares.type)}_${end.zeroPoint + 128}`;
      const softmaxView = { ...end, name: softmax, inputType: common.scoreType, outputType: common.shareType, outer: strip, depth: common.length, low: common.low, high: common.high };
      return {
        family: 'mve',
        template: 'mve/attention',
        stem: `attention_${typeName(found.query.type)}_mve`,
        view: { ...common, score: score.view, mean: mean.view, stripRows: strip, lastRow: common.rows - strip, stripAt, softmax },
        arguments: attentionArguments(group, graph, found),
        scratchBytes: stripAt + strip * common.length,
        overlap: attentionOverlap(found, strip),
        scalars: ['clz32'],
        support: [...score.support, ...mean.support, { template: 'mve/softmax', view: softmaxView }],
      };
    },
  };
}
