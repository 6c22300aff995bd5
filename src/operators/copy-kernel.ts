/** The portable kernel of operators that only pick codes: slice, transpose, gather by constant indices, pad by reflection, resize to nearest. */
import type { IntegerGraph, IntegerNode } from '../graph/integer.js';
import { laneBytes } from '../graph/integer.js';
import { expectCopy, expectShape, nodeTensors } from './integer-checks.js';
import type { KernelArgument, KernelInstance } from './kernel.js';
import { nestView } from './loop-nest.js';
import { cType, cTypeOfCodes, typeName } from './views.js';

/** One axis of the output: element i comes from `stride`·i, or from `offsets[i]` (both in elements of the input). */
export type CopyAxis = { readonly size: number; readonly stride: number } | { readonly size: number; readonly offsets: readonly number[] };

export interface CopyPlan {
  readonly base: number;
  readonly axes: readonly CopyAxis[];
}

/** Shorter runs are copied element by element: a call of memcpy would cost more. */
const SHORTEST_RUN_BYTES = 4;

/** Checks an operator whose output codes are input codes. */
export function verifyCopy(node: IntegerNode, graph: IntegerGraph, shape: readonly number[]): void {
  const { inputs, output } = nodeTensors(node, graph, 1, Infinity);
  expectShape(node, output, shape);
  expectCopy(node, inputs[0]!, output);
}

/** Lists of offsets that are regular become strides, axes of one element vanish, neighbours that run on are merged. */
export function simplifyCopy(plan: CopyPlan): CopyPlan {
  let { base } = plan;
  const axes: CopyAxis[] = [];
  for (const given of plan.axes) {
    if (given.size === 1) {
      if ('offsets' in given) base += given.offsets[0]!;
      continue;
    }
    let axis = given;
    if ('offsets' in given) {
      const [first, second] = given.offsets as [number, number];
      const stride = second - first;
      if (given.offsets.every((o, i) => o === first + i * stride)) {
        base += first;
        axis = { size: given.size, stride };
      }
    }
    const outer = axes.at(-1);
    if (outer && 'stride' in outer && 'stride' in axis && outer.stride === axis.size * axis.stride) axes[axes.length - 1] = { size: outer.size * axis.size, stride: axis.stride };
    else axes.push(axis);
  }
  return { base, axes };
}

export function copyInstance(op: string, node: IntegerNode, graph: IntegerGraph, plan: CopyPlan): KernelInstance {
  const { inputs, output } = nodeTensors(node, graph, 1, Infinity);
  const { base, axes } = simplifyCopy(plan);
  const bytes = laneBytes(output.type);
  const last = axes.at(-1);
  const run = last && 'stride' in last && last.stride === 1 && last.size * bytes >= SHORTEST_RUN_BYTES ? last.size : 0;
  const loops = run > 0 ? axes.slice(0, -1) : axes;
  const tables: { name: string; type: string; argument: KernelArgument; term: string }[] = [];
  loops.forEach((axis, depth) => {
    if (!('offsets' in axis)) return;
    const name = `offsets${tables.length}`;
    const data = axis.offsets.every((o) => o < 65536) ? Uint16Array.from(axis.offsets) : Int32Array.from(axis.offsets);
    tables.push({ name, type: cTypeOfCodes(data), argument: { kind: 'constant', name, data }, term: `${name}[i${depth}]` });
  });
  const nest = nestView(loops.map((axis) => ({ size: axis.size, strides: ['stride' in axis ? axis.stride : 0] })), [base]);
  const terms = [...(nest.offsets[0] === '0' ? [] : [nest.offsets[0]!]), ...tables.map((t) => t.term)];
  const name = op.replace(/-/g, '_');
  return {
    family: 'portable',
    template: op,
    stem: `${name}_${typeName(output.type)}`,
    view: { type: cType(output.type), tables: tables.map(({ name: table, type }) => ({ table, type })), nest, source: terms.join(' + ') || '0', run, runBytes: run * bytes, plan: { base, axes: loops } },
    arguments: [{ kind: 'input', tensor: inputs[0]!.id }, { kind: 'output', tensor: output.id }, ...tables.map((t) => t.argument)],
    scratchBytes: 0,
    scalars: [],
  };
}
