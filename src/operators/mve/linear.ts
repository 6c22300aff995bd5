/** Fully connected layers and convolutions of one pixel: rows times weights. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelArgument, KernelContext, KernelInstance } from '../kernel.js';
import { biasClassesOf, type LinearTensors } from '../linear/integer.js';
import { linearStem } from '../linear/kernels.js';
import { rowsOverlap } from '../overlap.js';
import { cType } from '../views.js';
import { fitsVectors, LANES, planProducts, type ProductsPlan } from './products.js';

export interface MatrixLayer {
  readonly t: LinearTensors;
  readonly rows: number;
  readonly channels: number;
  readonly depth: number;
}

/** `read` gives the layer as a matrix product, null where it is none. */
export function matrixKernel(variant: string, read: (node: IntegerNode, graph: IntegerGraph) => MatrixLayer | null): Kernel {
  return {
    family: 'mve',
    when(context) {
      const layer = read(context.group[0]!, context.graph);
      return layer !== null && !biasClassesOf(context.group[0]!) && fitsVectors(context, layer.t, layer.channels) !== null;
    },
    instantiate(context) {
      const layer = read(context.group[0]!, context.graph)!;
      const plan = planProducts(context, layer.t, layer, fitsVectors(context, layer.t, layer.channels)!);
      const rows = { blocked: plan.block > 1, rows: layer.rows, lastRow: layer.rows - plan.block };
      return productsInstance(context, layer.t, plan, { template: 'mve/multiply', variant, view: rows, scratchBytes: 0, overlap: overlapOf(layer, plan) });
    },
  };
}

/** Rows that do not stay in registers are read again for every four channels. */
function overlapOf({ t, rows, depth, channels }: MatrixLayer, { block, keepsRows }: ProductsPlan): KernelInstance['overlap'] {
  return rowsOverlap(rows, depth, channels, t.x, t.y, { pixels: block, overlappingTail: true, ...(!keepsRows && { block: channels % LANES === 0 ? LANES : channels % LANES }) });
}

interface InstancePart {
  readonly template: string;
  readonly variant: string;
  readonly view: object;
  readonly more?: readonly KernelArgument[];
  readonly support?: KernelInstance['support'];
  readonly scratchBytes: number;
  readonly overlap: KernelInstance['overlap'];
}

export function productsInstance({ group: [node] }: KernelContext, t: LinearTensors, plan: ProductsPlan, part: InstancePart): KernelInstance {
  return {
    family: 'mve',
    template: part.template,
    stem: linearStem(node.op.replaceAll('-', '_'), t, node, `${part.variant}${part.variant && '_'}mve`),
    view: { ...plan.view, ...part.view, outputType: cType(t.y.type) },
    arguments: [
      { kind: 'input', tensor: node.inputs[0] },
      { kind: 'output', tensor: node.outputs[0] },
      { kind: 'constant', name: 'stream', data: plan.stream, alignment: 4 },
      ...(part.more ?? []),
      ...(part.scratchBytes > 0 ? [{ kind: 'scratch' } as const] : []),
    ],
    scratchBytes: part.scratchBytes,
    scalars: [],
    overlap: part.overlap ?? [],
    support: [...(part.support ?? []), ...plan.support],
  };
}
