/** The command line as scripts see it: exit codes, streams, files left behind. Uses the project's own sample. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Report } from '../../src/report/report.js';
import { repositoryRoot } from '../support/bench.js';

const cli = suite('command line');
const root = repositoryRoot();
const sample = join(root, 'firmware-samples/shapes');
let directory = '';
cli.before(() => {
  directory = mkdtempSync(join(tmpdir(), 'ptq-gen-cli-'));
});
cli.after(() => rmSync(directory, { recursive: true, force: true }));

function ptqGen(...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, ['--import', join(root, 'node_modules/tsx/dist/loader.mjs'), join(root, 'src/main.ts'), ...args], { cwd: directory, encoding: 'utf8', timeout: 300_000 });
}

function expectError(result: SpawnSyncReturns<string>, exitCode: number, ...messages: RegExp[]): void {
  assert.is(result.status, exitCode, `${result.stdout}\n${result.stderr}`);
  for (const message of messages) assert.match(result.stderr, message);
  assert.not.match(result.stderr, /internal error|\n {4}at /);
}

cli('the main job with no model: the sample on the host, every tensor bit-exact, all reports', () => {
  const result = ptqGen('--target', 'host', '--vectors', '6', '--json', 'report.json', '--html', 'report.html', '--junit', 'report.xml', '--max-ram', '1000000', '--min-accuracy', '0.9');
  assert.is(result.status, 0, result.stderr);
  assert.match(result.stdout, /bit-exact/);
  const report = JSON.parse(readFileSync(join(directory, 'report.json'), 'utf8')) as Report;
  assert.is(report.schemaVersion, 1);
  assert.is(report.verify.bitExact, true);
  assert.is(report.verify.vectors, 6);
  assert.is(report.proofs.noOverflow && report.proofs.noFloat && report.proofs.noHeap, true);
  assert.ok(report.accuracy!.integer > 0.95 && Math.abs(report.accuracy!.float - report.accuracy!.integer) < 0.02);
  assert.ok(report.layers.filter((l) => l.macs > 0).every((l) => l.sqnrDb! > 15), 'a layer is noisier than 8 bits explain');
  assert.match(readFileSync(join(directory, 'report.html'), 'utf8'), /bit-exact/);
  assert.match(readFileSync(join(directory, 'report.xml'), 'utf8'), /failures="0"/);
});

cli('--json - leaves stdout to the result', () => {
  const result = ptqGen('--target', 'host', '--no-build', '--json', '-');
  assert.is(result.status, 0, result.stderr);
  const report = JSON.parse(result.stdout) as Report;
  assert.is(report.verify.ran, false);
  assert.is(report.verify.bitExact, null);
  assert.is(report.cost.instructions, null);
});

cli('the same input gives the same bytes', () => {
  for (const out of ['one', 'two']) assert.is(ptqGen('--target', 'cortex-m4', '--no-build', '--out', out).status, 0);
  const files = readdirSync(join(directory, 'one'), { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
  assert.ok(files.length >= 9);
  for (const file of files) {
    const path = join(file.parentPath, file.name);
    assert.ok(readFileSync(path).equals(readFileSync(path.replace('/one', '/two'))), path);
  }
});

cli('quantize, simulate, eval, generate, verify work on what the others wrote', () => {
  const preprocess = '{"scale":"1/255","layout":"nhwc"}';
  assert.is(ptqGen('quantize', join(sample, 'shapes.onnx'), '--calib', join(sample, 'calib_x.npy'), '--preprocess', preprocess, '-o', 'q.ptq.json').status, 0);
  const simulated = ptqGen('simulate', 'q.ptq.json', '--input', join(sample, 'test_x.npy'), '--preprocess', preprocess, '-o', 'y.npy', '--real');
  assert.is(simulated.status, 0, simulated.stderr);
  assert.match(readFileSync(join(directory, 'y.npy')).toString('latin1', 0, 80), /'<f4'.*\(400, 8\)/);
  const evaluated = ptqGen('eval', 'q.ptq.json', '--input', join(sample, 'test_x.npy'), '--labels', join(sample, 'test_y.npy'), '--preprocess', preprocess);
  assert.is(evaluated.status, 0, evaluated.stderr);
  assert.ok((JSON.parse(evaluated.stdout) as { integer: number }).integer > 0.95);
  assert.is(ptqGen('generate', 'q.ptq.json', '--target', 'host', '--out', 'firmware').status, 0);
  const verified = ptqGen('verify', 'firmware');
  assert.is(verified.status, 0, verified.stderr);
});

cli('one wrong weight: exit 1, names tensor, index and both values', () => {
  assert.is(ptqGen('--target', 'host', '--no-build', '--out', 'broken').status, 0);
  const file = join(directory, 'broken/shapes_weights.c');
  const text = readFileSync(file, 'utf8');
  const line = text.split('\n').find((l) => /^\s+-?\d+(, -?\d+){8,}/.test(l))!;
  writeFileSync(file, text.replace(line, line.replace(/-?\d+/, (w) => String(Number(w) === 77 ? 76 : 77))));
  const verified = ptqGen('verify', 'broken');
  assert.is(verified.status, 1, verified.stderr);
  assert.match(verified.stdout, /tensor '.+' \(node '.+'\) differs first at \[\d+(, \d+)*\]: simulator -?\d+, firmware -?\d+/);
});

cli('broken budgets: exit 5, each with by how much', () => {
  expectError(ptqGen('--target', 'host', '--max-ram', '100', '--max-flash', '200', '--min-accuracy', '0.9999'), 5, /ram: \d+ against a limit of 100 \(off by \d+\)/, /flash: /, /accuracy: /);
});

cli('bad usage: exit 2 and what to do', () => {
  expectError(ptqGen('--target', 'cortex-m99'), 2, /cortex-m99/, /cortex-m7/);
  expectError(ptqGen('nothing.onnx', '--calib', 'x.npy', '--target', 'host'), 2, /nothing\.onnx/);
  expectError(ptqGen(join(sample, 'shapes.onnx'), '--target', 'host'), 2, /needs calibration data/, /--calib/);
  expectError(ptqGen(join(sample, 'shapes.onnx')), 2, /no target/);
  expectError(ptqGen('--target', 'host', '--method', 'magic'), 2, /magic/, /nearest/);
  expectError(ptqGen('--target', 'host', '--bits', 'w1a1'), 2, /w1a1/);
  expectError(ptqGen('--target', 'host', '--no-such-option'), 2, /no-such-option/);
  expectError(ptqGen('--target', 'host', '--calib', join(sample, 'test_y.npy')), 2, /test_y/);
});

cli('a config file with an unknown option is refused by name', () => {
  writeFileSync(join(directory, 'bad.json'), '{ "targett": "host" }');
  expectError(ptqGen('--config', 'bad.json'), 2, /targett/);
  writeFileSync(join(directory, 'bad.json'), '{ "target": ');
  expectError(ptqGen('--config', 'bad.json'), 2, /bad\.json/);
});

cli('damaged models: exit 2, the file is named', () => {
  const whole = readFileSync(join(sample, 'shapes.onnx'));
  const calib = ['--calib', join(sample, 'calib_x.npy'), '--target', 'host'];
  writeFileSync(join(directory, 'half.onnx'), whole.subarray(0, whole.length >> 1));
  expectError(ptqGen('half.onnx', ...calib), 2, /half\.onnx/);
  writeFileSync(join(directory, 'text.onnx'), 'this is no model');
  expectError(ptqGen('text.onnx', ...calib), 2, /text\.onnx/);
  writeFileSync(join(directory, 'empty.tflite'), '');
  expectError(ptqGen('empty.tflite', ...calib), 2, /empty\.tflite/);
});

cli('an output folder that is a file, or belongs to somebody else: exit 2, nothing is lost', () => {
  writeFileSync(join(directory, 'file'), 'mine');
  expectError(ptqGen('--target', 'host', '--no-build', '--out', 'file'), 2, /file/);
  assert.is(readFileSync(join(directory, 'file'), 'utf8'), 'mine');
  mkdirSync(join(directory, 'mine'));
  writeFileSync(join(directory, 'mine/notes.txt'), 'mine');
  expectError(ptqGen('--target', 'host', '--no-build', '--out', 'mine'), 2, /mine/);
  assert.equal(readdirSync(join(directory, 'mine')), ['notes.txt']);
});

cli('a folder that cannot be made: exit 2, nothing half-written', () => {
  expectError(ptqGen('--target', 'host', '--no-build', '--out', 'file/x'), 2, /file/);
  if (process.getuid?.() === 0) return;
  mkdirSync(join(directory, 'locked'));
  chmodSync(join(directory, 'locked'), 0o500);
  expectError(ptqGen('--target', 'host', '--no-build', '--out', 'locked/x'), 2, /locked/);
  assert.is(existsSync(join(directory, 'locked/x')), false);
});

cli('help on every command, with an example', () => {
  for (const command of [[], ['inspect'], ['quantize'], ['simulate'], ['eval'], ['generate'], ['verify'], ['bench'], ['targets'], ['doctor']]) {
    const result = ptqGen(...command, '--help');
    assert.is(result.status, 0, command.join(' '));
    assert.match(result.stdout, /Example:/, command.join(' '));
  }
});

cli.run();
