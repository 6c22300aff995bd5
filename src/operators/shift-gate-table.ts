/**
 * The gate by shifts of one byte is a function of 256 codes: unless flash is scarce they are computed here, by the definition, and
 * looked up, in a thirtieth of the instructions and with the same bits.
 */
import { shiftDistance, shiftExponential, shiftShare } from '../../sim/scalar/shift-exponential.js';
import type { Codes, IntegerGraph, IntegerNode } from '../graph/integer.js';
import { lanesFor, typeRange } from '../graph/lanes.js';
import { integerAttribute } from './attributes.js';
import { scalarRequantize } from './dsp/elementwise.js';
import { dspTable } from './dsp/tables.js';
import { nodeTensors } from './integer-checks.js';
import type { Kernel, KernelContext } from './kernel.js';
import { mveLookUp } from './mve/tables.js';
import { shiftUnitOf } from './shift-unit.js';
import { byteTableInstance } from './table-kernel.js';

/** Output codes by input code; null for wide inputs and for requantizations that no table is made of. */
export function gateTable(node: IntegerNode, graph: IntegerGraph): Codes | null {
  const { inputs: [x], output } = nodeTensors(node, graph, 1);
  const finish = scalarRequantize(node.requantize!);
  if (x!.type.bits > 8 || output.type.bits > 16 || !finish) return null;
  const { places, unit, exponentBits, limit, fractionBits } = shiftUnitOf(node);
  const one = unit * 2 ** exponentBits;
  const low = typeRange(x!.type)[0] - integerAttribute(node, 'inputZeroPoint');
  const table = new (lanesFor(output.type))(2 ** x!.type.bits);
  for (let i = 0; i < table.length; i++) {
    const value = low + i;
    const exponential = shiftExponential(shiftDistance(Math.abs(value), places, limit), unit, exponentBits);
    table[i] = finish(value * shiftShare(value < 0 ? exponential : one, one + exponential, fractionBits));
  }
  return table;
}

const isTabled = ({ optimize, graph, group: [node] }: KernelContext) => optimize !== 'flash' && gateTable(node!, graph) !== null;

const portable: Kernel = {
  family: 'portable',
  when: isTabled,
  instantiate({ graph, group: [node] }) {
    const { inputs: [x], output } = nodeTensors(node!, graph, 1);
    return byteTableInstance('unary', node!, graph, x!, output, gateTable(node!, graph)!, 1);
  },
};

const mve: Kernel = {
  family: 'mve',
  when: (context) => context.features.mve && isTabled(context),
  instantiate(context) {
    const { inputs: [x], output } = nodeTensors(context.group[0]!, context.graph, 1);
    return mveLookUp(context, 'unary', x!, output, gateTable(context.group[0]!, context.graph)!);
  },
};

export const gateTables: readonly Kernel[] = [mve, dspTable(portable), portable];
