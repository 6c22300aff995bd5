import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitProject, writeProject } from '../../src/emit/index.js';
import { buildSchedule } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { chooseVectors, saveVerification } from '../../src/verify/index.js';
import { availableTargetIds } from '../support/firmware.js';
import { repositoryRoot } from '../support/bench.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';

const test = suite('ptq-gen verify, targets, doctor');
const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-command-'));
const project = join(folder, 'project');
test.after(() => rmSync(folder, { recursive: true, force: true }));

test.before(async () => {
  const random = new Random(3);
  const builder = new IntegerGraphBuilder('line');
  builder.input('x', [12]);
  builder.constant('w', [4, 12], random.codes(new Int8Array(48), -127, 127));
  builder.constant('b', [4], random.codes(new Int32Array(4), -500, 500));
  builder.node('dense', 'y', ['x', 'w', 'b'], {
    attributes: { inputZeroPoint: 2 },
    requantize: { mode: 'dyadic', multiplier: [1 << 29, 1 << 29, 1 << 29, 1 << 29], shift: [38, 38, 38, 38], zeroPoint: 0, clamp: [-128, 127] },
    shape: [4],
  });
  const graph = builder.build(['y']);
  await writeProject(emitProject(buildSchedule(graph, findTarget('host')), { commandLine: 'test' }), project);
  await saveVerification(project, graph, chooseVectors(graph, 5, null, 1));
});

function ptqGen(...args: readonly string[]) {
  return spawnSync(process.execPath, ['--import', 'tsx', join(repositoryRoot(), 'src/main.ts'), ...args], { encoding: 'utf8' });
}

const hasHost = availableTargetIds().includes('host');

test('a project that is right: exit code 0, JSON alone on stdout', () => {
  if (!hasHost) return;
  const { status, stdout } = ptqGen('verify', project, '--json', '-');
  assert.is(status, 0);
  const result = JSON.parse(stdout);
  assert.is(result.verify.bitExact, true);
  assert.is(result.verify.vectors, 5);
  assert.is(result.proofs.noFloat, true);
});

test('on another target than it was generated for', () => {
  if (!availableTargetIds().includes('cortex-m7')) return;
  const { status, stdout } = ptqGen('verify', project, '--target', 'cortex-m7');
  assert.is(status, 0);
  assert.match(stdout, /cortex-m7 on qemu-system-arm mps2-an500: 5 vectors, 10 tensors compared, every bit equal/);
  assert.match(stdout, /instructions: \d+ for the first vector/);
});

test('its log, whole and cut short', () => {
  if (!hasHost) return;
  const log = join(project, 'build/host-sanitize/output.log');
  assert.is(ptqGen('verify', project, '--log', log).status, 0);
  const short = join(folder, 'short.log');
  writeFileSync(short, readFileSync(log, 'utf8').replace(/PTQ1 END.*\n/, ''));
  const { status, stderr } = ptqGen('verify', project, '--log', short);
  assert.is(status, 1);
  assert.match(stderr, /without 'PTQ1 END'/);
});

test('one wrong weight: exit code 1, the element is named', () => {
  if (!hasHost) return;
  const weights = join(project, 'line_weights.c');
  const text = readFileSync(weights, 'utf8');
  writeFileSync(weights, text.replace(/(_weights\[48\][^{]*\{\s*)(-?\d+)/, (_, before: string, weight: string) => `${before}${Number(weight) > 0 ? -127 : 127}`));
  const { status, stdout } = ptqGen('verify', project);
  writeFileSync(weights, text);
  assert.is(status, 1);
  assert.match(stdout, /host: vector \d, tensor 'y' \(node 'y'\) differs first at \[0\]: simulator -?\d+, firmware -?\d+, accumulator -?\d+, multiplier 536870912, shift 38/);
});

test('bad usage: exit code 2 and one clear error', () => {
  for (const [args, message] of [
    [[folder], /has no test\//],
    [[project, '--target', 'z80'], /unknown target 'z80'/],
    [[project, '--log', 'a', '--runner', 'b'], /exclude each other/],
    [[project, '--log', join(folder, 'none')], /cannot be read/],
  ] as const) {
    const { status, stderr } = ptqGen('verify', ...args);
    assert.is(status, 2, stderr);
    assert.match(stderr, message);
  }
});

test('targets and doctor', () => {
  const targets = ptqGen('targets');
  assert.is(targets.status, 0);
  assert.match(targets.stdout, /cortex-m55 +Arm Cortex-M55/);
  const doctor = ptqGen('doctor');
  assert.ok(doctor.status === 0 || doctor.status === 3);
  assert.match(doctor.stdout, /^ready: /m);
  assert.match(doctor.stdout, /^cmsis-nn +(optional|found|unusable) +--kernels cmsis-nn only/m);
});

test.run();
