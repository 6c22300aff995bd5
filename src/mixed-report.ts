/** The decision about bit widths as the report shows it. */
import type { ActualCosts, Decision } from './mixed-precision.js';
import { type Allocation, type AllocationProblem, type ParetoPoint, type Resource, uniformAllocation } from './quantization/mixed/index.js';
import type { ReportMixedLayer, ReportMixedPoint, ReportMixedPrecision } from './report/mixed-precision.js';

export interface Outcome {
  readonly allocation: Allocation;
  readonly actual: ActualCosts;
  readonly limits: AllocationProblem['limits'];
  readonly swept: Resource;
  readonly pareto: readonly ParetoPoint[];
}

export function mixedReport(decision: Decision, { allocation, actual, limits, swept, pareto }: Outcome): ReportMixedPrecision {
  const { request, measured, problem, costs } = decision;
  const { options } = request;
  const counted = [...measured.values()].every(({ instructions }) => instructions !== null);
  const point = ({ bits, sensitivity, costs: spent }: Omit<Allocation, 'gap'>): ReportMixedPoint => ({ bits, objective: sensitivity, ...spent, instructions: counted ? spent.instructions : null });
  const { size, ram, instructions } = point(allocation);
  return {
    budget: (Object.entries(limits) as [Resource, number][]).map(([resource, limit]) => ({ resource, limit })),
    target: costs.target.id,
    sensitivity: options.sensitivity,
    divergence: options.metric === 'top1' ? 'prediction' : 'error',
    objective: allocation.sensitivity,
    gap: allocation.gap,
    predicted: { size, ram, instructions },
    measured: actual,
    chosen: layersOf(decision, allocation, counted),
    swept,
    pareto: pareto.map((one) => ({ limit: one.limit, ...point(one) })),
    // What blocks ask for alone says less of RAM than the network that was scheduled.
    uniform: [...measured].map(([bits, { arenaBytes }]) => ({ name: `w${bits}a${options.bits === 'auto-both' ? bits : 8}`, ...point(uniformAllocation({ ...problem, limits: {} }, bits)), ram: arenaBytes })),
  };
}

function layersOf({ blocks, sensitivities, measured }: Decision, { bits }: Allocation, counted: boolean): readonly ReportMixedLayer[] {
  return blocks.flatMap((block, i) =>
    block.layers.map(({ node, name, parameters, own }, k): ReportMixedLayer => {
      const { measured: byWidth, hessian, traces } = sensitivities[i]!;
      return {
        name,
        block: i,
        parameters,
        weightBits: bits[i]!,
        activationBits: own === null ? (block.activations.length > 0 ? bits[i]! : 8) : Number(own.split('a')[1]),
        averageTrace: traces[k]!,
        choices: block.widths.map((width) => {
          const { weightBytes, instructions } = measured.get(width)!;
          return { bits: width, measured: byWidth.get(width)!, hessian: hessian.get(width)!, size: weightBytes.get(node.id) ?? 0, instructions: counted ? (instructions?.get(node.id) ?? 0) : null };
        }),
      };
    }),
  );
}
