/** What a generated project says about itself (`test/manifest.json`): all that building, running and comparing need. */
import type { TensorId } from '../graph/integer.js';
import type { ScheduleOptions } from '../schedule/schedule.js';

export interface ManifestStep {
  readonly index: number;
  /** Names of the graph's nodes that it computes. */
  readonly nodes: readonly string[];
  /** C function that the step calls. */
  readonly kernel: string;
}

export interface ManifestTensor {
  readonly id: TensorId;
  /** Byte offset in the arena. */
  readonly offset: number;
  readonly bytes: number;
  readonly laneBytes: 1 | 2 | 4;
  readonly signed: boolean;
  /** The step that writes it; −1 for inputs. */
  readonly step: number;
}

export interface ManifestPort {
  readonly name: string;
  readonly tensor: TensorId;
}

/** A library that the model calls, compiled from the user's own checkout; paths are relative to it. */
export interface ManifestExternal {
  readonly name: string;
  /** Environment and CMake variable that holds the checkout. */
  readonly variable: string;
  readonly includes: readonly string[];
  readonly sources: readonly string[];
}

export interface ProjectManifest {
  readonly schemaVersion: 1;
  /** C identifier: prefix of every symbol, stem of every file. */
  readonly modelName: string;
  /** sha256 of the integer graph. */
  readonly digest: string;
  readonly target: string;
  readonly arenaBytes: number;
  readonly arenaAlignment: number;
  readonly steps: readonly ManifestStep[];
  /** Every tensor that exists whole in the arena (inputs and outputs included). */
  readonly tensors: readonly ManifestTensor[];
  readonly inputs: readonly ManifestPort[];
  readonly outputs: readonly ManifestPort[];
  /** C sources of the model, relative to the project. */
  readonly sources: readonly string[];
  readonly external?: ManifestExternal;
  /** A run leaves something for the next one. */
  readonly hasStates?: true;
  /** Compiled for size (`--optimize flash`) instead of speed. */
  readonly smallCode?: true;
  /** `--arith shift`: nothing that a run reaches may multiply or divide. */
  readonly withoutMultiplication?: true;
  /** Where tensors live inside fused steps: what it takes to generate the same kernels with fusion off, which shows them. */
  readonly fusion?: Omit<ScheduleOptions, 'layouts'>;
}
