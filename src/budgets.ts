/** Budgets of firmware CI: what the user allowed against what was measured. */
import type { BrokenBudget } from './errors.js';
import type { RoadOptions } from './options.js';
import type { Report } from './report/report.js';

export type Budget = BrokenBudget;

/** Every budget that the user set, with its measured value; one that could not be measured counts as broken (actual NaN). */
export function budgetsOf(report: Report, options: Pick<RoadOptions, 'maxRam' | 'maxFlash' | 'maxInstructions' | 'minAccuracy'>): Budget[] {
  const all: [Budget['name'], number | undefined, number | null][] = [
    ['ram', options.maxRam, report.cost.ramBytes],
    ['flash', options.maxFlash, report.cost.flashBytes],
    ['instructions', options.maxInstructions, report.cost.instructions],
    ['accuracy', options.minAccuracy, report.accuracy?.integer ?? null],
  ];
  return all.flatMap(([name, limit, actual]) => (limit === undefined ? [] : [{ name, limit, actual: actual ?? Number.NaN }]));
}

export function isBroken(budget: Budget): boolean {
  const holds = budget.name === 'accuracy' ? budget.actual >= budget.limit : budget.actual <= budget.limit;
  return !holds;
}
