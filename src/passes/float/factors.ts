/** Transposes and reshapes in a row, seen on axes split so finely that the reshapes do nothing. */
import type { Permutation } from './permutations.js';

/** A part of an axis; split further when a reshape cuts through it. */
interface Factor {
  size: number;
  parts?: readonly [Factor, Factor];
}

type Axes = readonly (readonly Factor[])[];

export type MoveStep = { readonly permutation: Permutation } | { readonly shape: readonly number[] };

/**
 * The whole chain as: reshape to `shape`, transpose by `permutation`, reshape to the end. Null where a reshape cuts an
 * axis at a place that is no divisor.
 */
export function factorChain(source: readonly number[], steps: readonly MoveStep[]): { readonly shape: readonly number[]; readonly permutation: Permutation } | null {
  const start: Axes = source.map((size) => [{ size }]);
  let axes: Axes = start;
  for (const step of steps) {
    if ('permutation' in step) {
      const before = axes;
      axes = step.permutation.map((axis) => before[axis]!);
    } else {
      const regrouped = regroup(leaves(axes.flat()), step.shape);
      if (!regrouped) return null;
      axes = regrouped;
    }
  }
  return merged(leaves(start.flat()), leaves(axes.flat()));
}

function leaves(factors: readonly Factor[]): Factor[] {
  return factors.flatMap((factor) => (factor.parts ? leaves(factor.parts) : factor.size === 1 ? [] : [factor]));
}

function regroup(factors: Factor[], shape: readonly number[]): Axes | null {
  const queue = [...factors];
  const axes: Factor[][] = [];
  for (const size of shape) {
    const axis: Factor[] = [];
    let left = size;
    while (left > 1) {
      const factor = queue.shift();
      if (!factor) return null;
      const outer = Math.min(left, factor.size);
      if (left % outer !== 0 || factor.size % outer !== 0) return null;
      if (outer === factor.size) axis.push(factor);
      else {
        factor.parts = [{ size: outer }, { size: factor.size / outer }];
        axis.push(factor.parts[0]);
        queue.unshift(factor.parts[1]);
      }
      left /= outer;
    }
    axes.push(axis);
  }
  return axes;
}

/** Factors that stay neighbours are one axis. */
function merged(source: readonly Factor[], result: readonly Factor[]): { readonly shape: readonly number[]; readonly permutation: Permutation } {
  const positions = result.map((factor) => source.indexOf(factor));
  const runs: { first: number; size: number }[] = [];
  positions.forEach((position, i) => {
    const run = runs.at(-1);
    if (run && i > 0 && position === positions[i - 1]! + 1) run.size *= source[position]!.size;
    else runs.push({ first: position, size: source[position]!.size });
  });
  const ordered = [...runs].sort((a, b) => a.first - b.first);
  return { shape: ordered.map((run) => run.size), permutation: runs.map((run) => ordered.indexOf(run)) };
}
