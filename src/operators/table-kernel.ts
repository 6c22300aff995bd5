/** The portable kernel of operators that look every code up in a table: unary and input-table. */
import { elementCount } from '../graph/float.js';
import { type Codes, constantCodes, type IntegerGraph, type IntegerNode, type IntegerTensor } from '../graph/integer.js';
import { inPlaceInputs } from './binary.js';
import { expectShape, integerGraphError, nodeTensors } from './integer-checks.js';
import type { Kernel, KernelInstance } from './kernel.js';
import { typeRange } from '../graph/lanes.js';
import { cType, signedTerm, typeName } from './views.js';

/** Inputs of more than 8 bits have a line between 513 knots, 2^(bits − 9) codes apart; the last knot is one behind the last code. */
export const KNOT_BITS = 9;

/** Entries of one table. */
export function tableEntries(bits: number): number {
  return bits < KNOT_BITS ? 2 ** bits : 2 ** KNOT_BITS + 1;
}

/** Codes from one entry to the next, as a power of two. */
export function knotPlaces(bits: number): number {
  return Math.max(0, bits - KNOT_BITS);
}

/** First and last entry that decide the outputs of codes in [low, high]. */
export function reachedEntries({ bits, signed }: Pick<IntegerTensor['type'], 'bits' | 'signed'>, low: number, high: number): readonly [number, number] {
  const lowest = typeRange({ bits, signed })[0];
  if (bits < KNOT_BITS) return [low - lowest, high - lowest];
  const places = knotPlaces(bits);
  return [(low - lowest) >> places, (high - lowest + 2 ** places - 1) >> places];
}

/** Checks shapes and that every code that can occur has its entry; `channels` tables, one a channel of the last axis. */
export function verifyTable(node: IntegerNode, graph: IntegerGraph, channels: number): void {
  const { inputs, output } = nodeTensors(node, graph, 2);
  const [x, table] = inputs as [(typeof inputs)[number], (typeof inputs)[number]];
  expectShape(node, output, x.shape);
  if (x.type.bits > (channels === 1 ? 16 : 8)) throw integerGraphError(node, `a table needs codes of at most 16 bits, not ${x.type.bits}`);
  const entries = tableEntries(x.type.bits);
  if (elementCount(table.shape) !== channels * entries) throw integerGraphError(node, `the table has ${elementCount(table.shape)} entries, not ${channels} times ${entries}`);
  const codes = constantCodes(graph, table.id);
  const [low, high] = output.codeRange;
  const [first, last] = reachedEntries(x.type, ...x.codeRange);
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
      const places = knotPlaces(x.type.bits);
      const base = byteTableInstance(op, node!, graph, x, output, constantCodes(graph, table.id), channels);
      if (x.type.bits < KNOT_BITS) return base;
      const view = { ...base.view, places, spacing: 2 ** places, mask: 2 ** places - 1 };
      return { ...base, template: 'unary-interpolated', view, scalars: ['interpolate'] };
    },
  };
}

/** `table` of the codes of `output` by the code of `x`, one after the other a channel. */
export function byteTableInstance(op: string, node: IntegerNode, graph: IntegerGraph, x: IntegerTensor, output: IntegerTensor, table: Codes, channels: number): KernelInstance {
  return {
    family: 'portable',
    template: op,
    stem: `${op.replace(/-/g, '_')}_${typeName(x.type)}_${typeName(output.type)}`,
    view: {
      inputType: cType(x.type),
      outputType: cType(output.type),
      channels,
      rows: elementCount(output.shape) / channels,
      ...(x.type.bits < KNOT_BITS && { entries: tableEntries(x.type.bits) }),
      offset: signedTerm(-typeRange(x.type)[0]),
    },
    arguments: [
      { kind: 'input', tensor: x.id },
      { kind: 'output', tensor: output.id },
      { kind: 'constant', name: 'table', data: table },
    ],
    scratchBytes: 0,
    scalars: [],
    inPlace: inPlaceInputs({ ...node, inputs: [x.id] }, graph),
  };
}
