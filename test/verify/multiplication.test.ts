/** The proof that nothing multiplies: it holds for shift networks on every kind of core, and one planted product breaks it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { verifyCommand } from '../../src/commands/verify.js';
import { emitProject, writeProject } from '../../src/emit/index.js';
import { BuildError, ProofError } from '../../src/errors.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { buildProject, readManifest } from '../../src/toolchains/index.js';
import { brokenPromises, chooseVectors, saveVerification, verifyProject } from '../../src/verify/index.js';
import { availableTargetIds } from '../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';

const test = suite('no multiplication');
const folders: string[] = [];
test.after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
const available = ['host', 'cortex-m0plus', 'cortex-m4', 'rv32ec', 'attiny85'].filter((id) => availableTargetIds().includes(id));

/** 8 → dense to 6 → dense to 3, weights ±1, ±2, ±4, ±8. */
function shiftNetwork(): IntegerGraph {
  const random = new Random(5);
  const builder = new IntegerGraphBuilder('steps');
  const dense = (name: string, from: string, depth: number, outputs: number): string => {
    const codes = Int8Array.from({ length: outputs * depth }, () => random.pick([1, -1, 2, -2, 4, -4, 8, -8]));
    const inputs = [from, builder.constant(`${name}/weights`, [outputs, depth], codes), builder.constant(`${name}/bias`, [outputs], random.codes(new Int32Array(outputs), -99, 99))];
    return builder.node('dense', name, inputs, {
      attributes: { inputZeroPoint: 2 },
      requantize: { mode: 'shift', shift: [4], rounding: 'halfUp', zeroPoint: 2, clamp: [-128, 127] },
      shape: [outputs],
    });
  };
  builder.input('x', [8]);
  const graph = builder.build([dense('second', dense('first', 'x', 8, 6), 6, 3)]);
  return { ...graph, provenance: { ...graph.provenance, arith: 'shift' } };
}

const inputs = (graph: IntegerGraph) => chooseVectors(graph, 3, null, 1);

async function generate(graph: IntegerGraph, id: string, optimize: 'speed' | 'flash' = 'speed'): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-multiplication-'));
  folders.push(folder);
  await writeProject(emitProject(buildSchedule(graph, findTarget(id), { ...DEFAULT_SCHEDULE_OPTIONS, optimize }), { commandLine: 'test' }), folder);
  await saveVerification(folder, graph, inputs(graph));
  return folder;
}

