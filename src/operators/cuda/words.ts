/**
 * Element-wise operators, pools and interpolation of four codes a thread: a warp reads and writes runs of 128 bytes in one instruction, where one
 * code a thread moves 32. Views are those of the kernel of one sample.
 */
import { elementCount } from '../../graph/float.js';
import { type IntegerTensor, integerTensor, laneBytes } from '../../graph/integer.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import { cType } from '../views.js';
import { isAllowed, TWIN_SCALARS } from './threads.js';

const THREADS = 256;
const CODES = 4;

/** Types of four lanes, by the bytes of one. */
const WORDS: Readonly<Record<number, string>> = { 1: 'uint32_t', 2: 'uint2', 4: 'uint4' };

/** Templates below templates/cuda/words by those of the kernels of one sample: element by element, with the names of the inputs. */
const FLAT: Readonly<Record<string, { readonly template: string; readonly inputs: readonly string[] }>> = {
  unary: { template: 'unary', inputs: ['input'] },
  requantize: { template: 'requantize', inputs: ['input'] },
  clamp: { template: 'clamp', inputs: ['input'] },
  add: { template: 'addition', inputs: ['a', 'b'] },
  sub: { template: 'addition', inputs: ['a', 'b'] },
  mul: { template: 'mul', inputs: ['a', 'b'] },
  'shift/addition': { template: 'shift-addition', inputs: ['a', 'b'] },
};

/** Four channels of one pixel of the output. */
const PIXELS: ReadonlySet<string> = new Set(['max-pool2d', 'average-pool2d', 'average-pool2d-tflite', 'resize']);

interface Found {
  readonly instance: KernelInstance;
  readonly inputs: readonly IntegerTensor[];
  readonly output: IntegerTensor;
}

/** The kernel that one thread a code would follow. */
function find(kernels: readonly Kernel[], context: KernelContext): Found | null {
  const { graph, group: [node] } = context;
  const kernel = kernels.find((one) => (one.nodes ?? 1) === 1 && isAllowed(one, context) && one.when(context));
  if (!kernel) return null;
  const instance = kernel.instantiate(context);
  const inputs = instance.arguments.flatMap((argument) => (argument.kind === 'input' ? [integerTensor(graph, argument.tensor)] : []));
  const found = { instance, inputs, output: integerTensor(graph, node!.outputs[0]!) };
  return [...found.inputs, found.output].some(({ type }) => type.packed) ? null : found;
}

/** Every operand has the shape of the output, of whole words. */
function isFlat({ instance, inputs, output }: Found): boolean {
  return FLAT[instance.template] !== undefined && elementCount(output.shape) % CODES === 0 && inputs.every(({ shape }) => shape.join() === output.shape.join());
}

function flat({ instance, inputs, output }: Found): KernelInstance {
  const { template, inputs: names } = FLAT[instance.template]!;
  const items = elementCount(output.shape);
  const sources = inputs.map((tensor, i) => ({
    name: names[i]!,
    type: cType(tensor.type),
    word: WORDS[laneBytes(tensor.type)]!,
    place: tensor.constant ? `first % ${items}` : 'first',
  }));
  return {
    ...instance,
    family: 'cuda',
    template: `words/${template}`,
    stem: `${instance.stem}_words`,
    view: { ...instance.view, items, sources, outputType: cType(output.type), outputWord: WORDS[laneBytes(output.type)]!, nest: { loops: [], closings: [], indent: '    ', offsets: ['i', 'i'] } },
    launch: { threads: THREADS, grid: [`ptq_blocks(batch, ${items / CODES}, ${THREADS})`] },
    scratchBytes: 0,
    overlap: [],
  };
}

function isOfPixels({ instance, inputs: [input], output }: Found): boolean {
  return PIXELS.has(instance.template) && output.shape.at(-1)! % CODES === 0 && [input!, output].every(({ type }) => laneBytes(type) === 1);
}

function ofPixels({ instance, inputs: [input], output }: Found): KernelInstance {
  const items = elementCount(output.shape) / CODES;
  return {
    ...instance,
    family: 'cuda',
    template: `words/${instance.template}`,
    stem: `${instance.stem}_words`,
    view: { ...instance.view, items, groups: output.shape.at(-1)! / CODES, inputElements: elementCount(input!.shape), inputWords: elementCount(input!.shape) / CODES },
    launch: { threads: THREADS, grid: [`ptq_blocks(batch, ${items}, ${THREADS})`] },
    scratchBytes: 0,
    scalars: [...instance.scalars, ...(TWIN_SCALARS[instance.template] ?? [])],
    overlap: [],
  };
}

export function codesInWords(kernels: readonly Kernel[]): Kernel {
  const fits = (context: KernelContext): Found | null => {
    const found = find(kernels, context);
    return found && (isFlat(found) || isOfPixels(found)) ? found : null;
  };
  return {
    family: 'cuda',
    when: (context) => fits(context) !== null,
    instantiate(context) {
      const found = fits(context)!;
      return isFlat(found) ? flat(found) : ofPixels(found);
    },
  };
}
