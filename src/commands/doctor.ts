/** `ptq-gen doctor`: which tools were found, their versions, and the exact install command for each missing one. */
import { EXIT } from '../errors.js';
import { table } from '../report/terminal.js';
import { availableTargets, discoverTools, type FoundTool, installCommand, missingTools } from '../toolchains/index.js';
import { targets } from '../targets/index.js';

/** Exit code 0 where every target can be built and run, else 3. */
export async function doctorCommand(): Promise<number> {
  const tools = await discoverTools();
  const rows = [['node', process.version.slice(1), 'the tool itself', process.execPath], ...tools.map(row)];
  const missing = tools.filter((tool) => tool.path === null);
  const ready = availableTargets();
  const lines = [
    table(['tool', 'version', 'for', 'found at, or how to install it'], rows, []),
    '',
    `ready: ${ready.map((target) => target.id).join(', ') || 'no target'}`,
    ...targets.filter((target) => !ready.includes(target)).map((target) => `not ready: ${target.id} needs ${missingTools(target).map((tool) => tool.command).join(', ')}`),
    ...(missing.length > 0 ? ['', `to install all that is missing: ${installCommand(missing)}`] : []),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return missing.length === 0 ? EXIT.ok : EXIT.toolchainMissing;
}

function row(tool: FoundTool): readonly string[] {
  return [tool.command, tool.version ?? (tool.path === null ? 'missing' : 'unknown'), tool.purpose, tool.path ?? installCommand([tool])];
}
