/** Softmax along the last axis on Helium: gathered exponentials, four classes at a time, in every integer form. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { integerTensor } from '../../graph/integer.js';
import { typeRange } from '../../graph/lanes.js';
import { integerAttribute } from '../attributes.js';
import { exponentialTable, MOST_SUM } from '../dsp/softmax.js';
import { inPlaceInputs } from '../binary.js';
import type { Kernel, KernelInstance } from '../kernel.js';
import { softmaxShares } from '../softmax-shares.js';
import { cTypeOfCodes } from '../views.js';

/** 2·Σ below 2^24, so that it divides 32 bits a byte at a time: 256 exponentials of 2^15 at most. */
const MOST_DEPTH = 255;

/** Sums whose upper 16 bits are known well enough, and shares of so many steps, for quotients that are one too small at most. */
const LEAST_SUM = 2 ** 15;
const MOST_STEPS = 2 ** 13;
/** Instructions of the quotient of four classes. */
const QUOTIENT_INSTRUCTIONS = 14;

type Portable = (node: IntegerNode, graph: IntegerGraph) => KernelInstance;

function isLastAxis(node: IntegerNode, graph: IntegerGraph): boolean {
  const x = integerTensor(graph, node.inputs[0]!);
  return x.shape.slice(integerAttribute(node, 'axis') + 1).every((size) => size === 1) && integerAttribute(node, 'axis') >= 0;
}

/** The form by table, in short rows of the last axis. */
export function fitsTable(node: IntegerNode, graph: IntegerGraph): boolean {
  const depth = integerTensor(graph, node.inputs[0]!).shape.at(-1) ?? 1;
  return node.attributes['variant'] === 'dyadic' && node.attributes['twin'] === undefined && depth <= MOST_DEPTH && isLastAxis(node, graph);
}

/** What the template of that form reads besides the view of the portable kernel. */
export function tableEnd(node: IntegerNode, graph: IntegerGraph): { readonly lane: 's' | 'u'; readonly zeroPoint: number; readonly twiceSteps: number } {
  const { signed } = integerTensor(graph, node.inputs[0]!).type;
  return { lane: signed ? 's' : 'u', zeroPoint: integerAttribute(node, 'outputZeroPoint'), twiceSteps: 2 * integerAttribute(node, 'steps') };
}

/** `portable` is the instance whose view and arguments are kept. */
export function mveSoftmax(portable: Portable): readonly Kernel[] {
  const tflite: Kernel = {
    family: 'mve',
    when({ features, graph, group: [node] }) {
      const most = node!.bounds?.accumulator[0]?.[1] ?? Infinity;
      return features.mve && node!.attributes['variant'] === 'tflite' && most < MOST_SUM && isLastAxis(node!, graph);
    },
    instantiate({ graph, group: [node] }) {
      const base = portable(node!, graph);
      const table = exponentialTable(node!);
      return {
        ...base,
        family: 'mve',
        template: 'mve/softmax-tflite',
        stem: `${base.stem}_mve`,
        view: { ...base.view, lane: integerTensor(graph, node!.inputs[0]!).type.signed ? 's' : 'u', cut: table.length < 256, last: table.length - 1 },
        arguments: [...base.arguments, { kind: 'constant', name: 'exponentials', data: table }],
        scalars: ['tfliteSoftmaxReciprocal'],
      };
    },
  };
  const dyadic: Kernel = {
    family: 'mve',
    when: ({ features, graph, group: [node] }) => features.mve && fitsTable(node!, graph),
    instantiate({ graph, group: [node] }) {
      const base = portable(node!, graph);
      return {
        ...base,
        family: 'mve',
        template: 'mve/softmax',
        stem: `${base.stem}_mve`,
        view: { ...base.view, ...tableEnd(node!, graph) },
        scalars: ['clz32'],
      };
    },
  };
  return [tflite, dyadic, mveSoftmaxQuotient(portable)];
}

/** Sums of more than 24 bits: long rows, exponentials by shifts, shares of two ranges. */
export function mveSoftmaxQuotient(portable: Portable): Kernel {
  return {
    family: 'mve',
    when({ features, graph, group: [node] }) {
      const shares = features.mve && isLastAxis(node!, graph) ? softmaxShares(node!, graph) : null;
      const { type } = integerTensor(graph, node!.outputs[0]!);
      const isWide = type.bits > 8;
      return shares !== null && shares.sums[0] >= LEAST_SUM && shares.steps <= MOST_STEPS && type.bits <= 16 && !(isWide && shares.zeroPoint < typeRange(type)[0]);
    },
    instantiate({ graph, group: [node] }) {
      const base = portable(node!, graph);
      const [x, y] = [integerTensor(graph, node!.inputs[0]!), integerTensor(graph, node!.outputs[0]!)];
      const { exponentials, steps, zeroPoint, twin, largest } = softmaxShares(node!, graph)!;
      const [low, high] = typeRange(y.type);
      const [clampLow, clampHigh] = [zeroPoint < low, largest > high];
      const exponentialType = cTypeOfCodes(exponentials);
      const places = Number.isInteger(Math.log2(steps)) ? Math.log2(steps) : 0;
      return {
        ...base,
        family: 'mve',
        template: 'mve/softmax-quotient',
        stem: `${base.stem}_mve`,
        view: {
          ...base.view,
          lane: x.type.signed ? 's' : 'u',
          gather: exponentialType === 'uint16_t' ? 'vldrh.u32 q1, [%[table], q0, uxtw #1]' : 'vldrw.u32 q1, [%[table], q0, uxtw #2]',
          exponentialType,
          places,
          steps,
          twin,
          zeroPoint,
          wide: y.type.bits > 8,
          clampLow,
          clampHigh,
          instructions: QUOTIENT_INSTRUCTIONS + (twin ? 4 : 0) + [zeroPoint !== 0, clampLow, clampHigh].filter(Boolean).length,
        },
        arguments: [...base.arguments.filter((a) => a.kind === 'input' || a.kind === 'output'), { kind: 'constant', name: 'exponentials', data: exponentials }],
        scratchBytes: 0,
        scalars: ['clz32'],
        inPlace: inPlaceInputs({ ...node!, inputs: [x.id] }, graph),
      };
    },
  };
}
