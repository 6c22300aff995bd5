/** A strip plan as one step of the schedule. */
import type { IntegerNode } from '../../graph/integer.js';
import type { KernelInstance, SupportText } from '../../operators/kernel.js';
import { packingView } from './packed-rows.js';
import { needsPadding, stripDistance, type StripPlan } from './plan.js';

/** Stands for the whole: its arguments and its needs are those of the step; the emitter writes the loop. */
export function stripKernel(plan: StripPlan, nodes: readonly IntegerNode[]): KernelInstance {
  const kernels = plan.stages.map((s) => s.kernel);
  const external = kernels.find((k) => k.external)?.external;
  return {
    family: [...new Set(kernels.map((k) => k.family))].join('+'),
    template: 'strips/loop',
    stem: `strips_${nodes.length}`,
    view: {},
    arguments: [...plan.sources.map((tensor) => ({ kind: 'input', tensor }) as const), { kind: 'output', tensor: plan.sink.tensor }, { kind: 'scratch' }],
    scratchBytes: plan.scratchBytes,
    scalars: [...new Set(kernels.flatMap((k) => k.scalars))],
    support: [...kernels.flatMap((k) => k.support ?? []), ...rowFunctions(plan)],
    overlap: plan.sources.map((source, input) => ({ input, distanceBytes: stripDistance(plan, source) })),
    ...(external && { external }),
  };
}

/** What the loop calls beside the kernels. */
function rowFunctions(plan: StripPlan): readonly SupportText[] {
  const produced = plan.buffers.filter((b) => !plan.sources.includes(b.tensor));
  const templates = [
    ...(plan.sources.every((id) => plan.packed.has(id)) ? [] : ['strips/take-rows']),
    ...(produced.some((b) => needsPadding(b, plan)) ? ['strips/pad-rows'] : []),
    ...(plan.buffers.some((b) => b.held > b.rows) ? ['strips/drop-rows'] : []),
  ];
  return [...templates.map((template) => ({ template, view: {} })), ...packingFunctions(plan)];
}

function packingFunctions({ packed, sink }: StripPlan): readonly SupportText[] {
  return [...packed].map(([id, rows]) => ({ template: id === sink.tensor ? 'strips/put-packed-rows' : 'strips/take-packed-rows', view: packingView(rows) }));
}
