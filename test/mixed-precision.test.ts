/** `--bits auto` from the float model to the firmware, on the bundled sample: what it chose is what was built, and keeps the budget. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { UsageError } from '../src/errors.js';
import { printIntegerGraph } from '../src/graph/print.js';
import { type GivenOptions, resolveOptions } from '../src/options.js';
import { quantizeModel, runRoad } from '../src/pipeline.js';
import { silentProgress } from '../src/progress.js';
import { htmlReport } from '../src/report/html.js';
import type { ReportMixedPrecision } from '../src/report/mixed-precision.js';
import { terminalReport } from '../src/report/terminal.js';
import { missingTools } from '../src/toolchains/index.js';
import { findTarget } from '../src/targets/index.js';
import { leftOut, repositoryRoot } from './support/bench.js';

const test = suite('mixed precision');
let directory = '';
test.before(() => {
  directory = mkdtempSync(join(tmpdir(), 'ptq-gen-mixed-'));
});
test.after(() => rmSync(directory, { recursive: true, force: true }));

const sample = join(repositoryRoot(), 'firmware-samples/shapes');
const data: GivenOptions = { model: join(sample, 'shapes.onnx'), calib: join(sample, 'calib_x.npy'), preprocess: { scale: '1/255', mean: [0], std: [1], layout: 'nhwc' } };
const options = (given: GivenOptions) => resolveOptions({ ...data, bits: 'auto', target: 'host', samples: 24, vectors: 2, ...given });

function chosenSize({ chosen }: ReportMixedPrecision): number {
  return chosen.reduce((sum, { choices, weightBits }) => sum + choices.find(({ bits }) => bits === weightBits)!.size, 0);
}

test('widths within a budget of flash: kept, proven, the same in an empty folder and from the cache', async () => {
  const run = (folder: string) => quantizeModel(options({ budget: 'size=70%', out: join(directory, folder, 'project') }), silentProgress);
  const [first, cached, second] = [await run('a'), await run('a'), await run('b')];
  const mixed = first.mixed!;
  const { limit } = mixed.budget[0]!;
  const wide = mixed.uniform.find(({ name }) => name === 'w8a8')!;
  assert.is(limit, Math.floor(0.7 * wide.size));
  assert.ok(mixed.measured.size <= limit);
  assert.is(mixed.measured.size, chosenSize(mixed));
  assert.is(mixed.predicted.size, mixed.measured.size);
  assert.is(mixed.predicted.instructions, null);
  assert.ok(mixed.gap < 1e-9);
  assert.ok(mixed.objective < mixed.uniform.find(({ name }) => name === 'w4a8')!.objective);
  assert.ok(mixed.pareto.some((point) => point.limit <= limit && point.objective === mixed.objective));
  for (const layer of mixed.chosen) {
    const node = first.graph.nodes.find(({ origin, op }) => origin.nodeName === layer.name && op !== 'reshape')!;
    assert.is(first.graph.tensors.get(node.inputs[1]!)!.type.bits, layer.weightBits, layer.name);
  }
  assert.equal(cached.mixed, mixed);
  assert.equal(second.mixed, mixed);
  assert.is(printIntegerGraph(second.graph), printIntegerGraph(first.graph));
});

test('instructions counted on the emulator add up to those of the mixed firmware, which is bit-exact; a method learns the codes afterwards', async () => {
  if (missingTools(findTarget('cortex-m7')).length > 0) return leftOut(1, 'mixed precision on cortex-m7: its tools are missing');
  const [{ report, html }] = (await runRoad(options({ target: 'cortex-m7', budget: 'instructions=100.5%,size=75%', method: 'flexround', iterations: 3, out: join(directory, 'm7', 'project') }), silentProgress)) as [Awaited<ReturnType<typeof runRoad>>[number]];
  const mixed = report.mixedPrecision!;
  assert.is(report.verify.bitExact, true);
  assert.match(report.weights, /packed/);
  assert.equal([report.bits, report.method], ['auto', 'flexround']);
  for (const { resource, limit } of mixed.budget) assert.ok(mixed.measured[resource]! <= limit, `${resource}: ${mixed.measured[resource]} of ${limit}`);
  assert.ok(Math.abs(mixed.predicted.instructions! / mixed.measured.instructions! - 1) < 0.01);
  assert.ok(Math.abs(report.cost.instructions! / mixed.measured.instructions! - 1) < 0.01);
  const bits = new Map(report.layers.map(({ name, weightBits }) => [name, weightBits]));
  for (const { name, weightBits } of mixed.chosen) assert.is(bits.get(name), weightBits, name);
  assert.match(terminalReport(report), /bit widths.*proven optimal/);
  const page = await htmlReport([html]);
  assert.match(page, /<h2>Bit widths<\/h2>[\s\S]*<svg[\s\S]*w4a8[\s\S]*divergence from float/);
});

test('a budget of RAM below that of bytes is kept by packed activations', async () => {
  // The last convolutions are far from the peak, and fewer layers to choose for take less time.
  const layerBits = Object.fromEntries([...[2, 3].flatMap((i) => [0, 3].map((j) => `/blocks/blocks.${i}/body/body.${j}/Conv`)), '/conv/conv.0/Conv'].map((name) => [name, 'w8a8']));
  const { mixed } = await quantizeModel(options({ bits: 'auto-both', optimize: 'ram', layerBits, samples: 4, budget: 'ram=90%', out: join(directory, 'ram', 'project') }), silentProgress);
  const { limit } = mixed!.budget[0]!;
  const bytes = mixed!.uniform.find(({ name }) => name === 'w8a8')!.ram;
  assert.is(limit, Math.floor(0.9 * bytes));
  assert.ok(mixed!.measured.ram <= limit, `${mixed!.measured.ram} of ${limit}`);
  const widths = mixed!.chosen.map(({ weightBits }) => weightBits);
  assert.ok(widths.some((bits) => bits <= 4) && widths.includes(8), widths.join());
});

test('what cannot be: said in one sentence', async () => {
  const refusal = async (given: GivenOptions): Promise<string> => {
    try {
      await quantizeModel(options({ out: join(directory, 'a', 'project'), ...given }), silentProgress);
    } catch (error) {
      assert.instance(error, UsageError);
      return (error as UsageError).message;
    }
    return 'not refused';
  };
  assert.match(await refusal({ budget: 'size=100' }), /size=100: no widths take less than \d+/);
  assert.match(await refusal({ budget: 'instructions=1M' }), /instructions=….*host: nothing counts them there/);
  assert.match(await refusal({}), /--bits auto needs a budget/);
  assert.match(await refusal({ bits: 'w4a8', budget: 'size=50%' }), /--budget size=50% needs --bits auto/);
  assert.match(await refusal({ target: [], budget: 'size=50%' }), /needs a target/);
  assert.match(await refusal({ budget: 'flash=50%' }), /flash=50% is not understood/);
  assert.match(await refusal({ budget: 'size=50%', layerBits: { missing: 'w4a8' } }), /'missing', which is no layer with weights/);
});

test.run();
