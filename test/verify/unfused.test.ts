/** Tensors inside fused steps: the second program compares them, names a wrong one, and leaves the project alone. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { verifyCommand } from '../../src/commands/verify.js';
import { emitProject, writeProject } from '../../src/emit/index.js';
import { MismatchError } from '../../src/errors.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { operator } from '../../src/operators/index.js';
import type { Kernel } from '../../src/operators/kernel.js';
import { buildSchedule, buildUnfused, DEFAULT_SCHEDULE_OPTIONS } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { checkUnfused, chooseVectors, saveVerification, verifyProject, wantsUnfused } from '../../src/verify/index.js';
import { availableTargetIds } from '../support/firmware.js';
import { ImageNetwork } from '../support/image-network.js';
import { Random } from '../support/integer-graphs.js';

const test = suite('tensors inside fused steps');
const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-unfused-test-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const OPTIONS = { ...DEFAULT_SCHEDULE_OPTIONS, optimize: 'ram' as const };

/** The first random network of which a convolution's output lies inside a strip on that target. */
function network(targetId: string): { graph: IntegerGraph; inner: readonly string[] } {
  for (let seed = 100; ; seed++) {
    const graph = new ImageNetwork(new Random(seed), `seed${seed}`).build();
    const { unobserved } = buildSchedule(graph, findTarget(targetId), OPTIONS);
    const inner = unobserved.map((id) => graph.tensors.get(id)!.name);
    if (graph.nodes.some((node) => node.op === 'conv2d' && unobserved.includes(node.outputs[0]!))) return { graph, inner };
  }
}

async function generate(targetId: string, name: string) {
  const { graph, inner } = network(targetId);
  const directory = join(folder, name);
  await writeProject(emitProject(buildSchedule(graph, findTarget(targetId), OPTIONS), { commandLine: 'test' }), directory);
  const vectors = chooseVectors(graph, 4, null, 1);
  await saveVerification(directory, graph, vectors);
  return { graph, inner, directory, inputs: vectors.map((vector) => vector.inputs) };
}

/** SHA-256 of every file but those of builds. */
function digest(directory: string): string {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((f) => f.isFile() && !f.parentPath.includes('/build'));
  const hash = createHash('sha256');
  for (const path of files.map((f) => join(f.parentPath, f.name)).sort()) hash.update(path).update(readFileSync(path));
  return hash.digest('hex');
}

for (const id of ['host', 'cortex-m7'].filter((one) => availableTargetIds().includes(one))) {
  test(`${id}: all of them are compared, nothing is left behind, the project stays as it is`, async () => {
    const { graph, inner, directory, inputs } = await generate(id, id);
    const target = findTarget(id);
    assert.ok(inner.length > 0);
    assert.equal(buildUnfused(graph, target, OPTIONS).unobserved, []);
    const fused = await verifyProject(directory, graph, target, inputs);
    assert.equal(fused.report.tensorsUnobserved, inner);
    assert.ok(wantsUnfused(fused));
    const before = digest(directory);
    const temporary = join(folder, `temporary-${id}`);
    mkdirSync(temporary);
    const result = await inTemporaryFolder(temporary, () => checkUnfused(fused, graph, target, { target, options: OPTIONS }, inputs));
    assert.is(result.mismatch, null);
    assert.is(result.report.bitExact, true);
    assert.equal(result.report.tensorsCheckedUnfused, inner);
    assert.equal(result.report.tensorsUnobserved, []);
    assert.is(result.report.outputCrc32, fused.report.outputCrc32);
    assert.equal(readdirSync(temporary), []);
    assert.is(digest(directory), before);
  });
}

async function inTemporaryFolder<T>(path: string, work: () => Promise<T>): Promise<T> {
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = path;
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}

/** While `work` runs, the convolution that computes that tensor, whole, has its weights in reverse order. */
async function withWrongKernel<T>(graph: IntegerGraph, tensor: string, work: () => Promise<T>): Promise<T> {
  const kernels = operator('conv2d').integer!.kernels as Kernel[];
  const right = kernels.find((kernel) => kernel.family === 'portable')!;
  const height = graph.tensors.get(tensor)!.shape[0];
  kernels.unshift({
    ...right,
    when: (context) => context.group[0]!.outputs[0] === tensor && context.graph.tensors.get(tensor)!.shape[0] === height && right.when(context),
    instantiate: (context) => {
      const kernel = right.instantiate(context);
      return { ...kernel, arguments: kernel.arguments.map((a) => (a.kind === 'constant' && a.name === 'weights' ? { ...a, data: a.data.slice().reverse() } : a)) };
    },
  });
  try {
    return await work();
  } finally {
    kernels.shift();
  }
}

test('a wrong inner tensor fails the verdict and is named, though the fused program is right', async () => {
  if (!availableTargetIds().includes('host')) return;
  const { graph, directory, inputs } = await generate('host', 'wrong');
  const target = findTarget('host');
  const fused = await verifyProject(directory, graph, target, inputs);
  const wrong = graph.nodes.find((node) => node.op === 'conv2d' && fused.report.tensorsUnobserved.includes(graph.tensors.get(node.outputs[0]!)!.name))!;
  const result = await withWrongKernel(graph, wrong.outputs[0]!, () => checkUnfused(fused, graph, target, { target, options: OPTIONS }, inputs));
  assert.is(result.report.bitExact, false);
  assert.is(result.report.firstMismatch?.unfused, true);
  assert.is(result.report.outputCrc32, null);
  assert.is(result.mismatch?.tensor, graph.tensors.get(wrong.outputs[0]!)!.name);
  assert.match(new MismatchError(result.mismatch!).message, /^host with fusion off: vector 0, tensor '/);
});

test('ptq-gen verify does it from the project alone, and says what a captured log cannot show', async () => {
  if (!availableTargetIds().includes('host')) return;
  const { directory, inner } = await generate('host', 'command');
  const result = join(folder, 'result.json');
  assert.is(await quietly(() => verifyCommand(directory, { json: result })), 0);
  const seen = JSON.parse(readFileSync(result, 'utf8'));
  assert.equal(seen.verify.tensorsCheckedUnfused, inner);
  assert.match(seen.notes.join('\n'), /compared in a second program/);
  assert.is(await quietly(() => verifyCommand(directory, { json: result, log: join(directory, 'build/host-sanitize/output.log') })), 0);
  const logged = JSON.parse(readFileSync(result, 'utf8'));
  assert.equal(logged.verify.tensorsUnobserved, inner);
  assert.match(logged.notes.join('\n'), /were not compared: a board runs the fused program alone/);
});

/** What a command prints is not what is tested. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const write = process.stdout.write;
  process.stdout.write = () => true;
  try {
    return await work();
  } finally {
    process.stdout.write = write;
  }
}

test.run();
