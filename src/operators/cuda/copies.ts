/** Copies whose runs are whole words of 4, 8 or 16 bytes: the same copies of fewer and wider elements, one thread a word. */
import { elementCount } from '../../graph/float.js';
import { integerTensor, laneBytes } from '../../graph/integer.js';
import type { CopyAxis, CopyPlan } from '../copy-kernel.js';
import type { Kernel, KernelArgument, KernelContext, KernelInstance } from '../kernel.js';
import { nestView } from '../loop-nest.js';
import { isAllowed, placeText } from './threads.js';

const THREADS = 256;

/** Types of words by their bytes, the widest first. */
const WORDS: readonly (readonly [number, string])[] = [[16, 'int4'], [8, 'int2'], [4, 'int32_t']];

/** What copy-kernel.ts says of a copy. */
interface CopyView {
  readonly plan: CopyPlan;
  readonly run: number;
  readonly tables: readonly { readonly table: string }[];
}

interface JoinView {
  readonly parts: readonly { readonly pointer: string; readonly chunk: number; readonly bytes: number }[];
}

interface Copy {
  readonly instance: KernelInstance;
  readonly view: CopyView;
  readonly inputElements: number;
  readonly outputElements: number;
  readonly word: string;
  /** Elements of a word. */
  readonly width: number;
}

function copyOf(kernels: readonly Kernel[], context: KernelContext): Copy | null {
  const { graph, group: [node] } = context;
  const kernel = kernels.find((one) => isAllowed(one, context) && one.when(context));
  const instance = kernel?.instantiate(context);
  if (!instance || !('plan' in instance.view)) return null;
  const view = instance.view as CopyView;
  const [input, output] = [node!.inputs[0]!, node!.outputs[0]!].map((id) => integerTensor(graph, id)) as [ReturnType<typeof integerTensor>, ReturnType<typeof integerTensor>];
  if (view.run === 0 || output.type.packed) return null;
  const [inputElements, outputElements] = [elementCount(input.shape), elementCount(output.shape)];
  const numbers = [view.run, inputElements, view.plan.base, ...view.plan.axes.flatMap((axis) => ('stride' in axis ? [axis.stride] : axis.offsets))];
  const fits = WORDS.find(([bytes]) => bytes > laneBytes(output.type) && numbers.every((n) => (n * laneBytes(output.type)) % bytes === 0));
  return fits ? { instance, view, inputElements: input.constant ? 0 : inputElements, outputElements, word: fits[1], width: fits[0] / laneBytes(output.type) } : null;
}

export function wordCopies(kernels: readonly Kernel[]): Kernel {
  return {
    family: 'cuda',
    when: (context) => copyOf(kernels, context) !== null,
    instantiate: (context) => instantiate(copyOf(kernels, context)!),
  };
}

function instantiate({ instance, view, inputElements, outputElements, word, width }: Copy): KernelInstance {
  const { base, axes } = view.plan;
  const nest = nestView(axes.map((axis) => ({ size: axis.size, strides: ['stride' in axis ? axis.stride / width : 0] })), [base / width]);
  const tabled = axes.flatMap((axis, depth) => ('offsets' in axis ? [depth] : []));
  const terms = [...(nest.offsets[0] === '0' ? [] : [nest.offsets[0]!]), ...tabled.map((depth, i) => `offsets${i}[i${depth}]`)];
  const run = view.run / width;
  const items = outputElements / width;
  return {
    ...instance,
    family: 'cuda',
    stem: `${instance.stem}_words`,
    view: {
      type: word,
      tables: tabled.map((_, i) => ({ table: `offsets${i}`, type: 'int32_t' })),
      source: terms.join(' + ') || '0',
      run,
      items,
      moves: inputElements > 0 ? [{ pointer: 'input', step: inputElements / width }] : [],
      bySample: true,
      byElement: true,
      indices: indicesOf(axes, run),
    },
    arguments: [...instance.arguments.filter(({ kind }) => kind !== 'constant'), ...tabled.map((depth, i) => tableOf(axes[depth]!, i, width))],
    launch: { threads: THREADS, grid: [`ptq_blocks(batch, ${items}, ${THREADS})`] },
    overlap: [],
  };
}

function tableOf(axis: CopyAxis, i: number, width: number): KernelArgument {
  return { kind: 'constant', name: `offsets${i}`, data: Int32Array.from('offsets' in axis ? axis.offsets : [], (offset) => offset / width) };
}

function indicesOf(axes: readonly CopyAxis[], run: number): readonly { readonly variable: string; readonly text: string }[] {
  return axes.map(({ size }, depth) => {
    const divisor = axes.slice(depth + 1).reduce((product, axis) => product * axis.size, run);
    return { variable: `i${depth}`, text: placeText(divisor, depth > 0 ? size : null) };
  });
}

function joinOf(kernels: readonly Kernel[], context: KernelContext): { readonly instance: KernelInstance; readonly word: readonly [number, string] } | null {
  const instance = kernels.find((one) => isAllowed(one, context) && one.when(context))?.instantiate(context);
  if (!instance || !('parts' in instance.view)) return null;
  const { parts } = instance.view as JoinView;
  const { type } = integerTensor(context.graph, context.group[0]!.outputs[0]!);
  const word = WORDS.find(([bytes]) => bytes > laneBytes(type) && parts.every((part) => part.bytes % bytes === 0));
  return word && !type.packed ? { instance, word } : null;
}

/** Tensors joined along an axis, whose parts of a row are whole words. */
export function wordConcat(kernels: readonly Kernel[]): Kernel {
  return {
    family: 'cuda',
    when: (context) => joinOf(kernels, context) !== null,
    instantiate(context) {
      const { instance, word: [bytes, word] } = joinOf(kernels, context)!;
      const tensors = context.group[0]!.inputs.map((id) => integerTensor(context.graph, id));
      let end = 0;
      const parts = (instance.view as JoinView).parts.map(({ pointer, bytes: chunkBytes }, i) => {
        const first = end;
        end += chunkBytes / bytes;
        const { shape, type, constant } = tensors[i]!;
        return { pointer, chunk: chunkBytes / bytes, first, end, step: (elementCount(shape) * laneBytes(type)) / bytes, isConstant: constant !== undefined };
      });
      const output = integerTensor(context.graph, context.group[0]!.outputs[0]!);
      const items = (elementCount(output.shape) * laneBytes(output.type)) / bytes;
      return {
        ...instance,
        family: 'cuda',
        stem: `${instance.stem}_words`,
        view: { type: word, parts, rowElements: end, items, moves: [], bySample: true, byElement: true, indices: [] },
        launch: { threads: THREADS, grid: [`ptq_blocks(batch, ${items}, ${THREADS})`] },
        overlap: [],
      };
    },
  };
}
