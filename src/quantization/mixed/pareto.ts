/** The front: the best widths for one budget after the other, from the least there is to 8 bits everywhere. */
import { type Allocation, type AllocationProblem, bestAllocation, uniformAllocation } from './allocate.js';
import type { Resource } from './budget.js';

export interface ParetoPoint extends Allocation {
  /** What this point was allowed of the swept resource. */
  readonly limit: number;
}

const POINTS = 16;

/** Rising limits, that of the problem among them; those that lead to the same widths make one point. Other limits hold throughout. */
export async function paretoFront(problem: AllocationProblem, resource: Resource): Promise<readonly ParetoPoint[]> {
  const front: ParetoPoint[] = [];
  for (const limit of sweep(problem, resource)) {
    const found = await bestAllocation({ ...problem, limits: { ...problem.limits, [resource]: limit } });
    const isNew = found && front.every(({ bits }) => bits.join() !== found.bits.join());
    if (isNew) front.push({ ...found, limit });
  }
  return front;
}

function sweep(problem: AllocationProblem, resource: Resource): readonly number[] {
  const [least, most] = [2, 8].map((bits) => uniformAllocation(problem, bits).costs[resource]).sort((a, b) => a - b) as [number, number];
  const even = Array.from({ length: POINTS }, (_, i) => Math.round(least + ((most - least) * i) / (POINTS - 1)));
  const own = problem.limits[resource];
  return [...new Set([...even, ...(own === undefined ? [] : [own])])].sort((a, b) => a - b);
}
