/** Simple CUDA kernels: one thread an output, or one warp a row. Views and constants are those of the portable kernel of the same name. */
import { elementCount } from '../../graph/float.js';
import { type IntegerGraph, type IntegerNode, integerTensor } from '../../graph/integer.js';
import { rowMajorStrides } from '../loop-nest.js';
import { isMultiplicationFree } from '../shift/free.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';

const THREADS = 256;

/** What a template of templates/cuda adds to the view of the template of the same name below templates/c. */
interface Twin {
  /** Threads for every element of the output (the default), or warps for every row of a view with `outer` and `stride`, or `rows`. */
  readonly each?: 'row';
  /** Names of the pointers whose samples lie apart, in the order of the inputs, where a thread must find its own sample. */
  readonly pointers?: readonly string[];
  /** The text counts elements of one sample. */
  readonly byElement?: boolean;
  /** Of templates/cuda, where it has another name. */
  readonly template?: string;
  /** Loops of the portable kernel that become indices. */
  readonly nest?: 'nest' | 'outer';
  readonly view?: (view: PortableView, node: IntegerNode, graph: IntegerGraph) => object;
}

interface Loop {
  readonly variable: string;
  readonly size: number;
}

/** Fields that some portable views have. */
interface PortableView {
  readonly nest?: { readonly loops: readonly Loop[]; readonly offsets: readonly string[] };
  readonly outer?: number | { readonly loops: readonly Loop[] };
  readonly stride?: number;
  readonly rows?: number;
  readonly run?: number;
  readonly parts?: readonly { readonly chunk: number }[];
}

const FLAT: Twin = {};
const COPY: Twin = { pointers: ['input'], byElement: true, nest: 'nest' };
const BINARY: Twin = { pointers: ['a', 'b'], byElement: true, nest: 'nest', view: ({ nest }) => ({ nest: { loops: [], closings: [], indent: '  ', offsets: nest!.offsets } }) };
const WINDOW: Twin = { pointers: ['input'], byElement: true };
const ROW: Twin = { each: 'row' };

const TWINS: Readonly<Record<string, Twin>> = {
  requantize: FLAT,
  clamp: FLAT,
  unary: FLAT,
  'unary-interpolated': FLAT,
  'input-table': FLAT,
  'shift-gate': FLAT,
  add: BINARY,
  sub: BINARY,
  mul: BINARY,
  slice: COPY,
  transpose: COPY,
  gather: COPY,
  'pad-copy': COPY,
  'resize-nearest': COPY,
  'gather-rows': { pointers: ['table', 'indices'], byElement: true },
  concat: { byElement: true, view: joinedView },
  pad: { pointers: ['input'], byElement: true, view: paddedView },
  'max-pool2d': WINDOW,
  'average-pool2d': WINDOW,
  'average-pool2d-tflite': WINDOW,
  reduce: { ...WINDOW, nest: 'outer' },
  'reduce-max': { ...WINDOW, nest: 'outer' },
  resize: WINDOW,
  dense: FLAT,
  'conv2d-general': WINDOW,
  'depthwise-conv2d-general': WINDOW,
  'conv2d-transpose': WINDOW,
  matmul: { pointers: ['input_a', 'input_b'], byElement: true },
  softmax: ROW,
  'softmax-tflite': ROW,
  shiftmax: ROW,
  'layer-norm': ROW,
  'group-norm': ROW,
  'shift/addition': BINARY,
  'shift/mul': BINARY,
  'shift/pool': WINDOW,
  'shift/resize': WINDOW,
  'shift/gather-rows': { pointers: ['table', 'indices'], byElement: true },
  'shift/unary-interpolated': FLAT,
  'shift/shift-gate': FLAT,
  'shift/matmul-wide': { pointers: ['input_a', 'input_b'], byElement: true },
  'shift/softmax': ROW,
  'shift/shiftmax': { ...ROW, template: 'shiftmax' },
};

/** What texts for many threads call besides what the kernel of one sample does. */
export const TWIN_SCALARS: Readonly<Record<string, readonly string[]>> = { 'average-pool2d': ['quotientByReciprocal'] };

/** The first of these kernels, best first, that has a template for threads. */
export function onThreads(kernels: readonly Kernel[]): Kernel {
  const find = (context: KernelContext): KernelInstance | undefined => {
    for (const kernel of kernels.filter((one) => (one.nodes ?? 1) === 1 && isAllowed(one, context))) {
      if (!kernel.when(context)) continue;
      const instance = kernel.instantiate(context);
      if (TWINS[instance.template]) return instance;
    }
    return undefined;
  };
  return {
    family: 'cuda',
    when: (context) => find(context) !== undefined,
    instantiate: (context) => twinOf(find(context)!, context.group[0]!, context.graph),
  };
}

