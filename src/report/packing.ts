/** Activations that lie several codes a byte in the arena, and what that costs. */
import { integerTensor } from '../graph/integer.js';
import type { Schedule } from '../schedule/schedule.js';
import { packedTensors, packingInstructions } from '../schedule/strips/packed-rows.js';

export interface ReportPacking {
  /** Bits that a code takes, bytes of the tensor in the arena. */
  readonly tensors: readonly { readonly name: string; readonly bits: number; readonly bytes: number }[];
  /** Predicted for one inference: every tensor packed once, and unpacked by each step that reads it. */
  readonly predictedInstructions: number;
}

/** Null where every code takes a byte. */
export function packingOf({ graph, steps }: Pick<Schedule, 'graph' | 'steps'>): ReportPacking | null {
  const tensors = [...packedTensors(steps)].map(([id, { bits, height, rowBytes }]) => ({ name: integerTensor(graph, id).name, bits, bytes: height * rowBytes }));
  const instructions = steps.flatMap(({ strips }) => [...(strips?.packed.values() ?? [])].map((rows) => rows.height * packingInstructions(rows)));
  return tensors.length === 0 ? null : { tensors, predictedInstructions: Math.round(instructions.reduce((sum, n) => sum + n, 0)) };
}
