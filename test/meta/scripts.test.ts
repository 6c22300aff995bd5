import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { repositoryRoot } from '../support/bench.js';

const test = suite('scripts');

/** Runs install_missing of scripts/tools.sh for one missing and one present command, as that user, with a fake apt-get. */
function installMissing(user: number, mode: string, aptExitCode = 0) {
  const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-scripts-'));
  const stub = (name: string, text: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  stub('id', `echo ${user}`);
  stub('apt-get', `echo "$@" >> ${folder}/apt.log; echo noise; exit ${aptExitCode}`);
  const script = `. scripts/tools.sh; install_missing ${mode} bash:bash no-such-compiler:package-a,package-b; echo continued`;
  const result = spawnSync('bash', ['-c', script], { cwd: repositoryRoot(), env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` }, encoding: 'utf8' });
  const apt = spawnSync('cat', [join(folder, 'apt.log')], { encoding: 'utf8' }).stdout;
  rmSync(folder, { recursive: true });
  return { ...result, apt };
}

test('as root on Debian what is missing is installed, quietly', () => {
  const { status, stdout, apt } = installMissing(0, 'required');
  assert.is(status, 0);
  assert.is(stdout, 'Installing package-a package-b ...\ncontinued\n');
  assert.is(apt, '-q update\n-q install -y --no-install-recommends package-a package-b\n');
});

test('as another user the exact command is printed; required tools end the script, optional ones do not', () => {
  const required = installMissing(1000, 'required');
  assert.is(required.status, 3);
  assert.match(required.stderr, /sudo apt-get install -y --no-install-recommends package-a package-b/);
  assert.is(required.apt, '');
  const optional = installMissing(1000, 'optional');
  assert.is(optional.status, 0);
  assert.match(optional.stdout, /continued/);
});

test('an installation that fails shows what apt said, and the command', () => {
  const { status, stderr } = installMissing(0, 'required', 100);
  assert.is(status, 3);
  assert.match(stderr, /noise/);
  assert.match(stderr, /sudo apt-get install/);
});

test('no file names a package registry', () => {
  for (const file of ['scripts/start.sh', 'scripts/test.sh', 'scripts/tools.sh', '.ci/run', '.npmrc']) {
    assert.not.match(readFileSync(join(repositoryRoot(), file), 'utf8'), /https?:/, file);
  }
  assert.not.match(readFileSync(join(repositoryRoot(), 'package-lock.json'), 'utf8'), /"resolved": "https?:/);
});

test.run();
