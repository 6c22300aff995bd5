import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/frontends/index.js';
import { optimizeFloatGraph } from '../../src/passes/float/index.js';
import { calibrate, loadSamples } from '../../src/calibration/index.js';
import { lowerGraph, planQuantization } from '../../src/quantization/index.js';
import { peerFigures, peerInstructions, readPeers } from '../../src/report/peers.js';
import { repositoryRoot } from '../support/bench.js';

const peersSuite = suite('peer figures');
const file = { tflm_cmsis_nn_m7: { shapes: { instructions: 9e6, arenaBytes: 20000, codeBytes: 50000, modelBytes: 30000 } }, published_cycles_per_mac: { 'cortex-m0plus': { kws: 11.43 } }, per_kernel_cmsis_nn_m7_instructions_per_mac: { conv3x3_cin1: 5, depthwise3x3: 8, dense_48x8: 2, add_per_element: 81, softmax_per_class: 550 } };

peersSuite('are read from the benchmark folder, and absent elsewhere', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-peers-'));
  try {
    assert.is(readPeers(directory), null);
    writeFileSync(join(directory, 'peers.json'), JSON.stringify(file));
    assert.is(readPeers(directory)!.models['shapes']!.instructions, 9e6);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

peersSuite('belong to layers by operator, window and channels', async () => {
  const sample = join(repositoryRoot(), 'firmware-samples/shapes');
  const { graph: float } = optimizeFloatGraph(await loadModel(join(sample, 'shapes.onnx')));
  const samples = await loadSamples(join(sample, 'calib_x.npy'), float, { preprocess: { scale: 1 / 255, mean: [0], std: [1], layout: 'nhwc' }, limit: 4 });
  const calibration = await calibrate(float, samples, { observer: 'min-max', bits: 8 });
  const graph = lowerGraph(float, planQuantization(float, calibration, { method: 'nearest', bits: 'w8a8', seed: 0 }));
  const peers = { models: file.tflm_cmsis_nn_m7, kernels: file.per_kernel_cmsis_nn_m7_instructions_per_mac, publishedCycles: file.published_cycles_per_mac };
  const of = (op: string) => graph.nodes.filter((n) => n.op === op).map((n) => peerInstructions(peers, n, graph));
  // 24·24·16 outputs of 9 taps; 12·12·24 elements; 8 classes. The other convolutions have no figure.
  assert.is(of('conv2d')[0], 24 * 24 * 16 * 9 * 5);
  assert.ok(of('conv2d').slice(1).every((v) => v === null));
  assert.is(of('depthwise-conv2d')[0], 12 * 12 * 16 * 9 * 8);
  assert.equal(of('dense'), [48 * 8 * 2]);
  assert.is(of('add')[0], 12 * 12 * 24 * 81);
  assert.equal(of('softmax'), [8 * 550]);
  const whole = peerFigures(peers, 'cortex-m7', { ...graph, name: 'shapes' })!;
  assert.is(whole.instructions, 9e6);
  assert.is(whole.flashBytes, 80_000);
  assert.is(whole.publishedCyclesPerMac, null);
  assert.equal(whole.layers, graph.nodes.map((n) => peerInstructions(peers, n, graph)));
  // measured on one core alone; published figures belong to a task
  assert.is(peerFigures(peers, 'cortex-m4', graph), null);
  const published = peerFigures(peers, 'cortex-m0plus', { ...graph, name: 'kws_ref_model' })!;
  assert.is(published.publishedCyclesPerMac, 11.43);
  assert.is(published.instructions, null);
  assert.is(peerFigures(null, 'cortex-m7', graph), null);
});

peersSuite.run();
