/** report.json (schemaVersion 1): one object for one target. Scripts depend on it; add freely, rename nothing. */
import type { Mismatch } from '../errors.js';
import type { ReportMixedPrecision } from './mixed-precision.js';
import type { ReportPacking } from './packing.js';

export interface ReportPort {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: string;
  readonly scale: number | null;
  readonly zeroPoint: number | null;
  readonly preprocess: string | null;
}

export interface ReportMismatch {
  /** Seen in the second program, in which fused layers run one by one. */
  readonly unfused: boolean;
  readonly vector: number;
  readonly tensor: string;
  readonly node: string;
  readonly index: readonly number[];
  readonly expected: number;
  readonly actual: number;
  readonly accumulator: number | null;
  readonly multiplier: number | null;
  readonly shift: number | null;
}

export interface ReportLayer {
  readonly name: string;
  readonly op: string;
  /** Kernel family that computes it; null where nothing runs (reshape). */
  readonly kernels: string | null;
  readonly outputShape: readonly number[];
  readonly macs: number;
  readonly instructions: number | null;
  /** The layer whose step computes this one as well, and whose instructions are those of both; its own are null. */
  readonly fusedInto: string | null;
  readonly weightBits: number | null;
  readonly activationBits: number;
  readonly sqnrDb: number | null;
}

export interface ReportVerify {
  readonly ran: boolean;
  readonly bitExact: boolean | null;
  readonly vectors: number;
  readonly tensorsCompared: number;
  /** Tensors that never exist whole in the project, compared in a second program of the same kernels with fusion off. */
  readonly tensorsCheckedUnfused: readonly string[];
  /** Tensors that no run has seen. */
  readonly tensorsUnobserved: readonly string[];
  readonly runner: string | null;
  readonly firstMismatch: ReportMismatch | null;
  /** CRC-32 of each output of every vector, in order: equal across targets that agree. */
  readonly outputCrc32: string | null;
}

export const NOT_RUN: ReportVerify = { ran: false, bitExact: null, vectors: 0, tensorsCompared: 0, tensorsCheckedUnfused: [], tensorsUnobserved: [], runner: null, firstMismatch: null, outputCrc32: null };

/** What does not apply is null in a report. */
export function reportMismatch(mismatch: Mismatch): ReportMismatch {
  return { ...mismatch, unfused: mismatch.unfused ?? false, accumulator: mismatch.accumulator ?? null, multiplier: mismatch.multiplier ?? null, shift: mismatch.shift ?? null };
}

/** The other way round, for the error that names it. */
export function mismatchOf(target: string, { accumulator, multiplier, shift, ...where }: ReportMismatch): Mismatch {
  return { ...where, target, ...(accumulator !== null && { accumulator }), ...(multiplier !== null && { multiplier }), ...(shift !== null && { shift }) };
}

export interface ReportCost {
  readonly instructions: number | null;
  readonly instructionsPerMac: number | null;
  readonly macsExecuted: number;
  /** First vector, on the simple cores that have a model (the fast multiplier), or where the emulator counts cycles. */
  readonly estimatedCycles: number | null;
  /** The same with the small multiplier of 32 cycles. */
  readonly slowMultiplierCycles: number | null;
  readonly arenaBytes: number;
  readonly liveSetBytes: number;
  /** No placement of these steps takes less than arenaLowerBoundBytes: the bytes alive at one step, or what the solver proved; 'none': there may be a smaller one. */
  readonly arenaProof: 'live-set' | 'solver' | 'none';
  readonly arenaLowerBoundBytes: number;
  readonly scratchBytes: number;
  /** Absent where every activation takes a byte a code, or more. */
  readonly packing?: ReportPacking;
  readonly ramBytes: number | null;
  readonly codeBytes: number | null;
  readonly constBytes: number | null;
  readonly flashBytes: number | null;
  readonly stackBytes: number | null;
}

export interface ReportProofs {
  readonly noOverflow: boolean;
  readonly noFloat: boolean | null;
  readonly noMultiply: boolean | null;
  readonly noHeap: boolean | null;
  readonly details: readonly string[];
}

export interface ReportAccuracy {
  readonly metric: string;
  readonly float: number;
  readonly fakeQuant: number | null;
  readonly integer: number;
  /** Share of samples on which float and integer predictions agree. */
  readonly agreement: number | null;
  /** Share of samples on which fake-quantized and integer predictions agree. */
  readonly fakeQuantAgreement?: number | null;
  readonly samples: number;
}

export interface Report {
  readonly schemaVersion: 1;
  readonly tool: string;
  readonly model: {
    readonly name: string;
    readonly sha256: string;
    readonly macs: number;
    readonly params: number;
    readonly inputs: readonly ReportPort[];
    readonly outputs: readonly ReportPort[];
  };
  readonly target: string;
  readonly kernels: string;
  readonly weights: string;
  readonly method: string;
  readonly bits: string;
  readonly arith: string;
  readonly seed: number;
  readonly accuracy: ReportAccuracy | null;
  readonly verify: ReportVerify;
  readonly cost: ReportCost;
  readonly proofs: ReportProofs;
  readonly layers: readonly ReportLayer[];
  /** What exact folding saved. */
  readonly folding: { readonly macsBefore: number; readonly macsAfter: number; readonly channelsRemoved: number; readonly weightBytesRemoved: number };
  /** How `--bits auto` chose the widths; null without it. */
  readonly mixedPrecision?: ReportMixedPrecision | null;
  readonly seconds: { readonly [stage in 'import' | 'calibrate' | 'quantize' | 'simulate' | 'generate' | 'build' | 'run']: number | null };
}
