/** Sums and differences of two tensors of one shape on Helium, in both forms of src/operators/addition.ts. */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode, Requantize } from '../../graph/integer.js';
import { foldedRounding } from '../addition.js';
import { integersAttribute } from '../attributes.js';
import { binaryTensors, inPlaceInputs } from '../binary.js';
import { zeroPoints } from '../integer-checks.js';
import type { Kernel, KernelContext } from '../kernel.js';
import { cType, typeName } from '../views.js';
import { planeOf } from './plane.js';
import { isBytes } from './products.js';

interface Scalar {
  readonly name: string;
  readonly value: number;
}

/** What differs between the two forms. */
interface Form {
  readonly tflite: boolean;
  readonly terms: readonly { readonly vector: string; readonly operand: string; readonly halved: boolean; readonly shift: number }[];
  readonly scalars: readonly Scalar[];
  readonly away: boolean;
  readonly shift: number;
}

/** Null where the rounding has no form in vectors. */
function formOf(node: IntegerNode, graph: IntegerGraph, op: 'add' | 'sub'): Form | null {
  if (node.attributes['variant'] !== 'tflite') return dyadicForm(node);
  const [a, b] = binaryTensors(node, graph).inputs;
  const plane = planeOf(node, op === 'add' ? 1 : -1, [a.codeRange, b.codeRange]);
  return plane ? planeForm(plane.multipliers, plane.constant, plane.shift) : tfliteForm(node);
}

function planeForm([a, b]: readonly [number, number], constant: number, shift: number): Form {
  const scalars = [{ name: 'a_multiplier', value: a }, { name: 'b_multiplier', value: b }, { name: 'end', value: constant }];
  return { tflite: false, terms: [], scalars, away: false, shift };
}

function tfliteForm(node: IntegerNode): Form | null {
  const requantize = node.requantize!;
  if (requantize.mode !== 'tfliteDouble' || requantize.shift[0]! > 0) return null;
  const [zeros, multipliers, shifts] = [zeroPoints(node, 2), integersAttribute(node, 'inputMultipliers', 2), integersAttribute(node, 'inputShifts', 2)];
  const operands = ['a', 'b'].map((operand, i) => ({ operand, zero: zeros[i]!, multiplier: multipliers[i]!, shift: 0 - shifts[i]!, halved: multipliers[i] === 2 ** 30 && shifts[i] === 0 }));
  const shift = 0 - requantize.shift[0]!;
  return {
    tflite: true,
    terms: operands.map(({ operand, halved, shift: places }, i) => ({ vector: `q${i}`, operand, halved, shift: places })),
    scalars: [
      ...operands.flatMap((o) => [{ name: `${o.operand}_zero`, value: o.zero }, ...(o.halved ? [] : [{ name: `${o.operand}_multiplier`, value: o.multiplier }])]),
      { name: 'multiplier', value: requantize.multiplier[0]! },
      { name: 'end', value: requantize.zeroPoint },
    ],
    // Where the clamp begins at the zero point no negative value survives, however it is rounded.
    away: shift > 0 && requantize.clamp[0] < requantize.zeroPoint,
    shift,
  };
}

function dyadicForm(node: IntegerNode): Form | null {
  const { requantize, offset } = foldedRounding(node);
  if (requantize.mode !== 'shift' || requantize.rounding !== 'floor' || requantize.zeroPoint !== 0) return null;
  return planeForm(integersAttribute(node, 'inputMultipliers', 2) as readonly [number, number], offset, requantize.shift[0]!);
}

function endsOf(requantize: Requantize): { readonly low: number; readonly high: number } {
  return { low: requantize.clamp[0], high: requantize.clamp[1] };
}

export function mveAddition(op: 'add' | 'sub'): Kernel {
  return {
    family: 'mve',
    when: ({ features, graph, group: [node] }: KernelContext) => features.mve && hasOneShape(node!, graph) && formOf(node!, graph, op) !== null,
    instantiate({ graph, group }) {
      const node = group[0]!;
      const { inputs: [a, b], output } = binaryTensors(node, graph);
      const lane = (signed: boolean) => (signed ? 's32' : 'u32');
      const view = {
        ...formOf(node, graph, op)!,
        ...endsOf(node.requantize!),
        minus: op === 'sub',
        aType: cType(a.type),
        bType: cType(b.type),
        outputType: cType(output.type),
        aLane: lane(a.type.signed),
        bLane: lane(b.type.signed),
        count: elementCount(output.shape),
      };
      return {
        family: 'mve',
        template: 'mve/addition',
        stem: `${op}_${typeName(a.type)}_${typeName(b.type)}_mve`,
        view,
        arguments: [{ kind: 'input', tensor: a.id }, { kind: 'input', tensor: b.id }, { kind: 'output', tensor: output.id }],
        scratchBytes: 0,
        scalars: [],
        inPlace: inPlaceInputs(node, graph),
      };
    },
  };
}

function hasOneShape(node: IntegerNode, graph: IntegerGraph): boolean {
  const { inputs, output } = binaryTensors(node, graph);
  const bytes = [...inputs, output].every((tensor) => isBytes(tensor));
  return bytes && inputs.every((tensor) => tensor.shape.join() === output.shape.join());
}
