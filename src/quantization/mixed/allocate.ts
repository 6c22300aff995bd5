/**
 * One width a block under the budgets: a multiple-choice integer program (HAWQ-V3, Yao et al., 2021, section 3.4), solved to
 * the proven optimum by HiGHS.
 */
import { UsageError } from '../../errors.js';
import { solve } from '../../solver/index.js';
import { type Costs, RESOURCES, type Resource } from './budget.js';

export interface WidthChoice {
  readonly bits: number;
  /** What this width costs the network's predictions; the sum over the blocks is minimized. */
  readonly sensitivity: number;
  /** `size` and `instructions` add up; of `ram` the largest counts. */
  readonly costs: Costs;
}

export interface AllocationProblem {
  /** Choices with rising bits, at least one each. */
  readonly blocks: readonly { readonly choices: readonly WidthChoice[] }[];
  /** What no choice changes. */
  readonly fixed: Costs;
  readonly limits: Readonly<Partial<Record<Resource, number>>>;
}

export interface Allocation {
  /** One a block. */
  readonly bits: readonly number[];
  readonly sensitivity: number;
  readonly costs: Costs;
  /** Proven distance from the best sensitivity there is, as a fraction of it. */
  readonly gap: number;
}

const TIME_LIMIT_SECONDS = 30;
const MOST_ATTEMPTS = 5;
const ADDITIVE = ['size', 'instructions'] as const;
type Additive = (typeof ADDITIVE)[number];

/** UsageError that names the smallest that each budget can reach. */
export async function allocate(problem: AllocationProblem): Promise<Allocation> {
  const found = await bestAllocation(problem);
  if (found) return found;
  const broken: string[] = [];
  for (const resource of RESOURCES) {
    const limit = problem.limits[resource];
    if (limit === undefined) continue;
    const { [resource]: _left, ...others } = problem.limits;
    const least = await smallest({ ...problem, limits: others }, resource);
    if (least !== null && least > limit) broken.push(`--budget ${resource}=${limit}: no widths take less than ${least}${Object.keys(others).length > 0 ? ' within the other budgets' : ''}`);
  }
  throw new UsageError(broken.length > 0 ? broken.join('; ') : `no widths keep all of --budget ${Object.entries(problem.limits).map(([name, limit]) => `${name}=${limit}`).join(',')}`, {
    hint: 'raise the budget; --edge-bits lets first and last layers go below 8 bits too',
  });
}

/** Null where no widths keep the limits. Of equally good widths the larger. */
export async function bestAllocation(problem: AllocationProblem): Promise<Allocation | null> {
  const solved = await minimize(problem, ({ sensitivity }) => sensitivity);
  if (!solved) return null;
  const chosen = widened(problem, solved.chosen);
  return { bits: chosen.map(({ bits }) => bits), sensitivity: sensitivityOf(chosen), costs: costsOf(problem, chosen), gap: solved.gap };
}

async function smallest(problem: AllocationProblem, resource: Resource): Promise<number | null> {
  if (resource === 'ram') return Math.max(problem.fixed.ram, ...problem.blocks.map(({ choices }) => Math.min(...choices.map(({ costs }) => costs.ram))));
  const solved = await minimize(problem, ({ costs }) => costs[resource]);
  return solved && costsOf(problem, solved.chosen)[resource];
}

interface Solved {
  readonly chosen: readonly WidthChoice[];
  readonly gap: number;
}

/** Null where the limits cannot be kept. */
async function minimize(problem: AllocationProblem, weigh: (choice: WidthChoice) => number): Promise<Solved | null> {
  const { limits, fixed } = problem;
  const ram = limits.ram ?? Infinity;
  const offers = problem.blocks.map(({ choices }) => choices.filter(({ costs }) => costs.ram <= ram));
  if (fixed.ram > ram || offers.some((choices) => choices.length === 0)) return null;
  if (offers.length === 0) return keeps(problem, []) ? { chosen: [], gap: 0 } : null;
  let within = limits;
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const solution = await solve({ text: programText(offers, { fixed, limits: within }, weigh), timeLimitSeconds: TIME_LIMIT_SECONDS });
    if (!solution) return null;
    const value = (block: number, { bits }: WidthChoice) => solution.values.get(variable(block, bits)) ?? 0;
    const chosen = offers.map((choices, i) => choices.reduce((best, choice) => (value(i, choice) > value(i, best) ? choice : best)));
    if (keeps(problem, chosen)) return { chosen, gap: solution.gap };
    within = tightened(within, limits, costsOf(problem, chosen));
  }
  return null;
}