/** A product of two values that no compiler knows, of the given C type, in the kernel of the dense layers. */
function plant(directory: string, type: string): void {
  const file = join(directory, 'steps.c');
  const text = readFileSync(file, 'utf8');
  const planted = text.replace(/( {2}for \(int32_t rows = shape\[0\])/, `  volatile ${type} product = shape[0];\n  product = product * shape[1];\n$1`);
  assert.is.not(planted, text);
  writeFileSync(file, planted);
}

/** 0.75028 and 1.3 times the codes, by signed digits: sums of shifts that compilers like to fold into one product. */
function digitNetwork(): IntegerGraph {
  const builder = new IntegerGraphBuilder('steps');
  const scaled = (name: string, from: string, digits: readonly (readonly [1 | -1, number])[]): string =>
    builder.node('requantize', name, [from], {
      attributes: { inputZeroPoint: 3 },
      requantize: { mode: 'csd', digits: [digits.map(([sign, exponent]) => ({ sign, exponent }))], shift: [16], zeroPoint: 1, clamp: [-128, 127] },
      shape: [40],
    });
  builder.input('x', [40]);
  const graph = builder.build([scaled('second', scaled('first', 'x', [[1, 16], [-1, 14], [1, 4], [1, 1]]), [[1, 16], [1, 14], [1, 12], [-1, 9], [1, 3]])]);
  return { ...graph, provenance: { ...graph.provenance, arith: 'shift' } };
}

/** What it throws; nothing is printed. */
async function quietly(work: () => Promise<unknown>): Promise<unknown> {
  const write = process.stdout.write;
  process.stdout.write = () => true;
  try {
    return await work().then(() => null, (error: unknown) => error);
  } finally {
    process.stdout.write = write;
  }
}

for (const id of available) {
  test(`${id}: proven for a shift network`, async () => {
    const graph = shiftNetwork();
    const directory = await generate(graph, id);
    const result = await verifyProject(directory, graph, findTarget(id), inputs(graph).map((v) => v.inputs));
    assert.is(result.mismatch, null);
    assert.is(result.proofs?.noMultiply, true, result.proofs?.details.join('\n'));
    assert.equal(brokenPromises(result.proofs!, true), []);
  });
}

for (const id of available) {
  test(`${id}: sums of shifts stay sums, for speed and for size`, async () => {
    const graph = digitNetwork();
    for (const optimize of ['speed', 'flash'] as const) {
      const result = await verifyProject(await generate(graph, id, optimize), graph, findTarget(id), inputs(graph).map((v) => v.inputs));
      assert.is(result.mismatch, null);
      assert.equal(brokenPromises(result.proofs!, true), [], optimize);
    }
  });
}

for (const id of available.filter((one) => one !== 'rv32ec')) {
  test(`${id}: a planted product breaks the proof, by function and instruction, and the run fails`, async () => {
    const graph = shiftNetwork();
    const directory = await generate(graph, id);
    plant(directory, 'int32_t');
    const result = await verifyProject(directory, graph, findTarget(id), inputs(graph).map((v) => v.inputs));
    assert.is(result.mismatch, null, 'the product changes no output');
    assert.is(result.proofs?.noMultiply, false);
    const broken = brokenPromises(result.proofs!, true);
    assert.is(broken.length, 1);
    assert.match(broken[0]!, /^multiplication: steps_dense_s8_shift\S*: (i?mul|smul|mla|call of __mulsi3$)/);
    const thrown = await quietly(() => verifyCommand(directory, { target: id }));
    assert.instance(thrown, ProofError);
    assert.is((thrown as ProofError).exitCode, 1);
    assert.match((thrown as ProofError).message, /steps_dense_s8_shift\S*: /);
  });
}

test("cortex-m0plus: a product of 64 bits is the fault of who calls the compiler's helper", async () => {
  if (!available.includes('cortex-m0plus')) return;
  const graph = shiftNetwork();
  const directory = await generate(graph, 'cortex-m0plus');
  plant(directory, 'int64_t');
  const result = await verifyProject(directory, graph, findTarget('cortex-m0plus'), inputs(graph).map((v) => v.inputs), { run: false });
  assert.is(result.proofs?.noMultiply, false);
  assert.ok(brokenPromises(result.proofs!, true).some((line) => /^multiplication: steps_dense_s8_shift\S*: call of __(aeabi_lmul|muldi3)$/.test(line)), result.proofs?.details.join('\n'));
});

test('rv32ec: with a planted product the program does not even link, and the error names both', async () => {
  if (!available.includes('rv32ec')) return;
  const graph = shiftNetwork();
  const directory = await generate(graph, 'rv32ec');
  plant(directory, 'int32_t');
  const manifest = await readManifest(directory);
  const thrown = await quietly(() => buildProject(directory, findTarget('rv32ec'), 'release', manifest));
  assert.instance(thrown, BuildError);
  assert.match((thrown as BuildError).message, /rv32ec: .*steps_dense_s8_shift\S* calls __mulsi3/);
});

test('rv32ec: arithmetic that multiplies takes the routine, and the proof says so', async () => {
  if (!available.includes('rv32ec')) return;
  const graph = shiftNetwork();
  const dyadic = { ...graph, provenance: { ...graph.provenance, arith: 'dyadic' } };
  const directory = await generate(dyadic, 'rv32ec');
  assert.is((await readManifest(directory)).withoutMultiplication, undefined);
  const result = await verifyProject(directory, dyadic, findTarget('rv32ec'), inputs(graph).map((v) => v.inputs));
  assert.is(result.mismatch, null);
  assert.is(result.proofs?.noMultiply, false);
  assert.ok(result.proofs?.details.some((line) => line.includes('__mulsi3')));
  assert.equal(brokenPromises(result.proofs!, false), []);
});

test.run();
