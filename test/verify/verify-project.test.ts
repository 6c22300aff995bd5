import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitProject, writeProject } from '../../src/emit/index.js';
import { MismatchError } from '../../src/errors.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { buildSchedule } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { buildProject, disassemble, type MachineFunction, readManifest, runBuild } from '../../src/toolchains/index.js';
import { chooseVectors, toVectors, type VerifyResult, verifyLog, verifyProject } from '../../src/verify/index.js';
import { availableTargetIds, expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';

const test = suite('verify a project');
const folders: string[] = [];
test.after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** 6x6x3 → 3x3 convolution to 6x6x4 → 1x1 convolution to 6x6x5. */
function smallNetwork(): IntegerGraph {
  const random = new Random(7);
  const builder = new IntegerGraphBuilder('small');
  const convolution = (name: string, from: string, channels: readonly [number, number], kernel: number, inputZeroPoint: number): string => {
    const [before, after] = channels;
    const weights = builder.constant(`${name}/weights`, [after, kernel, kernel, before], random.codes(new Int8Array(after * kernel * kernel * before), -127, 127));
    const bias = builder.constant(`${name}/bias`, [after], random.codes(new Int32Array(after), -1000, 1000));
    const margin = (kernel - 1) / 2;
    return builder.node('conv2d', name, [from, weights, bias], {
      attributes: { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: Array(4).fill(margin), values: inputZeroPoint } as never, inputZeroPoint },
      requantize: { mode: 'dyadic', multiplier: Array.from({ length: after }, () => random.integer(1 << 29, (1 << 30) - 1)), shift: Array(after).fill(39), zeroPoint: 3, clamp: [-128, 127] },
      shape: [6, 6, after],
    });
  };
  builder.input('image', [6, 6, 3]);
  const features = convolution('features', 'image', [3, 4], 3, -5);
  return builder.build([convolution('scores', features, [4, 5], 1, 3)]);
}

async function generate(graph: IntegerGraph, targetId: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-verify-'));
  folders.push(folder);
  const directory = join(folder, 'project');
  await writeProject(emitProject(buildSchedule(graph, findTarget(targetId)), { commandLine: 'test' }), directory);
  return directory;
}

/** Replaces the first match; a pattern that matches nothing fails the test. */
function patch(file: string, find: RegExp, replacement: string): void {
  const text = readFileSync(file, 'utf8');
  assert.match(text, find);
  writeFileSync(file, text.replace(find, replacement));
}

/** Verifies a network whose project was changed behind the tool's back. */
async function verifyPatched(targetId: string, change: (directory: string) => void | Promise<void>): Promise<VerifyResult> {
  const graph = smallNetwork();
  const directory = await generate(graph, targetId);
  await change(directory);
  return verifyProject(directory, graph, findTarget(targetId), inputs(graph));
}

/** C statements behind the first layer, whatever kernel computes it. */
function plant(directory: string, statements: string): void {
  patch(join(directory, 'small.c'), /(\n {2}PTQ_TRACE_STEP\(0\);)/, `\n  ${statements}$1`);
}

