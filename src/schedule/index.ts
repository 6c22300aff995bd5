/** IntegerGraph + target → Schedule: kernels, order, memory. */
import type { IntegerGraph } from '../graph/integer.js';
import type { Target } from '../targets/target.js';
import { resolveAliases } from './aliases.js';
import { chooseLayouts } from './layouts.js';
import { optimizePlan, planMemory } from './memory.js';
import type { Schedule, ScheduleOptions } from './schedule.js';
import { buildSteps, singleLayers } from './steps.js';
import { buildLeanSteps } from './strips/partition.js';

export type { ArenaPlan, Schedule, ScheduleOptions, Step } from './schedule.js';

export const DEFAULT_SCHEDULE_OPTIONS: ScheduleOptions = { kernels: 'auto', optimize: 'speed', weights: 'int8', winograd: false, flashBudget: null, keepInput: false };

export function buildSchedule(graph: IntegerGraph, target: Target, given: ScheduleOptions = DEFAULT_SCHEDULE_OPTIONS): Schedule {
  const aliases = resolveAliases(graph);
  const options = withLayouts(graph, target, given, aliases);
  const { steps, unobserved } = options.optimize === 'ram' && !target.features.manyThreads ? buildLeanSteps(graph, target, options, aliases) : buildSteps(graph, target, options, aliases);
  return { graph, target, options, steps, aliases, arena: planMemory(graph, target, steps, aliases, options.keepInput), unobserved };
}

/** The same kernels with fusion off: each layer is a step of its own, so that every tensor exists whole. Takes a larger arena. */
export function buildUnfused(graph: IntegerGraph, target: Target, given: ScheduleOptions): Schedule {
  const aliases = resolveAliases(graph);
  const options = withLayouts(graph, target, given, aliases);
  const { steps, unobserved } = buildSteps(graph, target, options, aliases, singleLayers);
  return { graph, target, options, steps, aliases, arena: planMemory(graph, target, steps, aliases, options.keepInput), unobserved };
}

function withLayouts(graph: IntegerGraph, target: Target, given: ScheduleOptions, aliases: Schedule['aliases']): ScheduleOptions {
  if (given.flashBudget === null || given.layouts) return given;
  return { ...given, layouts: chooseLayouts(graph, target, given, aliases, given.flashBudget) };
}

/** The same schedule in the least arena, with the proof, where the heuristics left a gap. */
export async function optimizeArena(schedule: Schedule): Promise<Schedule> {
  const { target, steps, aliases, arena } = schedule;
  return { ...schedule, arena: await optimizePlan(target, steps, aliases, arena) };
}
