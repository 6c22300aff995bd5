/** The library that a project calls: what its sources include and its build compiles from the user's checkout. */
import { IntegerGraphError } from '../errors.js';
import type { Schedule } from '../schedule/schedule.js';
import type { ManifestExternal } from './manifest.js';

export interface ExternalView extends ManifestExternal {
  readonly headers: readonly string[];
}

/** Null where every step is self-contained. */
export function externalOf({ steps }: Schedule): ExternalView | null {
  const kernels = steps.flatMap(({ kernel, strips }) => [kernel, ...(strips?.stages ?? []).map((stage) => stage.kernel)]);
  const uses = kernels.flatMap(({ external }) => external ?? []);
  const [first] = uses;
  if (!first) return null;
  const other = uses.find(({ library }) => library.name !== first.library.name);
  if (other) throw new IntegerGraphError(`a project cannot call two libraries, ${first.library.name} and ${other.library.name}`);
  const { name, variable, includes, headers } = first.library;
  return { name, variable, includes, headers, sources: [...new Set(uses.flatMap((use) => use.sources))].sort() };
}
