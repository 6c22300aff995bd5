/**
 * The family `cmsis-nn`: steps as calls of Arm's library, compiled from the user's own checkout. Only where the call
 * gives the same bits: TFLite's double rounding, 8-bit codes, a shape that the library computes right.
 */
import type { Codes, IntegerNode, IntegerTensor } from '../../graph/integer.js';
import type { ExternalLibrary, KernelArgument, KernelContext, KernelInstance } from '../kernel.js';

export const FAMILY = 'cmsis-nn';

export const CMSIS_NN: ExternalLibrary = { name: FAMILY, variable: 'CMSIS_NN_DIR', includes: ['Include'], headers: ['arm_nnfunctions.h'] };

/** Names of source files: `arm_convolve_s8` lies in the folder of convolutions. */
type Folder = 'Convolution' | 'NNSupport' | 'FullyConnected' | 'BasicMath' | 'Pooling' | 'Softmax' | 'Transpose';

export function sources(folder: Folder, ...names: readonly string[]): readonly string[] {
  return names.map((name) => `Source/${folder}Functions/${name}.c`);
}

export interface Call {
  /** Template below templates/c/cmsis-nn. */
  readonly template: string;
  readonly stem: string;
  readonly view: object;
  readonly arguments: readonly KernelArgument[];
  readonly scratchBytes?: number;
  readonly inPlace?: readonly number[];
  readonly sources: readonly string[];
}

/** A step that calls the library. The scratch pointer, where there is one, is the last parameter. */
export function callInstance({ template, stem, view, arguments: list, scratchBytes = 0, inPlace, sources: files }: Call): KernelInstance {
  return {
    family: FAMILY,
    template: `cmsis-nn/${template}`,
    stem: `${stem}_cmsis_nn`,
    view: { ...view, scratchBytes, hasScratch: scratchBytes > 0 },
    arguments: [...list, ...(scratchBytes > 0 ? [{ kind: 'scratch' } as const] : [])],
    scratchBytes,
    scalars: [],
    ...(inPlace && { inPlace }),
    external: { library: CMSIS_NN, sources: files },
  };
}

/** Lanes that the library's `_s8` functions take. */
export function isByte({ type }: IntegerTensor): boolean {
  return type.bits <= 8 && type.signed && !type.packed;
}

export function nodeOf({ group }: KernelContext): IntegerNode {
  return group[0]!;
}

export interface DoubleRounding {
  /** One, or one an output channel; shifts to the left are positive. */
  readonly multipliers: readonly number[];
  readonly shifts: readonly number[];
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
}

/** Constants of TFLite's double rounding, the library's default build; null for any other mode. */
export function doubleRounding({ requantize, bounds }: IntegerNode): DoubleRounding | null {
  if (requantize?.mode !== 'tfliteDouble' || (bounds && bounds.accumulatorBits !== 32)) return null;
  const { multiplier, shift, zeroPoint, clamp } = requantize;
  return { multipliers: multiplier, shifts: shift, zeroPoint, low: clamp[0], high: clamp[1] };
}

/** The same for a function that takes one entry for each of `channels`. */
export function perChannelArguments({ multipliers, shifts }: DoubleRounding, channels: number): readonly KernelArgument[] {
  return [constant('multipliers', spread(multipliers, channels)), constant('shifts', spread(shifts, channels))];
}

function spread(list: readonly number[], channels: number): Codes {
  return Int32Array.from({ length: channels }, (_, i) => list[list.length === 1 ? 0 : i]!);
}

export function constant(name: string, data: Codes): KernelArgument {
  return { kind: 'constant', name, data };
}
