/** The seam between an operator and the C (or CUDA) function that computes it. */
import type { Codes, IntegerGraph, IntegerNode, TensorId } from '../graph/integer.js';
import type { TargetFeatures } from '../targets/target.js';

/** `packed`: codes that fit fewer bits lie several to a byte, see packing.ts. */
export type StoredWeights = 'int8' | 'int16' | 'packed';

/** How sums without multiplication are written: lists of taps that a loop walks, instructions a tap, or the same with sums of pairs shared. */
export type SumsForm = 'lists' | 'unrolled' | 'shared';

/** What a kernel candidate may look at. A group is the nodes it would compute; a group of one is the normal case. */
export interface KernelContext {
  readonly graph: IntegerGraph;
  readonly group: readonly IntegerNode[];
  readonly features: TargetFeatures;
  readonly optimize: 'speed' | 'ram' | 'flash';
  /** How weights lie in flash; kernels without that form store int8. */
  readonly weights: StoredWeights;
  /** Code is scarce: a body that other layers have as well comes before the fastest for each. */
  readonly shareCode: boolean;
  /** Weights may be stored in the transformed domain. */
  readonly winograd: boolean;
  /** Form of sums without multiplication; the kernel's own choice unless said. */
  readonly form?: SumsForm;
}

/** One argument of the emitted function, in the order of its parameters. */
export type KernelArgument =
  /** Pointer to an activation in the arena (or to a constant that stands where an activation may stand). */
  | { readonly kind: 'input' | 'output'; readonly tensor: TensorId }
  /** Pointer to constant data laid out for this kernel; equal data are stored once. */
  | { readonly kind: 'constant'; readonly name: string; readonly data: Codes; readonly alignment?: number }
  /** Pointer to scratch memory, `scratchBytes` long, dead outside the call. */
  | { readonly kind: 'scratch' };

/** Functions that kernels of several layers share: rendered once a project where text is equal, before all kernels. */
export interface SupportText {
  /** Template path below templates/c without .hbs: `dsp/products`. */
  readonly template: string;
  /** Fields of the template; they must be part of the names that it defines. */
  readonly view: object;
}

/** A library that the user has: what generated code includes, and where its files lie in a checkout. */
export interface ExternalLibrary {
  readonly name: string;
  /** Environment and CMake variable that holds the checkout. */
  readonly variable: string;
  /** Folders of headers, relative to the checkout. */
  readonly includes: readonly string[];
  readonly headers: readonly string[];
}

/** How a CUDA kernel is started: its template then lies below templates/cuda, and its last parameter is `int32_t batch`. */
export interface KernelLaunch {
  /** Threads of a block, as the template's PTQ_KERNEL says them. */
  readonly threads: number;
  /** Blocks in x and y: C expressions of `batch`. */
  readonly grid: readonly [string, string?];
  /** Dynamic shared memory of a block, where the template asks for it by PTQ_DYNAMIC_SHARED. */
  readonly sharedBytes?: number;
}

/** `int32_t` that a launched kernel takes between its pointers and `batch`. */
export interface LaunchValue {
  readonly name: string;
  readonly value: number;
}

/** Another kernel for the same arguments, constants and results, better where a condition holds that only the launch knows. */
export interface LaunchVariant {
  readonly template: string;
  readonly stem: string;
  readonly view: object;
  readonly launch: KernelLaunch;
  /** C++ expression of `batch` and `model->device` (ptq_device in templates/cuda/project/ptq_cuda.h). */
  readonly when: string;
}

/** A kernel for one group, ready to render. Equal text is emitted once and shared between layers. */
export interface KernelInstance {
  readonly family: string;
  /** Template path below templates/c (templates/cuda where it is launched) without .hbs: `conv2d`, or `dsp/conv2d` for an override. */
  readonly template: string;
  /** Stem of the function's name by the grammar `<op>_<in>_<weights>[_<variant>]`: `conv2d_s8_s8pc`. */
  readonly stem: string;
  /** Fields of the template; it also gets `name` (the function's name). Plain data only: the text must depend on nothing else. */
  readonly view: object;
  readonly arguments: readonly KernelArgument[];
  /** Kernels of many threads only; a kernel without it computes one sample. */
  readonly launch?: KernelLaunch;
  /** Of the kernel and its variants. */
  readonly values?: readonly LaunchValue[];
  /** The first one whose condition holds is launched instead. */
  readonly variants?: readonly LaunchVariant[];
  readonly scratchBytes: number;
  /** Predicted instructions of one call, where layouts of weights compete. */
  readonly instructions?: number;
  /** Predicted bytes of code that no other layer shares, where the weights are code. */
  readonly codeBytes?: number;
  /** Scalar functions (of sim/scalar) that the text calls. */
  readonly scalars: readonly string[];
  /** Static functions that the text calls, in the order in which they must be defined. */
  readonly support?: readonly SupportText[];
  /** The library that the text calls, and the sources that it needs, relative to the checkout. */
  readonly external?: { readonly library: ExternalLibrary; readonly sources: readonly string[] };
  /** Indices of inputs whose memory the output may overwrite element by element (same lane width, read before written). */
  readonly inPlace?: readonly number[];
  /** How far the output may reach into inputs that die here: see KernelOverlap. */
  readonly overlap?: readonly KernelOverlap[];
}

/**
 * The output may overwrite input bytes that the kernel has read for the last time: safe where the output starts at least
 * `distanceBytes` before the input (a negative number: it may start that much after it).
 */
export interface KernelOverlap {
  /** Index among the arguments of kind `input`. */
  readonly input: number;
  readonly distanceBytes: number;
}

export interface Kernel {
  readonly family: string;
  /** How many consecutive nodes it takes; 1 unless said. */
  readonly nodes?: number;
  when(context: KernelContext): boolean;
  instantiate(context: KernelContext): KernelInstance;
}
