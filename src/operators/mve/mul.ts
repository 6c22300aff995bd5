/** Products of two tensors on Helium: factors in lanes of 16 bits, products in two vectors of 32. */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { binaryTensors, inPlaceInputs } from '../binary.js';
import { zeroPoints } from '../integer-checks.js';
import type { Kernel, KernelContext } from '../kernel.js';
import { cType, typeName } from '../views.js';
import { endView, isBytes, vectorView } from './products.js';
import { vectorRequantize } from './requantize.js';

/** Lanes of 16 bits of a vector. */
const HALF_LANES = 8;

/** Rows of `count` elements; an operand is read on, or from its start again with every row. */
interface Rows {
  readonly rows: number;
  readonly count: number;
  readonly repeats: readonly [boolean, boolean];
}

/** Both of one shape, or one of them the last axes of the other; null for other broadcasts. */
function rowsOf(node: IntegerNode, graph: IntegerGraph): Rows | null {
  const { inputs, output } = binaryTensors(node, graph);
  const counts = inputs.map((tensor) => elementCount(tensor.shape));
  const total = elementCount(output.shape);
  const count = Math.min(...counts);
  const isSuffix = inputs.every((tensor, i) => counts[i] === total || isLastAxes(tensor.shape, output.shape));
  return isSuffix && count > 1 ? { rows: total / count, count, repeats: [counts[0]! < total, counts[1]! < total] } : null;
}

/** The axes of `shape`, without leading ones, are the last of `all`. */
function isLastAxes(shape: readonly number[], all: readonly number[]): boolean {
  const own = shape.slice(shape.findIndex((size) => size !== 1));
  return own.join() === all.slice(all.length - own.length).join();
}

function fits({ features, graph, group: [node] }: KernelContext): boolean {
  const { inputs, output } = binaryTensors(node!, graph);
  return features.mve && [...inputs, output].every(isBytes) && rowsOf(node!, graph) !== null && vectorRequantize(node!, 1) !== null;
}

export const mveMul: Kernel = {
  family: 'mve',
  when: fits,
  instantiate({ graph, group }) {
    const node = group[0]!;
    const { inputs: [a, b], output } = binaryTensors(node, graph);
    const { rows, count, repeats } = rowsOf(node, graph)!;
    const requantize = vectorRequantize(node, 1)!;
    const [zeroA, zeroB] = zeroPoints(node, 2);
    const lane = (signed: boolean) => (signed ? 's16' : 'u16');
    return {
      family: 'mve',
      template: 'mve/mul',
      stem: `mul_${typeName(a.type)}_${typeName(b.type)}_mve`,
      view: {
        ...vectorView(requantize, output),
        ...endView(requantize),
        ...requantize.channels[0],
        vectors: ['q2', 'q3'],
        multipliers: 'q4',
        shifts: 'q5',
        rows,
        count,
        rounds: Math.floor(count / HALF_LANES),
        parts: [...(count >= HALF_LANES ? [{ tail: 0 }] : []), ...(count % HALF_LANES > 0 ? [{ tail: count % HALF_LANES }] : [])],
        many: rows > 1,
        repeatsA: repeats[0],
        repeatsB: repeats[1],
        zeroA,
        zeroB,
        aType: cType(a.type),
        bType: cType(b.type),
        outputType: cType(output.type),
        aLane: lane(a.type.signed),
        bLane: lane(b.type.signed),
      },
      arguments: [{ kind: 'input', tensor: a.id }, { kind: 'input', tensor: b.id }, { kind: 'output', tensor: output.id }],
      scratchBytes: 0,
      scalars: [],
      inPlace: inPlaceInputs(node, graph),
    };
  },
};
