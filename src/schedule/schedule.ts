/** How a target runs an IntegerGraph: derived, never saved in the graph. The simulator reads the graph alone, and every Schedule must reproduce it. */
import type { IntegerGraph, IntegerNode, TensorId } from '../graph/integer.js';
import type { KernelInstance, StoredWeights, SumsForm } from '../operators/kernel.js';
import type { Target } from '../targets/target.js';
import type { StripPlan } from './strips/plan.js';

/** How a layer's weights lie in flash. */
export interface WeightLayout {
  readonly weights: StoredWeights;
  readonly winograd: boolean;
  /** Networks without multiplication. */
  readonly form?: SumsForm;
}

export interface ScheduleOptions {
  readonly kernels: 'auto' | string;
  readonly optimize: 'speed' | 'ram' | 'flash';
  readonly weights: StoredWeights;
  /** Convolutions in the transformed domain are allowed. */
  readonly winograd: boolean;
  /** Most bytes of constants: each layer takes the layout of its weights by what it saves. */
  readonly flashBudget: number | null;
  /** What each node took within the budget. */
  readonly layouts?: ReadonlyMap<string, WeightLayout>;
  /** With optimize `ram`: an arena of that many bytes is small enough. */
  readonly ramBudget?: number;
  /** Inputs stay readable after run. */
  readonly keepInput: boolean;
}

export interface Step {
  readonly index: number;
  readonly nodes: readonly IntegerNode[];
  readonly kernel: KernelInstance;
  /** Activations in the arena (after resolving aliases). */
  readonly reads: readonly TensorId[];
  readonly writes: readonly TensorId[];
  readonly scratchBytes: number;
  /** The nodes run strip by strip, each with its own kernel; `kernel` then stands for the whole. */
  readonly strips?: StripPlan;
}

export interface ArenaPlan {
  /** Byte offset of every activation that has memory; aliases share their root's. */
  readonly offsets: ReadonlyMap<TensorId, number>;
  readonly scratchOffsets: readonly number[];
  readonly bytes: number;
  /** Largest sum of tensors alive at one step of the unfused graph (no in-place, no scratch): the bound that is printed. */
  readonly liveSetBytes: number;
  /** Lower bound for this schedule (in-place and scratch counted), and which heuristic reached `bytes`. */
  readonly lowerBoundBytes: number;
  readonly heuristic: string;
  /** Why no placement is smaller: that many bytes are alive at one step, the solver says so; or nobody proved it. */
  readonly proof: 'live-set' | 'solver' | 'none';
  /** First and last step at which each tensor must hold its value; −1 = before the first step. */
  readonly lifetimes: ReadonlyMap<TensorId, { readonly first: number; readonly last: number; readonly bytes: number }>;
}

export interface Schedule {
  readonly graph: IntegerGraph;
  readonly target: Target;
  readonly options: ScheduleOptions;
  readonly steps: readonly Step[];
  /** Tensor → the tensor whose memory it is. */
  readonly aliases: ReadonlyMap<TensorId, TensorId>;
  readonly arena: ArenaPlan;
  /** Tensors that never exist whole (inside a fused step), or lie packed. */
  readonly unobserved: readonly TensorId[];
}
