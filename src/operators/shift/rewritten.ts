/** Kernels without multiplication that take the view of the portable one, and another template over it. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelInstance } from '../kernel.js';
import { isMultiplicationFreeRequantize } from './free.js';
import { shiftedStatements } from './terms.js';

type PortableOf = (node: IntegerNode, graph: IntegerGraph) => KernelInstance;

function rewritten(template: string, scalars: readonly string[], portable: PortableOf): Kernel['instantiate'] {
  return ({ graph, group }) => {
    const instance = portable(group[0]!, graph);
    return { ...instance, family: 'shift', template: `shift/${template}`, stem: `${instance.stem}_shift`, scalars: [...scalars, ...instance.scalars] };
  };
}

/** Linear interpolation; nearest pixels are copies. */
export function shiftResize(portable: PortableOf): Kernel {
  return {
    family: 'shift',
    when: ({ group }) => group[0]!.attributes['mode'] === 'linear' && isMultiplicationFreeRequantize(group[0]!),
    instantiate(context) {
      const instance = rewritten('resize', ['productByBits'], portable)(context);
      const { rowUnits, columnUnits } = instance.view as { readonly rowUnits: number; readonly columnUnits: number };
      return { ...instance, view: { ...instance.view, rowPlaces: placesOf(rowUnits), columnPlaces: placesOf(columnUnits) } };
    },
  };
}

/** Power of two, where the units are one. */
function placesOf(units: number): { readonly count: number } | null {
  const count = Math.log2(units);
  return Number.isInteger(count) ? { count } : null;
}

export function shiftShiftGate(portable: PortableOf): Kernel {
  return { family: 'shift', when: ({ group }) => isMultiplicationFreeRequantize(group[0]!), instantiate: rewritten('shift-gate', ['productByBits'], portable) };
}

export function shiftShiftmax(portable: PortableOf): Kernel {
  return { family: 'shift', when: () => true, instantiate: rewritten('shiftmax', [], portable) };
}

/** Rows picked by an input; constant indices are copies. */
export function shiftGatherRows(portable: (node: IntegerNode, graph: IntegerGraph) => KernelInstance | null): Kernel {
  return {
    family: 'shift',
    when: ({ graph, group }) => portable(group[0]!, graph) !== null,
    instantiate({ graph, group }) {
      const instance = portable(group[0]!, graph)!;
      const { run } = instance.view as { readonly run: number };
      return { ...instance, family: 'shift', template: 'shift/gather-rows', stem: `${instance.stem}_shift`, view: { ...instance.view, statements: shiftedStatements('index', run) } };
    },
  };
}