/** The solver's rows hold to a millionth of their largest coefficient: what it went over the limit is taken off. */
function tightened(within: AllocationProblem['limits'], limits: AllocationProblem['limits'], costs: Costs): AllocationProblem['limits'] {
  const excess = (resource: Additive) => Math.max(0, costs[resource] - (limits[resource] ?? Infinity));
  return { ...within, ...Object.fromEntries(ADDITIVE.filter((resource) => excess(resource) > 0).map((resource) => [resource, within[resource]! - excess(resource)])) };
}

function variable(block: number, bits: number): string {
  return `y${block}_${bits}`;
}

/** Rows are scaled to coefficients of at most 1, so that the solver's tolerances mean the same for bytes and instructions. */
function programText(offers: readonly (readonly WidthChoice[])[], { limits, fixed }: Pick<AllocationProblem, 'limits' | 'fixed'>, weigh: (choice: WidthChoice) => number): string {
  const terms = (of: (choice: WidthChoice) => number, scale: number) =>
    offers.flatMap((choices, i) => choices.map((choice) => ({ name: variable(i, choice.bits), factor: of(choice) / scale }))).filter(({ factor }) => factor !== 0).map(({ name, factor }) => `${factor} ${name}`);
  const largest = (of: (choice: WidthChoice) => number) => Math.max(...offers.flatMap((choices) => choices.map((choice) => Math.abs(of(choice))))) || 1;
  const objective = terms(weigh, largest(weigh) / OBJECTIVE_SCALE);
  const oneEach = offers.map((choices, i) => `one${i}: ${choices.map(({ bits }) => variable(i, bits)).join(' + ')} = 1`);
  const within = ADDITIVE.flatMap((resource: Additive) => {
    const limit = limits[resource];
    if (limit === undefined) return [];
    const of = ({ costs }: WidthChoice) => costs[resource];
    const row = terms(of, largest(of));
    return row.length === 0 ? [] : [`${resource}: ${row.join(' + ')} <= ${(limit - fixed[resource]) / largest(of)}`];
  });
  const names = offers.flatMap((choices, i) => choices.map(({ bits }) => variable(i, bits)));
  // Lines stay short: the reader of this format takes 560 characters a line.
  return `Minimize\n cost: ${(objective.length > 0 ? objective : [`0 ${names[0]!}`]).join('\n + ')}\nSubject To\n ${[...oneEach, ...within].map((row) => row.replaceAll(' + ', '\n + ')).join('\n ')}\nBinary\n ${names.join('\n ')}\nEnd\n`;
}

/** Sensitivities span many orders of magnitude: the smallest that matter must stay above the solver's 1e-9. */
const OBJECTIVE_SCALE = 1e6;

function keeps(problem: AllocationProblem, chosen: readonly WidthChoice[]): boolean {
  const costs = costsOf(problem, chosen);
  return RESOURCES.every((resource) => costs[resource] <= (problem.limits[resource] ?? Infinity));
}

/** Wider wherever that is no worse. */
function widened(problem: AllocationProblem, chosen: readonly WidthChoice[]): readonly WidthChoice[] {
  const result = [...chosen];
  problem.blocks.forEach(({ choices }, i) => {
    for (const wider of [...choices].reverse()) {
      if (wider.bits <= result[i]!.bits) break;
      const changed = result.with(i, wider);
      if (wider.sensitivity > result[i]!.sensitivity || !keeps(problem, changed)) continue;
      result[i] = wider;
      break;
    }
  });
  return result;
}

function sensitivityOf(chosen: readonly WidthChoice[]): number {
  return chosen.reduce((sum, choice) => sum + choice.sensitivity, 0);
}

function costsOf({ fixed }: Pick<AllocationProblem, 'fixed'>, chosen: readonly WidthChoice[]): Costs {
  const sum = (resource: Additive) => chosen.reduce((total, { costs }) => total + costs[resource], fixed[resource]);
  return { size: sum('size'), instructions: sum('instructions'), ram: Math.max(fixed.ram, ...chosen.map(({ costs }) => costs.ram)) };
}

/** What given widths cost, limits aside; blocks without the width take their nearest. */
export function uniformAllocation(problem: AllocationProblem, bits: number): Omit<Allocation, 'gap'> {
  const chosen = problem.blocks.map(({ choices }) => choices.reduce((best, choice) => (Math.abs(choice.bits - bits) < Math.abs(best.bits - bits) ? choice : best)));
  return { bits: chosen.map((choice) => choice.bits), sensitivity: sensitivityOf(chosen), costs: costsOf(problem, chosen) };
}
