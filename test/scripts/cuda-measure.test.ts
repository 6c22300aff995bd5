/** The folder that measures on a machine with a GPU, rehearsed in the emulation; and the tables of what comes back. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exportFolder } from '../../scripts/cuda/export.js';
import type { Network } from '../../scripts/cuda/networks.js';
import { product } from '../../scripts/cuda/random-networks.js';
import { firstDifference, readResults, type Results } from '../../scripts/cuda/results.js';
import { levelsTable, machineText, productsTable, timesTable } from '../../scripts/cuda/tables.js';
import { findProgram, runProcess } from '../../src/toolchains/index.js';
import { leftOut } from '../support/bench.js';

const test = suite('scripts/cuda-measure');
const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-cuda-measure-'));
test.after(() => rmSync(directory, { recursive: true }));

const TINY: Network = { id: 'tiny', title: 'tiny', purpose: 'times', make: () => product(5, 32, 24), options: { biasCorrection: false } };
const SAMPLES = 6;
const store = join(directory, 'store');

async function measure(): Promise<Results> {
  const results = join(directory, 'folder/results.json');
  rmSync(results, { force: true });
  const run = await runProcess('sh', [join(directory, 'folder/run.sh'), '--jobs', '1'], { directory, environment: { PTQ_CUDA_EMULATION: '1' } });
  assert.is(run.exitCode, 0, run.stderr);
  return readResults(results);
}

test('an exported folder compares every sample, recorded or repeated with noise, with the simulator', async () => {
  if (findProgram('g++') === null || findProgram('python3') === null) return leftOut(2, 'measuring folders: g++ or python3 is missing');
  const notes: string[] = [];
  const planned = await exportFolder({ directory: join(directory, 'folder'), store, networks: [TINY], samples: SAMPLES, note: (text) => notes.push(text) });
  assert.is(planned[0]!.samples, SAMPLES);
  const { networks, machine } = await measure();
  assert.is(machine.device, 'emulation');
  const { tensors, outputs, errors } = networks['tiny']!;
  assert.is(errors, undefined);
  assert.equal([tensors!.checked > 1, tensors!.wrong, outputs!.samples, outputs!.different], [true, [], SAMPLES, 0]);
  assert.is(await firstDifference(TINY, networks['tiny']!, store), null);
});

test('a sample that differs is counted, and the layer is named', async () => {
  if (findProgram('g++') === null || findProgram('python3') === null) return;
  const source = join(directory, 'folder/networks/tiny/project/tiny.cu');
  const text = readFileSync(source, 'utf8');
  // eight codes of the input are overwritten behind the upload
  const broken = text.replace('(size_t)batch, cudaMemcpyDeviceToDevice, stream);', '(size_t)batch, cudaMemcpyDeviceToDevice, stream);\n  (void)cudaMemset(ptq_tensor(model, 0), 3, 8);');
  assert.is.not(broken, text);
  writeFileSync(source, broken);
  const { networks } = await measure();
  const { outputs } = networks['tiny']!;
  assert.ok(outputs!.different > 0 && outputs!.tensors !== undefined);
  assert.match((await firstDifference(TINY, networks['tiny']!, store))!, /^tiny: (vector|sample) \d+ differs first at (layer|input) '/);
});

test('tables hold times and ratios of a GPU, and say what was not run', () => {
  const times = (median: number) => ({ median, least: median, most: median });
  const gemm: Network = { ...TINY, id: 'gemm', title: '64×64 by 64×64', purpose: 'product', shape: [1000, 1000, 1000] };
  const deit: Network = { ...TINY, id: 'deit-s', title: 'DeiT-S, W8A8' };
  const results: Results = {
    machine: { device: 'GPU X', compiler: 'nvcc 13.0', driver: '1.2', architecture: 'sm_80' },
    networks: { gemm: { times: { 1: times(2) } }, 'deit-s': { times: { 8: times(2) } } },
    peers: { 'int8-products': { times: { '1000x1000x1000': times(1) } }, 'deit-s-fp32-eager': { times: { 8: times(9) } }, 'deit-s-fp16-compiled': { error: 'a long text\nno torch.compile' } },
  };
  const rows = [gemm, deit].map((network) => ({ network, level: undefined, result: results.networks[network.id] }));
  assert.match(productsTable(rows, results), /\| 64×64 by 64×64 \| 2\.00 \| 1 \| 1\.00 \| 2 \| 50 % \|/);
  assert.match(timesTable(rows, results), /PyTorch FP32, eager \| – \| 9\.00 \(4\.50\) \| – \|/);
  assert.match(timesTable(rows, results), /FP16, compiled \(no torch\.compile\)/);
  assert.match(machineText(results), /GPU X \(sm_80, driver 1\.2, nvcc 13\.0\)/);
  assert.match(machineText(null), /not run/);
  assert.match(levelsTable(rows, null), /not run/);
});

test.run();
