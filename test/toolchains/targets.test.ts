import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ToolchainMissingError, UsageError } from '../../src/errors.js';
import { findTarget, parseTargets, targets } from '../../src/targets/index.js';
import { installCommand, missingTools, requireTools } from '../../src/toolchains/index.js';
import { repositoryRoot } from '../support/bench.js';

const test = suite('targets');

/** The rows that toolchains.md must hold. */
const rows = targets.map(({ id, flags, runner, disassembler }) => {
  const runs = !('command' in runner) ? (runner.kind === 'host' ? 'this machine' : 'an emulation on this machine') : `\`${[runner.command, runner.kind === 'simavr' ? '-m' : '-M', runner.machine, ...runner.args].join(' ')}\``;
  return `| \`${id}\` | ${flags.length === 0 ? 'none' : `\`${flags.join(' ')}\``} | ${runs} | ${disassembler ? `\`${disassembler.command}\`` : 'PTX and cubin are read'} |`;
});

// UPDATE=1 writes the table anew
test('toolchains.md lists the targets as they are', () => {
  const file = join(repositoryRoot(), 'toolchains.md');
  const text = readFileSync(file, 'utf8');
  if (process.env['UPDATE'] === '1') writeFileSync(file, text.replace(/(\n\| `[a-z0-9-]+` \| .*)+/, `\n${rows.join('\n')}`));
  const listed = readFileSync(file, 'utf8').split('\n').filter((line) => /^\| `[a-z0-9-]+` \| /.test(line));
  assert.equal(listed, rows);
});

test('names are unique, files complete, families end with portable', () => {
  assert.is(new Set(targets.map((target) => target.id)).size, targets.length);
  for (const target of targets) {
    assert.is(target.families.at(-1), 'portable');
    const harness = join(repositoryRoot(), 'templates/c/project/harness');
    for (const file of [target.linkerScript, target.startup]) if (file !== null) assert.ok(readFileSync(join(harness, file)).length > 0);
    assert.is(target.linkerScript === null, ['native', 'avr', 'ptx'].includes(target.isa));
  }
});

test('an unknown target is a UsageError that lists all', () => {
  assert.throws(() => findTarget('cortex-m9'), (error: UsageError) => error instanceof UsageError && /cortex-m9/.test(error.message) && targets.every((t) => error.hint?.includes(t.id)));
  assert.throws(() => parseTargets(' , '), (error: unknown) => error instanceof UsageError);
  assert.equal(parseTargets('host, rv32imc,host').map((t) => t.id), ['host', 'rv32imc']);
});

test('a missing tool is a ToolchainMissingError with the exact install command', () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '/nowhere';
  try {
    const target = findTarget('cortex-m55');
    assert.equal(missingTools(target).map((tool) => tool.command), ['arm-none-eabi-gcc', 'qemu-system-arm', 'llvm-objdump']);
    assert.throws(
      () => requireTools(target),
      (error: ToolchainMissingError) => error instanceof ToolchainMissingError && error.exitCode === 3 && error.hint === 'sudo apt-get install -y gcc-arm-none-eabi qemu-system-arm llvm',
    );
    assert.throws(() => requireTools(target, { run: false }), (error: ToolchainMissingError) => error.hint === 'sudo apt-get install -y gcc-arm-none-eabi llvm');
    assert.is(installCommand(missingTools(findTarget('rv32imc'))), 'sudo apt-get install -y gcc-riscv64-unknown-elf binutils-riscv64-unknown-elf qemu-system-misc');
  } finally {
    process.env['PATH'] = path;
  }
});

test.run();
