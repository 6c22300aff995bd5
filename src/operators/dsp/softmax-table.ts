/** Softmax by a table of exponentials, in both integer forms: what does not change from element to element is taken out of the loops. */
import type { Codes, IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { inPlaceInputs } from '../binary.js';
import { nodeTensors } from '../integer-checks.js';
import type { Kernel, KernelInstance, SupportText } from '../kernel.js';
import { softmaxShares } from '../softmax-shares.js';
import { cTypeOfCodes, signedTerm } from '../views.js';

/** Fields of the portable kernel's view that this one reads. */
interface SoftmaxView {
  readonly depth: number;
  readonly stride: number;
  readonly high: number;
}

/** Elements a round of the loops, by preference. */
const UNROLL = [4, 5, 3, 2];

/** Elements of a round, at their distance from the row's first. */
function elements(unroll: number, stride: number): readonly { readonly index: number; readonly element: string }[] {
  return Array.from({ length: unroll }, (_, index) => {
    const element = index === 0 ? 'i' : `i + ${index}`;
    return { index, element: stride === 1 ? element : `(${element}) * ${stride}` };
  });
}

/** From the largest distance to none. The place of the code 0 must lie inside: negative codes may be the largest. */
function reversed(table: Codes, lowest: number): Codes {
  const length = table.length + Math.max(0, -lowest);
  const out = table instanceof Uint16Array ? new Uint16Array(length) : new Int32Array(length);
  out.set([...table].reverse());
  return out;
}

export function dspSoftmaxTable(portable: (node: IntegerNode, graph: IntegerGraph) => KernelInstance): Kernel {
  return {
    family: 'dsp',
    when({ features, graph, group: [node] }) {
      const shares = features.dsp && features.unalignedAccess ? softmaxShares(node!, graph) : null;
      return shares !== null && shares.zeroPoint >= nodeTensors(node!, graph, 1, 2).output.codeRange[0];
    },
    instantiate({ graph, group: [node] }) {
      const base = portable(node!, graph);
      const { exponentials, steps, zeroPoint, twin, largest } = softmaxShares(node!, graph)!;
      const { depth, stride, high } = base.view as SoftmaxView;
      const x = nodeTensors(node!, graph, 1, 2).inputs[0]!;
      const data = reversed(exponentials, x.codeRange[0]);
      const unroll = UNROLL.find((n) => depth % n === 0) ?? 1;
      const words = stride === 1 && depth >= 4;
      const suffix = x.type.signed ? 's8' : 'u8';
      const support: readonly SupportText[] = [
        { template: 'dsp/lanes', view: {} },
        { template: 'dsp/byte-maximum', view: { suffix, subtract: x.type.signed ? 'ssub8' : 'usub8' } },
      ];
      return {
        ...base,
        family: 'dsp',
        template: 'dsp/softmax-table',
        view: {
          ...base.view,
          words,
          lastWord: depth - 4,
          suffix,
          exponentialType: cTypeOfCodes(data),
          lastIndex: exponentials.length - 1,
          unroll,
          elements: elements(unroll, stride),
          steps,
          twin,
          zeroPointTerm: signedTerm(zeroPoint),
          clamped: largest > high,
        },
        arguments: [...base.arguments.filter((a) => a.kind === 'input' || a.kind === 'output'), { kind: 'constant', name: 'exponentials', data }],
        scratchBytes: 0,
        scalars: twin ? ['twinShare'] : [],
        inPlace: inPlaceInputs({ ...node!, inputs: [x.id] }, graph),
        ...(words && { support }),
      };
    },
  };
}
