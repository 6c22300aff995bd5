/** The skeleton of an operator works as written: in a copy of the project, its own test and the structure checks pass. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/package-root.js';

const test = suite('scripts/new-op');
const copy = mkdtempSync(join(tmpdir(), 'ptq-gen-new-op-'));
test.after(() => rmSync(copy, { recursive: true, force: true }));

function run(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', ...args], { cwd: copy, encoding: 'utf8' });
  return { status, text: `${stdout}${stderr}` };
}

test.before(() => {
  for (const part of ['src', 'sim', 'scripts', 'templates', 'test/support', 'package.json', 'tsconfig.json', 'toolchains.md']) {
    cpSync(join(packageRoot(), part), join(copy, part), { recursive: true });
  }
  symlinkSync(join(packageRoot(), 'node_modules'), join(copy, 'node_modules'));
});

test('writes a working operator', () => {
  const written = run('scripts/new-op.ts', 'row-sum');
  assert.is(written.status, 0, written.text);
  const own = run('test/operators/row-sum.test.ts');
  assert.is(own.status, 0, own.text);
  assert.match(own.text, /Passed:\s+2/);
  const types = spawnSync(join(packageRoot(), 'node_modules/.bin/tsc'), ['-p', 'tsconfig.json', '--pretty', 'false'], { cwd: copy, encoding: 'utf8' });
  assert.not.match(types.stdout, /^(src|sim|test)\/.*row-sum/m);
  const structure = spawnSync(process.execPath, ['scripts/check.mjs', '--structure'], { cwd: copy, encoding: 'utf8' });
  assert.not.match(structure.stdout, 'row-sum');
});

test('refuses a name that is taken or malformed, and writes nothing', () => {
  for (const name of ['conv2d', 'RowSum', '../x', '']) {
    const { status, text } = run('scripts/new-op.ts', name);
    assert.is(status, 2);
    assert.match(text, /usage|already there/);
  }
});

test.run();
