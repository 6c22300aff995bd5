/** Means, sums and maxima over adjacent axes on Helium: all columns of a window, or one row. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { integerAttribute } from '../attributes.js';
import { type ReducedAxes, type ReducedShape, reducedShapeOf } from '../dsp/reduce.js';
import { nodeTensors } from '../integer-checks.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import { signedTerm } from '../views.js';
import { maximaView, MOST_TAPS, rescaledEnd, sumsView } from './pools.js';
import { endView, isBytes } from './products.js';
import { type VectorRequantize, vectorRequantize } from './requantize.js';

type Portable = (node: IntegerNode, graph: IntegerGraph) => KernelInstance;

interface Reduction {
  readonly shape: ReducedShape;
  readonly isMaximum: boolean;
}

/** Null where no function takes the node: other axes between the reduced ones, or too many codes for 16 bits. */
function reductionOf({ features, graph, group: [node] }: KernelContext, axesOf: ReducedAxes): Reduction | null {
  const { inputs: [x], output } = nodeTensors(node!, graph, 1);
  const shape = reducedShapeOf(axesOf(node!, x!.shape.length), x!.shape);
  if (!features.mve || !shape || !isBytes(x!) || x!.constant || !isBytes(output)) return null;
  const isMaximum = node!.attributes['function'] === 'max';
  if (isMaximum) return shape.inner > 1 ? { shape, isMaximum } : null;
  if (shape.inner === 1) return { shape, isMaximum };
  return shape.count <= MOST_TAPS && vectorRequantize(node!, 1) ? { shape, isMaximum } : null;
}

/** One row after the other, requantized by the scalar functions. */
function rows(base: KernelInstance, node: IntegerNode, { shape }: Reduction, signed: boolean): KernelInstance {
  const suffix = signed ? 's8' : 'u8';
  const view = { ...base.view, ...shape, suffix, offset: signedTerm(-integerAttribute(node, 'inputZeroPoint') * shape.count) };
  return { ...base, family: 'mve', template: 'mve/reduce-rows', view, support: [{ template: 'mve/sum-row', view: { suffix, lane: suffix } }] };
}

export function mveReduce(portable: Portable, axesOf: ReducedAxes): Kernel {
  return {
    family: 'mve',
    when: (context) => reductionOf(context, axesOf) !== null,
    instantiate(context) {
      const [node] = context.group as readonly [IntegerNode];
      const { inputs: [x], output } = nodeTensors(node, context.graph, 1);
      const reduction = reductionOf(context, axesOf)!;
      const base = portable(node, context.graph);
      const { shape, isMaximum } = reduction;
      if (shape.inner === 1) return rows(base, node, reduction, x!.type.signed);
      const body = isMaximum ? maximaView(x!, shape.inner, false) : sumsView(x!, shape.inner, rescaledEnd(vectorRequantize(node, 1)!, output, false));
      const end = isMaximum ? { multiplier: 0, shift: 0, offset: 0, zeroPoint: 0, low: 0, high: 0 } : endOf(vectorRequantize(node, 1)!, -integerAttribute(node, 'inputZeroPoint') * shape.count);
      return {
        ...base,
        family: 'mve',
        template: 'mve/reduce-columns',
        stem: `${base.stem}_columns_mve`,
        view: { ...base.view, ...shape, ...end, body: `ptq_mve_${isMaximum ? 'maxima' : 'sums'}_${body.suffix}` },
        scalars: [],
        support: [{ template: 'mve/window-job', view: {} }, { template: isMaximum ? 'mve/window-maxima' : 'mve/window-sums', view: body }],
      };
    },
  };
}

function endOf(requantize: VectorRequantize, offset: number) {
  return { ...endView(requantize), ...requantize.channels[0]!, offset: offset + 0 };
}
