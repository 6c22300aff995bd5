/** The portable kernel of operators that look every code up in a table: unary and input-table. */
import { elementCount } from '../graph/float.js';
import { constantCodes, type IntegerGraph, type IntegerNode } from '../graph/integer.js';
import { inPlaceInputs } from './binary.js';
import { expectShape, integerGraphError, nodeTensors } from './integer-checks.js';
import type { Kernel } from './kernel.js';
import { typeRange } from '../graph/lanes.js';
import { cType, signedTerm, typeName } from './views.js';

/** Checks shapes and that every code that can occur has its entry; `channels` tables, one a channel of the last axis. */
export function verifyTable(node: IntegerNode, graph: IntegerGraph, channels: number): void {
  const { inputs, output } = nodeTensors(node, graph, 2);
  const [x, table] = inputs as [(typeof inputs)[number], (typeof inputs)[number]];
  expectShape(node, output, x.shape);
  if (x.type.bits > 8) throw integerGraphError(node, `a table needs codes of at most 8 bits, not ${x.type.bits}`);
  if (elementCount(table.shape) !== channels * 2 ** x.type.bits) throw integerGraphError(node, `the table has ${elementCount(table.shape)} entries, not ${channels} times ${2 ** x.type.bits}`);
  const codes = constantCodes(graph, table.id);
  const [low, high] = output.codeRange;
  const entries = 2 ** x.type.bits;
  const first = x.codeRange[0] - typeRange(x.type)[0];
  const last = x.codeRange[1] - typeRange(x.type)[0];
  const occurs = (i: number) => i % entries >= first && i % entries <= last;
  if (codes.some((c, i) => occurs(i) && (c < low || c > high))) throw integerGraphError(node, `a table entry lies outside the codes of '${output.name}'`);
}

export function tableKernel(op: string, channelsOf: (node: IntegerNode, graph: IntegerGraph) => number): Kernel {
  return {
    family: 'portable',
    when: () => true,
    instantiate({ graph, group: [node] }) {
      const { inputs, output } = nodeTensors(node!, graph, 2);
      const [x, table] = inputs as [(typeof inputs)[number], (typeof inputs)[number]];
      const channels = channelsOf(node!, graph);
      return {
        family: 'portable',
        template: op,
        stem: `${op.replace(/-/g, '_')}_${typeName(x.type)}_${typeName(output.type)}`,
        view: {
          inputType: cType(x.type),
          outputType: cType(output.type),
          channels,
          rows: elementCount(output.shape) / channels,
          entries: 2 ** x.type.bits,
          offset: signedTerm(-typeRange(x.type)[0]),
        },
        arguments: [
          { kind: 'input', tensor: x.id },
          { kind: 'output', tensor: output.id },
          { kind: 'constant', name: 'table', data: constantCodes(graph, table.id) },
        ],
        scratchBytes: 0,
        scalars: [],
        inPlace: inPlaceInputs({ ...node!, inputs: [x.id] }, graph),
      };
    },
  };
}
