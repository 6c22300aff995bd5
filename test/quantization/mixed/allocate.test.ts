/** The integer program against every combination of widths. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { UsageError } from '../../../src/errors.js';
import { allocate, type AllocationProblem, bestAllocation, type WidthChoice } from '../../../src/quantization/mixed/allocate.js';
import type { Costs, Resource } from '../../../src/quantization/mixed/budget.js';
import { paretoFront } from '../../../src/quantization/mixed/pareto.js';

const test = suite('quantization/mixed/allocate');
const RESOURCES: readonly Resource[] = ['size', 'ram', 'instructions'];

const costs = fc.record({ size: fc.integer({ min: 0, max: 40 }), ram: fc.integer({ min: 0, max: 9 }), instructions: fc.integer({ min: 0, max: 5_000_000 }) });
const block = fc.uniqueArray(fc.integer({ min: 2, max: 8 }), { minLength: 1, maxLength: 4 }).chain((widths) =>
  fc.tuple(...widths.sort((a, b) => a - b).map((bits) => fc.record({ bits: fc.constant(bits), sensitivity: fc.constantFrom(0, 1e-6, 3e-4, 0.02, 0.02, 1.5), costs }))).map((choices) => ({ choices: choices as WidthChoice[] })),
);
const limits = fc.record({ size: fc.integer({ min: 20, max: 200 }), ram: fc.integer({ min: 5, max: 9 }), instructions: fc.integer({ min: 1_000_000, max: 25_000_000 }) }, { requiredKeys: [] }) as fc.Arbitrary<AllocationProblem['limits']>;
const problems: fc.Arbitrary<AllocationProblem> = fc.record({ blocks: fc.array(block, { minLength: 1, maxLength: 5 }), fixed: costs, limits });

function total({ fixed }: AllocationProblem, chosen: readonly WidthChoice[]): Costs {
  const sum = (resource: Resource) => chosen.reduce((n, choice) => n + choice.costs[resource], fixed[resource]);
  return { size: sum('size'), instructions: sum('instructions'), ram: Math.max(fixed.ram, ...chosen.map((choice) => choice.costs.ram)) };
}

function* combinations({ blocks }: AllocationProblem, at = 0): Generator<readonly WidthChoice[]> {
  if (at === blocks.length) return yield [];
  for (const rest of combinations({ blocks } as AllocationProblem, at + 1)) for (const choice of blocks[at]!.choices) yield [choice, ...rest];
}

const keeps = (problem: AllocationProblem, chosen: readonly WidthChoice[]) => RESOURCES.every((resource) => total(problem, chosen)[resource] <= (problem.limits[resource] ?? Infinity));
const objective = (chosen: readonly WidthChoice[]) => chosen.reduce((sum, { sensitivity }) => sum + sensitivity, 0);

test('the least sum of sensitivities that keeps every limit, proven; nothing where none does', async () => {
  let solved = 0;
  await fc.assert(
    fc.asyncProperty(problems, async (problem) => {
      const possible = [...combinations(problem)].filter((chosen) => keeps(problem, chosen)).map(objective);
      const found = await bestAllocation(problem);
      assert.is(found === null, possible.length === 0);
      if (!found) return;
      solved++;
      const chosen = problem.blocks.map(({ choices }, i) => choices.find(({ bits }) => bits === found.bits[i])!);
      assert.ok(keeps(problem, chosen));
      assert.equal(found.costs, total(problem, chosen));
      assert.ok(Math.abs(found.sensitivity - objective(chosen)) < 1e-12 && Math.abs(found.sensitivity - Math.min(...possible)) < 1e-11, `${found.sensitivity} where ${Math.min(...possible)} is possible`);
      assert.ok(found.gap < 1e-9);
      const wider = problem.blocks.flatMap(({ choices }, i) => choices.filter(({ bits }) => bits > found.bits[i]!).map((choice) => chosen.with(i, choice)));
      assert.not.ok(wider.some((other) => keeps(problem, other) && objective(other) <= objective(chosen)), 'a wider layer would be no worse');
    }),
    { numRuns: 60, seed: 4 },
  );
  assert.ok(solved > 15, `only ${solved} of the problems have a solution`);
});

const choice = (bits: number, sensitivity: number, size: number, instructions = 0): WidthChoice => ({ bits, sensitivity, costs: { size, ram: 10, instructions } });
const FIXED: Costs = { size: 0, ram: 0, instructions: 100 };

test('what cannot be kept names the least that can', async () => {
  const blocks = [{ choices: [choice(2, 1, 25, 50), choice(8, 0, 100, 10)] }, { choices: [choice(8, 0, 30, 7)] }];
  const refusal = async (limitsOfTest: AllocationProblem['limits']): Promise<string> => {
    try {
      await allocate({ blocks, fixed: FIXED, limits: limitsOfTest });
    } catch (error) {
      assert.instance(error, UsageError);
      return (error as UsageError).message;
    }
    return 'not refused';
  };
  assert.match(await refusal({ size: 54 }), /size=54: no widths take less than 55$/);
  assert.match(await refusal({ ram: 9 }), /ram=9: no widths take less than 10$/);
  assert.match(await refusal({ instructions: 116 }), /instructions=116: no widths take less than 117$/);
  // Each alone can be kept, both together cannot.
  const both = await refusal({ size: 60, instructions: 120 });
  assert.match(both, /size=60: no widths take less than 130 within the other budgets/);
  assert.match(both, /instructions=120: no widths take less than 157 within the other budgets/);
});

test('the front falls, names each choice of widths once, and holds the budget asked for', async () => {
  const layer = (weight: number, size: number) => ({ choices: [2, 4, 8].map((bits) => choice(bits, weight * 4 ** -bits, (size * bits) / 8)) });
  const problem: AllocationProblem = { blocks: [layer(1, 800), layer(3, 400), layer(2, 1600)], fixed: FIXED, limits: { size: 1234 } };
  const front = await paretoFront(problem, 'size');
  assert.ok(front.length > 5 && front.some(({ limit }) => limit === 1234));
  for (const [i, point] of front.entries()) {
    const least = Math.min(...[...combinations(problem)].filter((chosen) => total(problem, chosen).size <= point.limit).map(objective));
    assert.ok(point.costs.size <= point.limit && Math.abs(point.sensitivity - least) < 1e-12);
    if (i > 0) assert.ok(point.sensitivity < front[i - 1]!.sensitivity);
  }
  assert.is(new Set(front.map(({ bits }) => bits.join())).size, front.length);
});

test.run();
