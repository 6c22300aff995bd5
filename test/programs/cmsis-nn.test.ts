/** The family `cmsis-nn`: with a checkout in CMSIS_NN_DIR, every call equals the simulator; what it cannot take stays portable. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { emitProject } from '../../src/emit/index.js';
import { ToolchainMissingError, UsageError } from '../../src/errors.js';
import { loadModel } from '../../src/frontends/index.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { optimizeFloatGraph } from '../../src/passes/float/index.js';
import { optimizeIntegerGraph } from '../../src/passes/integer/index.js';
import { lowerGraph, planQuantization } from '../../src/quantization/index.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { checkoutOf } from '../../src/toolchains/index.js';
import { benchDirectory, leftOut } from '../support/bench.js';
import { convolutionCase, denseCase, depthwiseCase, elementwiseCase, poolCase, softmaxCase } from '../support/cmsis-nn-cases.js';
import { expectFirmwareMatchesSimulator, type FirmwareCase } from '../support/firmware.js';
import { Random } from '../support/integer-graphs.js';
import { randomConvolution, randomDense, randomDepthwise } from '../support/linear-cases.js';

const cmsis = suite('cmsis-nn');
const SEED = 9000;
const OPTIONS = { ...DEFAULT_SCHEDULE_OPTIONS, kernels: 'cmsis-nn' } as const;
/** One core of each kind of code that the library has: plain C without unaligned access, with it, DSP, Helium. */
const TARGETS = ['cortex-m0', 'cortex-m3', 'cortex-m7', 'cortex-m55'];
const CASES = 60;

const checkout = process.env['CMSIS_NN_DIR'] ?? '';
const present = checkout !== '' && existsSync(join(checkout, 'Include/arm_nnfunctions.h'));

function families(graph: IntegerGraph, target: string): readonly string[] {
  return buildSchedule(graph, findTarget(target), OPTIONS).steps.map((step) => step.kernel.family);
}

/** Share of cases whose one layer the library takes. */
function taken(cases: readonly FirmwareCase[], target: string): number {
  return cases.filter((one) => families(one.graph, target)[0] === 'cmsis-nn').length / cases.length;
}

function many(make: (random: Random, name: string) => FirmwareCase, seed: number): readonly FirmwareCase[] {
  const random = new Random(seed);
  return Array.from({ length: CASES }, (_, i) => make(random, `seed ${seed} case ${i}`));
}

const KINDS = [
  ['conv2d', convolutionCase, 0.8],
  ['depthwise-conv2d', depthwiseCase, 0.8],
  ['dense', denseCase, 1],
  ['add and mul', elementwiseCase, 1],
  ['pools', poolCase, 1],
  ['softmax', softmaxCase, 1],
] as const;

KINDS.forEach(([kind, make, least], k) => {
  cmsis(`${kind} equals the simulator`, async () => {
    const cases = many(make, SEED + k);
    for (const target of TARGETS) assert.ok(taken(cases, target) >= least, `${target} takes ${taken(cases, target)} of ${kind}`);
    if (!present) return leftOut(CASES * TARGETS.length, `cases of ${kind}: CMSIS_NN_DIR names no checkout`);
    await expectFirmwareMatchesSimulator(cases, TARGETS, OPTIONS);
  });
});

cmsis('what the library would compute otherwise stays portable, in the same project', async () => {
  const random = new Random(SEED + 10);
  const cases = [randomConvolution, randomDepthwise, randomDense].flatMap((make, i) => Array.from({ length: 10 }, (_, j) => make(random, `any ${i} ${j}`)));
  for (const { graph, name } of cases) {
    const isDouble = graph.nodes[0]!.requantize!.mode === 'tfliteDouble';
    for (const target of TARGETS) if (!isDouble) assert.equal(families(graph, target), ['portable'], name);
  }
  if (!present) return leftOut(cases.length, 'layers of any arithmetic: CMSIS_NN_DIR names no checkout');
  await expectFirmwareMatchesSimulator(cases, ['cortex-m7'], OPTIONS);
});

