/** Generated code gives TFLite Micro's bits too: the simulator equals the recordings, and firmware equals the simulator, on every recorded input. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../sim/index.js';
import { loadModel } from '../src/frontends/index.js';
import { optimizeFloatGraph } from '../src/passes/float/index.js';
import { optimizeIntegerGraph } from '../src/passes/integer/index.js';
import { lowerGraph, planQuantization } from '../src/quantization/index.js';
import { benchDirectory, leftOut } from './support/bench.js';
import { expectFirmwareMatchesSimulator, representativeTargetIds, type FirmwareCase } from './support/firmware.js';

interface Golden {
  readonly model: string;
  readonly samples: readonly { readonly input: string; readonly output: string }[];
}

const test = suite('golden firmware');
const bench = benchDirectory();

test('AD, IC, KWS and VWW on the emulators', async () => {
  if (!bench) return leftOut(4, 'benchmarks are absent: firmware of the int8 files');
  const folder = join(bench, 'golden');
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Record<string, Golden>;
  const cases: FirmwareCase[] = [];
  for (const name of ['ad', 'ic', 'kws', 'vww']) cases.push(await goldenCase(name, index[name]!, folder, join(bench, 'models/mlperf-tiny')));
  await expectFirmwareMatchesSimulator(cases, representativeTargetIds);
});

async function goldenCase(name: string, golden: Golden, folder: string, models: string): Promise<FirmwareCase> {
  const float = optimizeFloatGraph(await loadModel(join(models, golden.model))).graph;
  const { graph } = optimizeIntegerGraph(lowerGraph(float, planQuantization(float, null, { method: 'nearest', bits: 'w8a8', seed: 0 })));
  const simulator = createSimulator(graph);
  const inputs = golden.samples.map((sample) => [codes(join(folder, sample.input))]);
  inputs.forEach((input, i) => assert.equal(simulator.run(input)[0], codes(join(folder, golden.samples[i]!.output)), `${name}, input ${i}`));
  return { name, graph, inputs };
}

function codes(file: string): Int8Array {
  const bytes = readFileSync(file);
  return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length).slice();
}

test.run();
