/** The softmax by table of exponentials: what does not change from element to element is taken out of the loops. */
import { type Codes, constantCodes, type IntegerGraph, type IntegerNode } from '../../graph/integer.js';
import { integerAttribute } from '../attributes.js';
import { nodeTensors } from '../integer-checks.js';
import type { Kernel, KernelInstance, SupportText } from '../kernel.js';

/** Fields of the portable kernel's view that this one reads. */
interface SoftmaxView {
  readonly depth: number;
  readonly stride: number;
  readonly low: number;
  readonly high: number;
}

/** Elements a round of the loops, by preference. */
const UNROLL = [4, 5, 3, 2];

/** Elements of a round, at their distance from the row's first. */
function steps(unroll: number, stride: number): readonly { readonly index: number; readonly element: string }[] {
  return Array.from({ length: unroll }, (_, index) => {
    const element = index === 0 ? 'i' : `i + ${index}`;
    return { index, element: stride === 1 ? element : `(${element}) * ${stride}` };
  });
}

/** From the largest distance to none. The place of the code 0 must lie inside: negative codes may be the largest. */
function reversed(table: Codes, lowest: number): Uint16Array {
  const out = new Uint16Array(table.length + Math.max(0, -lowest));
  out.set([...table].reverse());
  return out;
}

export function dspSoftmaxTable(portable: (node: IntegerNode, graph: IntegerGraph) => KernelInstance): Kernel {
  return {
    family: 'dsp',
    when({ features, graph, group: [node] }) {
      return features.dsp && features.unalignedAccess && node!.attributes['variant'] === 'dyadic' && node!.attributes['twin'] === undefined && integerAttribute(node!, 'outputZeroPoint') >= nodeTensors(node!, graph, 1, 2).output.codeRange[0];
    },
    instantiate({ graph, group: [node] }) {
      const base = portable(node!, graph);
      const view = base.view as SoftmaxView;
      const { depth, stride, high } = view;
      const x = nodeTensors(node!, graph, 1, 2).inputs[0]!;
      const table = constantCodes(graph, node!.inputs[1]!);
      const unroll = UNROLL.find((n) => depth % n === 0) ?? 1;
      const words = stride === 1 && depth >= 4;
      const suffix = x.type.signed ? 's8' : 'u8';
      const most = integerAttribute(node!, 'steps');
      const support: readonly SupportText[] = [
        { template: 'dsp/lanes', view: {} },
        { template: 'dsp/byte-maximum', view: { suffix, subtract: x.type.signed ? 'ssub8' : 'usub8' } },
      ];
      return {
        ...base,
        family: 'dsp',
        template: 'dsp/softmax-table',
        view: { ...view, words, lastWord: depth - 4, suffix, lastIndex: table.length - 1, unroll, steps: steps(unroll, stride), factor: 2 * most, clamped: most + integerAttribute(node!, 'outputZeroPoint') > high },
        arguments: [...base.arguments.filter((a) => a.kind !== 'constant'), { kind: 'constant', name: 'exponentials', data: reversed(table, x.codeRange[0]) }],
        scalars: [],
        ...(words && { support }),
      };
    },
  };
}