cmsis('AD, IC, KWS and VWW give TFLite Micro\'s recorded bits', async () => {
  const bench = benchDirectory();
  if (!bench || !present) return leftOut(4 * TARGETS.length, `int8 files: ${bench ? 'CMSIS_NN_DIR names no checkout' : 'benchmarks are absent'}`);
  const index = JSON.parse(readFileSync(join(bench, 'golden/index.json'), 'utf8')) as Record<string, Golden>;
  const cases: FirmwareCase[] = [];
  for (const name of ['ad', 'ic', 'kws', 'vww']) cases.push(await goldenCase(name, index[name]!, bench));
  for (const { graph, name } of cases) assert.equal(new Set(families(graph, 'cortex-m7')), new Set(['cmsis-nn']), name);
  await expectFirmwareMatchesSimulator(cases, TARGETS, OPTIONS);
});

interface Golden {
  readonly model: string;
  readonly samples: readonly { readonly input: string; readonly output: string }[];
}

/** The simulator gives the recorded outputs, so that firmware which equals it does too. */
async function goldenCase(name: string, golden: Golden, bench: string): Promise<FirmwareCase> {
  const float = optimizeFloatGraph(await loadModel(join(bench, 'models/mlperf-tiny', golden.model))).graph;
  const { graph } = optimizeIntegerGraph(lowerGraph(float, planQuantization(float, null, { method: 'nearest', bits: 'w8a8', seed: 0 })));
  const codes = (file: string): Int8Array => Int8Array.from(new Int8Array(readFileSync(join(bench, 'golden', file))));
  const inputs = golden.samples.slice(0, 2).map((sample) => [codes(sample.input)]);
  const simulator = createSimulator(graph);
  inputs.forEach((input, i) => assert.equal(simulator.run(input)[0], codes(golden.samples[i]!.output), `${name}, input ${i}`));
  return { name, graph, inputs };
}

cmsis('only Cortex-M has the family, and auto never takes it', () => {
  const { graph } = convolutionCase(new Random(SEED), 'any');
  assert.throws(() => buildSchedule(graph, findTarget('rv32imc'), OPTIONS), (e: unknown) => e instanceof UsageError && /no kernel family 'cmsis-nn'/.test(e.message));
  for (const target of TARGETS) assert.not.equal(buildSchedule(graph, findTarget(target)).steps[0]!.kernel.family, 'cmsis-nn');
});

cmsis('a project names the library, not where it lies', () => {
  const { graph } = denseCase(new Random(SEED), 'any');
  const { files, manifest } = emitProject(buildSchedule(graph, findTarget('cortex-m4'), OPTIONS), { commandLine: 'test' });
  assert.is(manifest.external?.variable, 'CMSIS_NN_DIR');
  assert.match(String(files.get(`${manifest.modelName}.c`)), /#include <arm_nnfunctions\.h>/);
  assert.match(String(files.get('CMakeLists.txt')), /\$\{CMSIS_NN_DIR\}\/Source\/FullyConnectedFunctions\/arm_fully_connected_/);
  assert.match(String(files.get('README.md')), /`CMSIS_NN_DIR`/);
  if (checkout !== '') for (const [path, text] of files) assert.not.ok(String(text).includes(checkout), path);
});

cmsis('a missing checkout is an error that says what to do', () => {
  const external = { name: 'cmsis-nn', variable: 'PTQ_NO_SUCH_VARIABLE', includes: ['Include'], sources: ['Source/none.c'] };
  const says = (words: RegExp) => (e: unknown) => e instanceof ToolchainMissingError && words.test(e.message) && /--cmsis-nn DIR/.test(e.hint ?? '');
  assert.throws(() => checkoutOf(external), says(/no checkout of it is named/));
  assert.throws(() => checkoutOf(external, { 'cmsis-nn': '/' }), says(/it has no Include/));
});

cmsis.run();
