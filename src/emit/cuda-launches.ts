/** How the steps of a schedule become launches of CUDA kernels: one that computes a sample runs once a thread, a sample each. */
import { type Codes, integerTensor, laneBytes, type TensorId } from '../graph/integer.js';
import type { KernelArgument, KernelLaunch } from '../operators/kernel.js';
import { tensorBytes } from '../schedule/lifetimes.js';
import { arenaAlignment } from '../schedule/memory.js';
import type { Schedule, Step } from '../schedule/schedule.js';
import { wrapList } from './c-text.js';
import type { DeviceConstants } from './cuda-constants.js';
import type { KernelFunction, KernelFunctions } from './kernels.js';
import type { UniqueNames } from './names.js';
import { constantStem, userOf } from './project.js';

/** Few samples a block: a thread has much to do and many registers. */
const SAMPLE_THREADS = 32;

export interface Launches {
  /** One statement a step. */
  readonly statements: readonly string[];
  /** Kernels that call a function of one sample in every thread. */
  readonly wrappers: readonly string[];
}

/** `const int8_t *input` → its type and its name. */
interface Parameter {
  readonly type: string;
  readonly name: string;
}

export function launchesOf(schedule: Schedule, kernels: KernelFunctions, names: UniqueNames, constants: DeviceConstants): Launches {
  const functions = new Map(kernels.functions.map((f) => [f.name, f]));
  const wrappers = new Map<string, string>();
  const statements = schedule.steps.map((step) => {
    const called = functions.get(kernels.nameOfStep[step.index]!)!;
    const parameters = parametersOf(called);
    const pointers = step.kernel.arguments.map((argument, i) => pointerText(schedule, step, argument, parameters[i]!, constants));
    const { launch, values = [], variants = [] } = step.kernel;
    pointers.push(...values.map(({ value }) => String(value)));
    if (launch) return chosenText(variants.map((variant) => [variant.when, launchText(kernels.nameOfVariant.get(variant)!, variant.launch, pointers)]), launchText(called.name, launch, pointers));
    const body = wrapperBody(called, parameters, stridesOf(schedule, step));
    const name = wrappers.get(body) ?? names.claim(`${called.name}_batch`);
    wrappers.set(body, name);
    return launchText(name, { threads: SAMPLE_THREADS, grid: [`ptq_blocks(batch, 1, ${SAMPLE_THREADS})`] }, pointers);
  });
  return { statements, wrappers: [...wrappers].map(([body, name]) => body.replace('{{name}}', name)) };
}

function launchText(name: string, { grid, threads, sharedBytes = 0 }: KernelLaunch, pointers: readonly string[]): string {
  return wrapList('PTQ_LAUNCH', [name, `dim3(${grid.filter(Boolean).join(', ')})`, String(threads), String(sharedBytes), 'stream', ...pointers, 'batch'], '  ', ';');
}

/** `variants`: conditions and statements, of which the first one that holds is taken. */
function chosenText(variants: readonly (readonly [string, string])[], otherwise: string): string {
  if (variants.length === 0) return otherwise;
  const branches = variants.map(([condition, statement]) => `if (${condition}) {\n${indented(statement)}\n  } else `);
  return `  ${branches.join('')}{\n${indented(otherwise)}\n  }`;
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ');
}

/** Parameters of the function, without the `batch` of a launched kernel. */
function parametersOf({ name, code }: KernelFunction): readonly Parameter[] {
  const list = code.slice(code.indexOf(`${name}(`) + name.length + 1).split(')')[0]!;
  const parameters = list.split(',').map((text) => /^(.*?[*\s])(\w+)$/.exec(text.replace(/\s+/g, ' ').trim())!);
  return parameters.map(([, type, parameter]) => ({ type: type!.trim(), name: parameter! })).filter((p) => p.type.endsWith('*') || p.type.endsWith('__restrict__'));
}

function wrapperBody({ name }: KernelFunction, parameters: readonly Parameter[], strides: readonly Stride[]): string {
  const list = [...parameters.map((p) => `${p.type}${p.name}`), 'int32_t batch'];
  const values = parameters.map((p, i) => placeOfSample(p, strides[i]!));
  return [
    wrapList(`PTQ_KERNEL(${SAMPLE_THREADS}) {{name}}`, list, '', ' {'),
    `  const int32_t sample = (int32_t)(blockIdx.x * ${SAMPLE_THREADS}u + threadIdx.x);`,
    '  if (sample < batch) {',
    wrapList(name, values, '    ', ';'),
    '  }',
    '}',
  ].join('\n');
}

function placeOfSample({ type, name }: Parameter, { bytes, lane }: Stride): string {
  if (bytes === 0) return name;
  return lane === 0 ? `(${type})((uint8_t *)${name} + sample * ${bytes})` : `${name} + sample * ${bytes / lane}`;
}

/** How far apart the samples of an argument lie, 0 where all share it; `lane` is 0 for scratch, whose type is the kernel's own. */
interface Stride {
  readonly bytes: number;
  readonly lane: number;
}

function stridesOf({ graph, target }: Schedule, step: Step): readonly Stride[] {
  const alignment = arenaAlignment(target);
  return step.kernel.arguments.map((argument) => {
    if (argument.kind === 'constant') return { bytes: 0, lane: 1 };
    if (argument.kind === 'scratch') return { bytes: Math.ceil(step.scratchBytes / alignment) * alignment, lane: 0 };
    const tensor = integerTensor(graph, argument.tensor);
    return tensor.constant ? { bytes: 0, lane: 1 } : { bytes: tensorBytes(graph, argument.tensor), lane: tensor.type.packed ? 1 : laneBytes(tensor.type) };
  });
}

function pointerText(schedule: Schedule, step: Step, argument: KernelArgument, parameter: Parameter, constants: DeviceConstants): string {
  const { arena, graph, aliases } = schedule;
  const cast = `(${parameter.type.replace(' __restrict__', '')})`;
  const inArena = (offset: number): string => `${cast}ptq_tensor(model, ${offset})`;
  const constant = (stem: string, data: Codes, user: string): string => `${cast}ptq_constant(model, ${constants.add(stem, data, user)})`;
  switch (argument.kind) {
    case 'scratch':
      return inArena(arena.scratchOffsets[step.index]!);
    case 'constant':
      return constant(constantStem(step, argument.name), argument.data, `${userOf(step)}: ${argument.name}`);
    default: {
      const root: TensorId = aliases.get(argument.tensor) ?? argument.tensor;
      const { constant: data, name } = integerTensor(graph, root);
      if (data) return constant(`${step.nodes[0]!.op}_${step.index}_constant`, data.data, `${userOf(step)}: ${name}`);
      return inArena(arena.offsets.get(argument.tensor) ?? arena.offsets.get(root)!);
    }
  }
}
