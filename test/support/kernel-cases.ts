/**
 * How many cases of generated kernels equal the simulator. A case is one graph with its inputs, computed by one kernel
 * family with the same options: on however many targets of that family it runs, it counts once. A run is a case on one
 * target. test/run-all.ts adds the lines of all files up.
 */
import { createHash } from 'node:crypto';
import { graphDigest } from '../../src/emit/digest.js';
import type { Codes } from '../../src/graph/integer.js';
import type { Schedule } from '../../src/schedule/index.js';
import { bytesOf } from '../../src/verify/index.js';

export interface KernelCases {
  readonly cases: number;
  readonly runs: number;
}

/** Least number of cases in the whole suite, where every target's tools are there. */
export const LEAST_KERNEL_CASES = 2000;

/** The family that a case stands for: the first that the target prefers among those that compute its steps. */
export function familyOfCase({ steps, target, options }: Schedule): string {
  const used = new Set(steps.flatMap((step) => (step.strips ? step.strips.stages.map((stage) => stage.kernel.family) : [step.kernel.family])));
  return [options.kernels, ...target.families].find((family) => used.has(family)) ?? 'portable';
}

const counted = new Set<string>();

/** Says what one call has compared: the schedules of one run a target each, with the inputs of their cases. */
export function sayKernelCases(runs: readonly { readonly schedule: Schedule; readonly inputs: readonly (readonly Codes[])[] }[]): void {
  const sums = new Map<string, KernelCases>();
  for (const { schedule, inputs } of runs) {
    const family = familyOfCase(schedule);
    const key = keyOf(schedule, family, inputs);
    const { cases, runs: before } = sums.get(family) ?? { cases: 0, runs: 0 };
    sums.set(family, { cases: cases + (counted.has(key) ? 0 : 1), runs: before + 1 });
    counted.add(key);
  }
  for (const [family, { cases, runs: count }] of sums) console.log(`KERNEL-CASES ${family} ${cases} ${count}`);
}

function keyOf({ graph, options }: Schedule, family: string, inputs: readonly (readonly Codes[])[]): string {
  const { layouts: _, ...rest } = options;
  const hash = createHash('sha256').update(JSON.stringify({ family, rest }));
  hash.update(graphDigest({ ...graph, name: '' }));
  for (const codes of inputs.flat()) hash.update(bytesOf(codes));
  return hash.digest('hex');
}

/** Sums the lines of several outputs: family → cases and runs, families in order of their names. */
export function readKernelCases(outputs: readonly string[]): ReadonlyMap<string, KernelCases> {
  const sums = new Map<string, KernelCases>();
  for (const output of outputs) {
    for (const [, family, cases, runs] of output.matchAll(/KERNEL-CASES (\S+) (\d+) (\d+)$/gm)) {
      const sum = sums.get(family!) ?? { cases: 0, runs: 0 };
      sums.set(family!, { cases: sum.cases + Number(cases), runs: sum.runs + Number(runs) });
    }
  }
  return new Map([...sums].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function totalCases(sums: ReadonlyMap<string, KernelCases>): number {
  return [...sums.values()].reduce((sum, { cases }) => sum + cases, 0);
}

/** One line for people. */
export function kernelCasesText(sums: ReadonlyMap<string, KernelCases>): string {
  const families = [...sums].map(([family, { cases }]) => `${family} ${cases}`).join(', ');
  const runs = [...sums.values()].reduce((sum, one) => sum + one.runs, 0);
  return `kernel cases: ${totalCases(sums)} equal the simulator (${families}), in ${runs} runs on targets`;
}