/** Networks of shifts take no kernel that might multiply. */
export function isAllowed({ family }: Kernel, { graph, group }: KernelContext): boolean {
  const isShift = graph.provenance.arith === 'shift';
  return family === 'portable' ? !isShift || isMultiplicationFree(group[0]!, graph) : isShift && family === 'shift';
}

function twinOf(instance: KernelInstance, node: IntegerNode, graph: IntegerGraph): KernelInstance {
  const { template } = instance;
  const twin = TWINS[template]!;
  const portable = instance.view as PortableView;
  const items = twin.each === 'row' ? rowsOf(portable) : elementCount(integerTensor(graph, node.outputs[0]!).shape);
  const moves = movesOf(instance, twin, graph);
  const view = {
    ...portable,
    ...twin.view?.(portable, node, graph),
    items,
    moves,
    bySample: moves.length > 0 || twin.byElement === true,
    byElement: twin.byElement === true,
    indices: twin.nest ? indicesOf(portable, twin.nest) : [],
  };
  return {
    ...instance,
    family: 'cuda',
    template: twin.template ?? template,
    view,
    arguments: instance.arguments.filter(({ kind }) => kind !== 'scratch'),
    launch: { threads: THREADS, grid: [twin.each === 'row' ? `ptq_blocks(batch, ${items}, ${THREADS / 32})` : `ptq_blocks(batch, ${items}, ${THREADS})`] },
    scratchBytes: 0,
    scalars: [...instance.scalars, ...(TWIN_SCALARS[template] ?? [])],
    ...(twin.each === 'row' && { support: [{ template: 'warp', view: {} }] }),
    // Every lane has read its row before one of them writes.
    overlap: [],
  };
}

function rowsOf({ outer, stride = 1, rows }: PortableView): number {
  return typeof outer === 'number' ? outer * stride : rows!;
}

/** Pointers that begin at the thread's own sample; constants have none. */
function movesOf({ arguments: list }: KernelInstance, { pointers = [] }: Twin, graph: IntegerGraph): readonly { readonly pointer: string; readonly step: number }[] {
  const inputs = list.flatMap((argument) => (argument.kind === 'input' ? [integerTensor(graph, argument.tensor)] : []));
  return pointers.flatMap((pointer, i) => (inputs[i]!.constant ? [] : [{ pointer, step: elementCount(inputs[i]!.shape) }]));
}

/** Loop variables from the number of the output's element: the last loop turns fastest. */
function indicesOf(view: PortableView, name: 'nest' | 'outer'): readonly { readonly variable: string; readonly text: string }[] {
  const { loops } = view[name] as { readonly loops: readonly Loop[] };
  return loops.map(({ variable, size }, depth) => {
    const divisor = loops.slice(depth + 1).reduce((product, loop) => product * loop.size, view.run ? view.run : 1);
    return { variable, text: placeText(divisor, depth > 0 ? size : null) };
  });
}

export function placeText(divisor: number, size: number | null): string {
  return `element${divisor > 1 ? ` / ${divisor}` : ''}${size === null ? '' : ` % ${size}`}`;
}

/** Where the parts of a row begin and end. */
function joinedView({ parts }: PortableView, node: IntegerNode, graph: IntegerGraph): object {
  let end = 0;
  const placed = parts!.map((part, i) => {
    const first = end;
    end += part.chunk;
    return { ...part, first, end, step: elementCount(integerTensor(graph, node.inputs[i]!).shape), isConstant: integerTensor(graph, node.inputs[i]!).constant !== undefined };
  });
  return { parts: placed, rowElements: end };
}

/** The axes of a padded tensor: the output's place on each, what lies before the input, the input's size and stride. */
function paddedView(_view: PortableView, node: IntegerNode, graph: IntegerGraph): object {
  const [input, output] = [integerTensor(graph, node.inputs[0]!), integerTensor(graph, node.outputs[0]!)];
  const amounts = node.attributes['amounts'] as unknown as readonly (readonly number[])[];
  const strides = rowMajorStrides(input.shape);
  const axes = input.shape.map((size, i) => {
    const divisor = elementCount(output.shape.slice(i + 1));
    return { place: placeText(divisor, i > 0 ? output.shape[i]! : null), before: amounts[i]![0]!, size, stride: strides[i]! };
  });
  return { axes };
}
