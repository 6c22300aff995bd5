/** IntegerGraph + target → Schedule: kernels, order, memory. */
import type { IntegerGraph } from '../graph/integer.js';
import type { Target } from '../targets/target.js';
import { resolveAliases } from './aliases.js';
import { planMemory } from './memory.js';
import type { Schedule, ScheduleOptions } from './schedule.js';
import { buildSteps } from './steps.js';

export type { ArenaPlan, Schedule, ScheduleOptions, Step } from './schedule.js';

export const DEFAULT_SCHEDULE_OPTIONS: ScheduleOptions = { kernels: 'auto', optimize: 'speed', weights: 'int8', keepInput: false };

export function buildSchedule(graph: IntegerGraph, target: Target, options: ScheduleOptions = DEFAULT_SCHEDULE_OPTIONS): Schedule {
  const aliases = resolveAliases(graph);
  const { steps, unobserved } = buildSteps(graph, target, options, aliases);
  return { graph, target, options, steps, aliases, arena: planMemory(graph, target, steps, aliases, options.keepInput), unobserved };
}