/** The first constant of the second layer belongs to output channel 0 in every layout: a weight, or a bias that comes with them. */
function changeWeight(directory: string): void {
  const file = join(directory, 'small_weights.c');
  const isWord = /const int32_t small_conv2d_1_\w+\[\d+\]/.exec(readFileSync(file, 'utf8'))?.index ?? Number.POSITIVE_INFINITY;
  const isByte = /const int8_t small_conv2d_1_\w+\[\d+\]/.exec(readFileSync(file, 'utf8'))?.index ?? Number.POSITIVE_INFINITY;
  patch(file, /(small_conv2d_1_\w+\[\d+\][^{]*\{\s*)(-?\d+)/, isWord < isByte ? '$1 20000 + $2' : '$1 1 + $2');
}

const inputs = (graph: IntegerGraph) => chooseVectors(graph, 6, null, 1).map((vector) => vector.inputs);
const available = ['host', 'cortex-m0', 'cortex-m7', 'cortex-m55', 'rv32imc'].filter((id) => availableTargetIds().includes(id));

for (const id of available) {
  test(`${id}: every tensor equal, and what the binary shows`, async () => {
    const graph = smallNetwork();
    const directory = await generate(graph, id);
    const result = await verifyProject(directory, graph, findTarget(id), inputs(graph));
    assert.is(result.mismatch, null);
    assert.is(result.report.bitExact, true);
    assert.is(result.report.vectors, 6);
    assert.is(result.report.tensorsCompared, 18);
    assert.equal(result.report.tensorsUnobserved, []);
    assert.match(result.report.outputCrc32 ?? '', /^[0-9a-f]{8}$/);
    assert.is(result.proofs?.noFloat, true, result.proofs?.details.join('\n'));
    assert.is(result.proofs?.noHeap, true, result.proofs?.details.join('\n'));
    assert.is(result.proofs?.noMultiply, false);
    assert.equal(result.notes, []);
    const { sizes } = result;
    assert.ok(sizes && sizes.codeBytes > 300 && sizes.codeBytes < 8000, `${sizes?.codeBytes} bytes of code`);
    // weights 108 + 20, biases and multipliers 2·4·(4 + 5), shifts 9
    // weights 108 + 20, biases and multipliers 2·4·(4 + 5), shifts 9; at most 256 more for padding and shapes
    assert.ok(sizes.constBytes >= 200 && sizes.constBytes <= 209 + 256, `${sizes.constBytes} bytes of constants`);
    assert.is(sizes.dataBytes + sizes.bssBytes, 0);
    assert.ok(result.stackBytes !== null && result.stackBytes >= 16 && result.stackBytes < 1000, `${result.stackBytes} bytes of stack`);
    if (id === 'host') assert.is(result.instructions, null);
    else {
      assert.is(result.instructions?.steps?.length, 2);
      // no instruction of any core multiplies more than 16 pairs
      assert.ok((result.instructions?.total ?? 0) > ((108 + 20) * 36) / 16);
    }
  });
}

for (const id of available.filter((one) => one !== 'host')) {
  test(`${id}: the stack that is used stays within the bound, and near it`, async () => {
    const graph = smallNetwork();
    const directory = await generate(graph, id);
    const target = findTarget(id);
    const bound = (await verifyProject(directory, graph, target, inputs(graph), { run: false })).stackBytes ?? Number.NaN;
    const build = await buildProject(directory, target, 'release', await readManifest(directory), { flags: ['-DPTQ_PAINT_STACK'] });
    const { log } = await runBuild(build, toVectors(inputs(graph)));
    const used = Math.max(...(log.get('small')?.stack.values() ?? []));
    assert.ok(used > 0 && used <= bound, `${used} bytes used, bound ${bound}`);
    assert.ok(used >= bound / 2, `${used} bytes used, bound ${bound}`);
  });

  test(`${id}: trace and release hold the same kernels`, async () => {
    const graph = smallNetwork();
    const directory = await generate(graph, id);
    const manifest = await readManifest(directory);
    const texts: ReadonlyMap<string, string>[] = [];
    for (const variant of ['trace', 'release'] as const) {
      const build = await buildProject(directory, findTarget(id), variant, manifest);
      // before linking: addresses of constants are still open
      texts.push(kernelTexts(await disassemble(build.modelObjects[0], build.target)));
    }
    assert.equal([...texts[0].keys()], [...texts[1].keys()]);
    for (const [name, text] of texts[0]) assert.ok(text === texts[1].get(name), name);
    // both steps' kernels are there (the compiler may have specialised one: `kernel.constprop.0`), with what they call
    for (const { kernel } of manifest.steps) assert.ok([...texts[0].keys()].some((name) => name.split('.')[0] === kernel), kernel);
    assert.ok([...texts[0].values()].join('\n').split('\n').length > 60);
  });
}

/** Instructions of every function but run, which alone calls the hook, relative to the function's start. */
function kernelTexts(functions: ReadonlyMap<string, MachineFunction>): ReadonlyMap<string, string> {
  const kernels = [...functions.values()].filter((machine) => machine.name !== 'small_run' && machine.instructions.length > 0);
  return new Map(kernels.map((machine) => [machine.name, machine.instructions.map((one) => `${one.address - machine.address}: ${one.mnemonic} ${one.operands}`).join('\n')]));
}

test('all targets give the same output bits', async () => {
  const graph = smallNetwork();
  const sums = new Set<string | null>();
  for (const id of available) {
    sums.add((await verifyProject(await generate(graph, id), graph, findTarget(id), inputs(graph))).report.outputCrc32);
  }
  assert.is(sums.size, 1);
});

for (const id of available.filter((one) => one === 'host' || one === 'cortex-m7')) {
  test(`${id}: one changed weight is caught: tensor, element, accumulator`, async () => {
    const result = await verifyPatched(id, changeWeight);
    const found = result.mismatch;
    assert.is(found?.tensor, 'scores');
    assert.is(found?.node, 'scores');
    assert.is(found?.index.length, 3);
    assert.is(found?.index[2], 0);
    assert.is.not(found?.expected, found?.actual);
    assert.is(typeof found?.accumulator, 'number');
    assert.is(found?.shift, 39);
    assert.is(result.report.bitExact, false);
    assert.match(new MismatchError(found as never).message, /tensor 'scores'.*simulator -?\d+, firmware -?\d+, accumulator/);
  });

  test(`${id}: one changed code is caught in the first layer`, async () => {
    const result = await verifyPatched(id, async (directory) => {
      const features = (await readManifest(directory)).tensors.find((tensor) => tensor.id === 'features');
      plant(directory, `((int8_t *)arena)[${features!.offset} + 6] ^= 1;`);
    });
    assert.is(result.mismatch?.tensor, 'features');
    assert.is(result.mismatch?.vector, 0);
    // flat index 6 of 6x6x4
    assert.equal(result.mismatch?.index, [0, 1, 2]);
  });
}

test('a planted float operation breaks the proof and nothing else', async () => {
  for (const id of available) {
    const result = await verifyPatched(id, (directory) => plant(directory, 'volatile float real = 2.0f; real = real * 3.0f;'));
    assert.is(result.mismatch, null);
    assert.is(result.proofs?.noFloat, false, id);
    assert.ok(result.proofs?.details.some((line) => line.startsWith('floating point: ')), id);
  }
});

test('a planted heap call breaks the proof', async () => {
  if (!available.includes('host')) return;
  const result = await verifyPatched('host', (directory) => {
    patch(join(directory, 'small.c'), /(#include "ptq_arith.h")/, '$1\n#include <stdlib.h>');
    plant(directory, 'void *volatile leak = malloc(8); free(leak);');
  });
  assert.is(result.proofs?.noHeap, false);
  assert.ok(result.proofs?.details.some((line) => /outside the generated code: (malloc|free)/.test(line)));
});

test('a board: vectors compiled in, the runner prints the log, also after a difference', async () => {
  if (!available.includes('cortex-m7')) return;
  const graph = smallNetwork();
  const target = findTarget('cortex-m7');
  const directory = await generate(graph, 'cortex-m7');
  const runner = 'qemu-system-arm -M mps2-an500 -nographic -monitor none -serial null -semihosting-config enable=on,target=native -kernel {elf}';
  const result = await verifyProject(directory, graph, target, inputs(graph), { runner });
  assert.is(result.mismatch, null);
  assert.is(result.report.runner, runner);
  assert.is(result.instructions, null);
  assert.is(result.proofs?.noFloat, true);
  changeWeight(directory);
  const broken = await verifyProject(directory, graph, target, inputs(graph), { runner });
  assert.is(broken.mismatch?.tensor, 'scores');
  assert.is(broken.mismatch?.index.length, 3);
});

test('a captured log: equal, with a wrong output, and cut short', async () => {
  const graph = smallNetwork();
  const target = findTarget('host');
  const directory = await generate(graph, 'host');
  await verifyProject(directory, graph, target, inputs(graph));
  const log = readFileSync(join(directory, 'build/host-sanitize/output.log'), 'utf8');
  const check = (text: string) => verifyLog(directory, graph, target, inputs(graph), text, 'uart.log');
  assert.is((await check(`boot\r\n${log.replaceAll('\n', '\r\n')}`)).mismatch, null);
  const otherInputs = chooseVectors(graph, 6, null, 2).map((vector) => vector.inputs);
  const wrong = await verifyLog(directory, graph, target, otherInputs, log, 'uart.log');
  assert.is(wrong.mismatch?.vector, 3);
  assert.is(wrong.notes.length, 1);
  try {
    await check(log.slice(0, -20));
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /PTQ1 END/);
  }
});

test('the firmware oracle of the other tests: many cases in one program', async () => {
  const graph = smallNetwork();
  const cases = [0, 1, 2].map((seed) => ({ name: `seed ${seed}`, graph, inputs: chooseVectors(graph, 5, null, seed).map((vector) => vector.inputs) }));
  await expectFirmwareMatchesSimulator(cases, available);
});

test.run();
