/** `ptq-gen targets`: the targets and what each needs. */
import { EXIT } from '../errors.js';
import { table } from '../report/terminal.js';
import { targets } from '../targets/index.js';
import { installCommand, missingTools, toolsOf } from '../toolchains/index.js';

export function targetsCommand(): number {
  const rows = targets.map((target) => {
    const missing = missingTools(target);
    const runner = target.runner.kind === 'cuda-emulation' ? 'an emulation on this machine' : target.runner.kind === 'host' ? 'this machine' : `${target.runner.command} ${target.runner.kind === 'simavr' ? '-m' : '-M'} ${target.runner.machine}`;
    return [
      target.id,
      target.title,
      runner,
      toolsOf(target).map((tool) => tool.command).join(', '),
      missing.length === 0 ? 'ready' : installCommand(missing),
    ];
  });
  process.stdout.write(`${table(['target', 'what it is', 'runs on', 'needs', 'state'], rows, [])}\n`);
  return EXIT.ok;
}
