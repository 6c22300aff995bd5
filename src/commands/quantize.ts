/** `ptq-gen quantize MODEL -o q.ptq.json`: stops at the integer graph. */
import { resolve } from 'node:path';
import { UsageError } from '../errors.js';
import { saveIntegerGraph } from '../graph/serialize.js';
import { resolveOptions, type GivenOptions } from '../options.js';
import { quantizeModel } from '../pipeline.js';
import { terminalProgress } from '../progress.js';

export async function quantizeCommand(given: GivenOptions): Promise<void> {
  const { out, ...rest } = given;
  const path = resolve(out!);
  if (!path.endsWith('.ptq.json')) throw new UsageError(`'${out}' does not end in .ptq.json`, { hint: 'the weights go beside it into .ptq.bin' });
  const { graph } = await quantizeModel(resolveOptions(rest), terminalProgress());
  await saveIntegerGraph(graph, path);
  process.stdout.write(`${path}\n`);
}
