/** A strip plan as one step of the schedule. */
import type { IntegerNode } from '../../graph/integer.js';
import type { KernelInstance } from '../../operators/kernel.js';
import { stripDistance, type StripPlan } from './plan.js';

/** Stands for the whole: its arguments and its needs are those of the step; the emitter writes the loop. */
export function stripKernel(plan: StripPlan, nodes: readonly IntegerNode[]): KernelInstance {
  const kernels = plan.stages.map((s) => s.kernel);
  const external = kernels.find((k) => k.external)?.external;
  return {
    family: [...new Set(kernels.map((k) => k.family))].join('+'),
    template: 'strips',
    stem: `strips_${nodes.length}`,
    view: {},
    arguments: [...plan.sources.map((tensor) => ({ kind: 'input', tensor }) as const), { kind: 'output', tensor: plan.sink.tensor }, { kind: 'scratch' }],
    scratchBytes: plan.scratchBytes,
    scalars: [...new Set(kernels.flatMap((k) => k.scalars))],
    support: [...kernels.flatMap((k) => k.support ?? []), { template: 'strip-rows', view: {} }],
    overlap: plan.sources.map((source, input) => ({ input, distanceBytes: stripDistance(plan, source) })),
    ...(external && { external }),
  };
}
