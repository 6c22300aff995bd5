/** The threshold search of Outlier Suppression+: the official search's vectors, small activations, the outliers of a network. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createExecutor, firstSamples, loadSamples } from '../../src/calibration/index.js';
import { loadModel } from '../../src/frontends/index.js';
import { migrateOutliers } from '../../src/migration.js';
import { optimizeFloatGraph } from '../../src/passes/float/index.js';
import { searchMigration, type ChannelRanges } from '../../src/quantization/index.js';
import { initTensor } from '../../src/tensor/index.js';
import { benchDirectory, goldenFile, leftOut } from '../support/bench.js';
import { randomNumbers } from '../support/float-graphs.js';

const test = suite('search of channel shifts and scales');

interface Case {
  readonly bits: number;
  readonly w_per_channel: boolean;
  readonly x: readonly (readonly number[])[];
  readonly w: readonly (readonly number[])[];
  readonly shift_z: readonly number[];
  readonly best_threshold: number;
  readonly scale_s: readonly number[];
  readonly loss_best: number;
}

function rangesOf(rows: readonly (readonly number[])[]): ChannelRanges {
  const columns = rows[0]!.map((_, c) => rows.map((row) => row[c]!));
  return { low: Float64Array.from(columns, (v) => Math.min(...v)), high: Float64Array.from(columns, (v) => Math.max(...v)) };
}

function search(rows: readonly (readonly number[])[], weights: readonly (readonly number[])[], bits: number, perChannel: boolean) {
  const product = { inputs: Float32Array.from(rows.flat()), weights: Float32Array.from(weights.flat()), columns: rows[0]!.map((_, c) => c) };
  return searchMigration(rangesOf(rows), [product], { activationBits: bits, weightBits: bits, perChannel });
}

function near(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.is(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) assert.ok(Math.abs(actual[i]! - expected[i]!) <= tolerance * Math.max(1, Math.abs(expected[i]!)), `${i}: ${actual[i]} is not ${expected[i]}`);
}

test.before(async () => void (await initTensor()));

const golden = goldenFile('osplus_migration.json');
test('the official search finds the same threshold, shifts and scales', () => {
  if (!golden) return leftOut(5, 'the vectors osplus_migration.json are absent');
  const { cases } = JSON.parse(readFileSync(golden, 'utf8')) as { cases: readonly Case[] };
  assert.is(cases.length, 5);
  for (const one of cases) {
    const found = search(one.x, one.w, one.bits, one.w_per_channel);
    near([found.threshold], [one.best_threshold], 1e-6);
    near(found.shift, one.shift_z, 1e-6);
    near(found.scale, one.scale_s, 1e-6);
    near([found.loss], [one.loss_best], 1e-5);
  }
});

test('activations far below 1 are searched as well: the same values 1000 times smaller get the same scales where the threshold stays above the floor', () => {
  const next = randomNumbers(7);
  const rows = Array.from({ length: 64 }, () => Array.from({ length: 12 }, (_, c) => next() * (c === 3 ? 1.5 : 0.03) + (c === 5 ? 0.4 : 0)));
  const weights = Array.from({ length: 6 }, () => Array.from({ length: 12 }, next));
  const [large, small] = [rows, rows.map((row) => row.map((v) => v / 1000))].map((values) => search(values, weights, 6, true));
  assert.ok(small!.scale[3]! > 5, `the outlier channel is scaled by ${small!.scale[3]}`);
  assert.ok(small!.loss < small!.lossBefore / 10, `${small!.loss} of ${small!.lossBefore}`);
  near(small!.scale, large!.scale, 1e-3);
});

/** Channel → largest magnitude over the median of all channels. */
function excess(values: Float32Array, channels: number): readonly number[] {
  const maxima = new Array<number>(channels).fill(0);
  values.forEach((v, i) => void (maxima[i % channels] = Math.max(maxima[i % channels]!, Math.abs(v))));
  const median = [...maxima].sort((a, b) => a - b)[channels >> 1]!;
  return maxima.map((maximum) => maximum / median);
}

const bench = benchDirectory();
test('every outlier that was built into a network is found and gone, its function stays', async () => {
  if (!bench) return leftOut(1, 'the benchmark models are absent');
  const graph = optimizeFloatGraph(await loadModel(join(bench, 'models/bert_tiny_outlier_emb.onnx'))).graph;
  const sites = Object.entries((JSON.parse(readFileSync(join(bench, 'models/bert_tiny_outlier_emb.json'), 'utf8')) as { outlier_channels: Record<string, readonly { channel: number }[]> }).outlier_channels);
  const samples = firstSamples(await loadSamples(join(bench, 'models/bert_tiny_outlier_emb_in8.npy'), graph), 8);
  const { graph: moved, migrations } = await migrateOutliers(graph, samples, { weightBits: 8, activationBits: 8 });
  const applied = migrations.filter((m) => m.isApplied);
  assert.is(applied.length, sites.length);
  const norms = graph.nodes.filter((node) => node.op === 'layer-norm').map((node) => node.outputs[0]!);
  const [before, after] = [await values(graph, samples, norms), await values(moved, samples, norms)];
  const isFar = (tensors: ReadonlyMap<string, Float32Array>) => norms.reduce((n, id) => n + excess(tensors.get(id)!, 96).filter((e) => e > 12).length, 0);
  const built = sites.filter(([name]) => !name.endsWith('context')).reduce((n, [, channels]) => n + channels.length, 0);
  assert.is(isFar(before), built);
  assert.is(isFar(after), 0);
  const [real, same] = [before, after].map((tensors) => tensors.get(graph.outputs[0]!.tensor)!);
  near(same!, real!, 1e-4);
});

async function values(graph: Parameters<typeof createExecutor>[0], samples: Awaited<ReturnType<typeof loadSamples>>, keep: readonly string[]): Promise<ReadonlyMap<string, Float32Array>> {
  const executor = await createExecutor(graph);
  try {
    return await executor.run(samples.inputs, samples.count, { keep });
  } finally {
    executor.dispose();
  }
}

test.run();
