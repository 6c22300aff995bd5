/** Look-ups of bytes on Helium: a gathering load reads 16 entries of a table. A rescaling of bytes is a look-up as well. */
import { elementCount } from '../../graph/float.js';
import { constantCodes, type Codes, type IntegerTensor } from '../../graph/integer.js';
import { typeRange } from '../../graph/lanes.js';
import { inPlaceInputs } from '../binary.js';
import { scalarRequantize } from '../dsp/elementwise.js';
import { integerAttribute } from '../attributes.js';
import { nodeTensors } from '../integer-checks.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import { cType, typeName } from '../views.js';
import { isBytes } from './products.js';

/** Lanes of 16 bits of a vector, and vectors of places that a round of several tables takes. */
const HALF_LANES = 8;
const MOST_PATTERNS = 3;

/** Entries by the bytes of the codes: those of negative codes come last. */
function byByte(codes: Codes, { type }: IntegerTensor): Codes {
  if (!type.signed) return codes;
  const half = codes.length / 2;
  const laid = codes.slice();
  for (let i = 0; i < codes.length; i++) laid[i] = codes[(i + half) % codes.length]!;
  return laid;
}

/** Bytes to bytes, 16 a round, or to lanes of 16 bits, eight a round. */
export function mveLookUp(context: KernelContext, op: string, x: IntegerTensor, y: IntegerTensor, table: Codes): KernelInstance {
  const node = context.group[0]!;
  // Fewer than 256 entries: a negative code is no place in the table.
  const offset = x.type.signed && x.type.bits < 8 ? -typeRange(x.type)[0] : 0;
  return {
    family: 'mve',
    template: 'mve/look-up',
    stem: `${op}_${typeName(x.type)}_${typeName(y.type)}_mve`,
    view: { inputType: cType(x.type), outputType: cType(y.type), count: elementCount(y.shape), offset, wide: y.type.bits > 8 },
    arguments: [{ kind: 'input', tensor: x.id }, { kind: 'output', tensor: y.id }, { kind: 'constant', name: 'table', data: offset === 0 ? byByte(table, x) : table }],
    scratchBytes: 0,
    scalars: [],
    inPlace: inPlaceInputs({ ...node, inputs: [x.id] }, context.graph),
  };
}

/** `unary`, and `input-table` with one table. */
export function mveTable(op: string, tables: (context: KernelContext) => number): Kernel {
  return {
    family: 'mve',
    when(context) {
      const { inputs, output } = nodeTensors(context.group[0]!, context.graph, 2);
      return context.features.mve && isBytes(inputs[0]!) && !inputs[0]!.type.packed && !output.type.packed && output.type.bits <= 16 && tables(context) === 1;
    },
    instantiate(context) {
      const { inputs, output } = nodeTensors(context.group[0]!, context.graph, 2);
      return mveLookUp(context, op.replaceAll('-', '_'), inputs[0]!, output, constantCodes(context.graph, inputs[1]!.id));
    },
  };
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/** Vectors after which the channels begin again. */
function patterns(channels: number): number {
  return channels / divisor(channels, HALF_LANES);
}

/** `input-table` with a table a channel. */
export function mveTables(tables: (context: KernelContext) => number): Kernel {
  return {
    family: 'mve',
    when(context) {
      const { inputs, output } = nodeTensors(context.group[0]!, context.graph, 2);
      return context.features.mve && isBytes(inputs[0]!) && isBytes(output) && patterns(tables(context)) <= MOST_PATTERNS;
    },
    instantiate(context) {
      const { inputs: [x, table], output } = nodeTensors(context.group[0]!, context.graph, 2);
      const channels = tables(context);
      const vectors = patterns(channels);
      const round = HALF_LANES * vectors;
      const count = elementCount(output.shape);
      const starts = Uint16Array.from({ length: round }, (_, i) => 2 ** x!.type.bits * (i % channels));
      return {
        family: 'mve',
        template: 'mve/look-ups',
        stem: `input_table_${typeName(x!.type)}_${typeName(output.type)}_${channels}_mve`,
        view: {
          outputType: cType(output.type),
          vectors: Array.from({ length: vectors }, (_, i) => ({ starts: `q${4 + i}`, at: 2 * HALF_LANES * i })),
          rounds: Math.floor(count / round),
          count,
          done: count - (count % round),
        },
        arguments: [
          { kind: 'input', tensor: x!.id },
          { kind: 'output', tensor: output.id },
          { kind: 'constant', name: 'table', data: constantCodes(context.graph, table!.id) },
          { kind: 'constant', name: 'starts', data: starts },
        ],
        scratchBytes: 0,
        scalars: [],
        inPlace: inPlaceInputs({ ...context.group[0]!, inputs: [x!.id] }, context.graph),
      };
    },
  };
}

/** `requantize`: unless flash is scarce, 256 codes instead of arithmetic. */
export const mveRequantize: Kernel = {
  family: 'mve',
  when({ features, graph, group: [node], optimize }) {
    const { inputs, output } = nodeTensors(node!, graph, 1);
    return features.mve && optimize !== 'flash' && isBytes(inputs[0]!) && isBytes(output) && scalarRequantize(node!.requantize!) !== null;
  },
  instantiate(context) {
    const node = context.group[0]!;
    const { inputs: [x], output } = nodeTensors(node, context.graph, 1);
    const code = scalarRequantize(node.requantize!)!;
    const zeroPoint = integerAttribute(node, 'inputZeroPoint');
    const [low] = typeRange(x!.type);
    const codes = Array.from({ length: 2 ** x!.type.bits }, (_, i) => code(low + i - zeroPoint));
    return mveLookUp(context, 'requantize', x!, output, output.type.signed ? Int8Array.from(codes) : Uint8Array.from(codes));
  },
};
