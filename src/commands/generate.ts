/** `ptq-gen generate q.ptq.json --target T --out DIR`: writes the C project, builds nothing. */
import { UsageError } from '../errors.js';
import { resolveOptions, type GivenOptions } from '../options.js';
import { runRoad } from '../pipeline.js';
import { terminalProgress } from '../progress.js';

export async function generateCommand(given: GivenOptions): Promise<void> {
  const options = resolveOptions({ ...given, build: false, run: false });
  if (!options.model.endsWith('.ptq.json')) throw new UsageError(`'${options.model}' is no .ptq.json`, { hint: "make one with 'ptq-gen quantize'" });
  if (options.targets.length === 0) throw new UsageError('no target is named', { hint: "add --target cortex-m7; 'ptq-gen targets' lists them" });
  for (const result of await runRoad(options, terminalProgress())) process.stdout.write(`${result.directory}\n`);
}
