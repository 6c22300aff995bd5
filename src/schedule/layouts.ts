/**
 * Layouts of weights within a budget of flash: from the smallest of every layer upwards, always the change that saves most
 * instructions a byte; the fastest of every layer at once where all of them fit. Instructions are those that the kernels
 * predict of themselves.
 */
import { UsageError } from '../errors.js';
import type { IntegerGraph, IntegerNode, TensorId } from '../graph/integer.js';
import type { KernelInstance } from '../operators/kernel.js';
import type { Target } from '../targets/target.js';
import type { ScheduleOptions, WeightLayout } from './schedule.js';
import { firstMatch, type Search, searchOf } from './steps.js';

interface Choice {
  readonly layout: WeightLayout;
  readonly bytes: number;
  readonly instructions: number;
}

const PLAIN: WeightLayout = { weights: 'int8', winograd: false };
const DIRECT_LAYOUTS: readonly WeightLayout[] = [PLAIN, { weights: 'packed', winograd: false }, { weights: 'int16', winograd: false }];
const FORMS_OF_SUMS: readonly WeightLayout[] = (['lists', 'unrolled', 'shared'] as const).map((form) => ({ ...PLAIN, form }));
const TRANSFORMED: WeightLayout = { weights: 'int16', winograd: true };

/** Layout of every layer that has a choice, by the id of its node. Throws UsageError where the smallest take more than the budget. */
export function chooseLayouts(graph: IntegerGraph, target: Target, options: ScheduleOptions, aliases: ReadonlyMap<TensorId, TensorId>, budget: number): ReadonlyMap<string, WeightLayout> {
  const layouts = graph.provenance.arith === 'shift' ? FORMS_OF_SUMS : options.winograd ? [...DIRECT_LAYOUTS, TRANSFORMED] : DIRECT_LAYOUTS;
  const search = searchOf(graph, target, options, aliases);
  const offers = search.nodes.map((node, at) => layouts.flatMap((layout) => choiceOf(search, node, at, layout)));
  const resultOf = (chosen: readonly (Choice | undefined)[]) => new Map(search.nodes.map((node, at) => [node.id, chosen[at]?.layout ?? PLAIN]));
  const fastest = offers.map(fastestOf);
  // One layout for all layers that allow it also needs the least code.
  if (bytesOf(fastest) <= budget) return resultOf(fastest);
  const chosen = offers.map(smallestOf);
  let free = budget - bytesOf(chosen);
  if (free < 0) throw new UsageError(`the constants take ${budget - free} bytes at least, more than --flash-budget ${budget}`, { hint: 'raise the budget or choose a smaller model' });
  for (let best = bestChange(offers, chosen, free); best; best = bestChange(offers, chosen, free)) {
    free -= best.choice.bytes - chosen[best.at]!.bytes;
    chosen[best.at] = best.choice;
  }
  return resultOf(chosen);
}

function bytesOf(choices: readonly (Choice | undefined)[]): number {
  return choices.reduce((sum, choice) => sum + (choice?.bytes ?? 0), 0);
}

/** Of equally small ones the first. */
function smallestOf(choices: readonly Choice[]): Choice | undefined {
  return choices.reduce<Choice | undefined>((best, choice) => (best && best.bytes <= choice.bytes ? best : choice), undefined);
}

/** Of equally fast ones the last. */
function fastestOf(choices: readonly Choice[]): Choice | undefined {
  return choices.reduce<Choice | undefined>((best, choice) => (best && best.instructions < choice.instructions ? best : choice), undefined);
}

function choiceOf(search: Search, node: IntegerNode, at: number, layout: WeightLayout): readonly Choice[] {
  const options = { ...search.options, layouts: new Map([[node.id, layout]]) };
  const kernel = firstMatch({ ...search, options }, at)?.kernel;
  return kernel ? [{ layout, bytes: flashBytes(kernel), instructions: kernel.instructions ?? Infinity }] : [];
}

/** Constants, and code that stands for weights. */
function flashBytes(kernel: KernelInstance): number {
  return kernel.arguments.reduce((sum, a) => sum + (a.kind === 'constant' ? a.data.byteLength : 0), kernel.codeBytes ?? 0);
}

/** The change that fits and saves most instructions a byte; null where nothing is left to save. */
function bestChange(offers: readonly (readonly Choice[])[], chosen: readonly (Choice | undefined)[], free: number): { readonly at: number; readonly choice: Choice } | null {
  let best: { readonly at: number; readonly choice: Choice; readonly rate: number } | null = null;
  for (const [at, choices] of offers.entries()) {
    const now = chosen[at];
    if (!now) continue;
    for (const choice of choices) {
      const saved = now.instructions - choice.instructions;
      const bytes = choice.bytes - now.bytes;
      if (!(saved > 0) || bytes > free) continue;
      const rate = saved / Math.max(bytes, 1);
      if (!best || rate > best.rate) best = { at, choice, rate };
    }
  }
  return best;
}
