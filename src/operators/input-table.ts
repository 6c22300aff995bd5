/** Raw uint8 data → input codes: preprocessing and quantization in one table of 256 entries, or one a channel. Integer only. */
import { integerTensor, type IntegerGraph, type IntegerNode } from '../graph/integer.js';
import { defineOperator } from './definition.js';
import { integerGraphError } from './integer-checks.js';
import type { KernelContext } from './kernel.js';
import { mveTable, mveTables } from './mve/tables.js';
import { tableKernel, verifyTable } from './table-kernel.js';

/** Tables of the node: one, or one a channel. */
function tables(node: IntegerNode, graph: IntegerGraph): number {
  return integerTensor(graph, node.inputs[1]!).shape[0]!;
}

const tablesOf = ({ graph, group: [node] }: KernelContext) => tables(node!, graph);

export const inputTable = defineOperator({
  name: 'input-table',
  integer: {
    verify(node, graph) {
      const count = node.inputs.length === 2 ? tables(node, graph) : 1;
      verifyTable(node, graph, count);
      const x = integerTensor(graph, node.inputs[0]!);
      if (count !== 1 && count !== x.shape.at(-1)) throw integerGraphError(node, `${count} tables for ${x.shape.at(-1)} channels`);
      if (x.type.signed || x.type.bits !== 8) throw integerGraphError(node, 'the input must be unsigned, 8 bits');
    },
    kernels: [mveTable('input-table', tablesOf), mveTables(tablesOf), tableKernel('input-table', tables)],
  },
});
