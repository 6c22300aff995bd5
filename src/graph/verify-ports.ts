/** What both graphs demand of their named inputs and outputs. */
import type { GraphPort } from './float.js';

/** Describes what is wrong with a port of a tensor of `shape`, null where nothing is. */
export function portProblem(port: GraphPort, shape: readonly number[]): string | null {
  const { sourceShape, batchAxis, permutation } = port;
  if (batchAxis !== null && !(Number.isInteger(batchAxis) && batchAxis >= 0 && batchAxis < sourceShape.length)) {
    return `batchAxis ${batchAxis} is no axis of sourceShape [${sourceShape.join(', ')}]`;
  }
  const perSample = sourceShape.filter((_, axis) => axis !== batchAxis);
  if (permutation !== null && [...permutation].sort((a, b) => a - b).join() !== perSample.map((_, i) => i).join()) {
    return `permutation [${permutation.join(', ')}] does not permute ${perSample.length} axes`;
  }
  const permuted = permutation === null ? perSample : permutation.map((axis) => perSample[axis]!);
  if (permuted.join() !== shape.join()) return `sourceShape gives [${permuted.join(', ')}] a sample, the tensor has [${shape.join(', ')}]`;
  return null;
}

/** The first name that occurs twice. */
export function repeated(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
}
