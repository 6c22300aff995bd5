/** Arenas of models that other people trained: the largest live set is known from the literature of MLPerf Tiny, and overlaps undercut it. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/frontends/index.js';
import { optimizeFloatGraph } from '../../src/passes/float/index.js';
import { lowerGraph, planQuantization } from '../../src/quantization/index.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { benchDirectory, leftOut } from '../support/bench.js';

const test = suite('schedule/bench-models');

const models = [
  { file: 'ad01_int8.tflite', liveSetBytes: 768, arenaBytes: 768 },
  { file: 'pretrainedResnet_quant.tflite', liveSetBytes: 49_152, arenaBytes: 34_500 },
  { file: 'kws_ref_model.tflite', liveSetBytes: 16_000, arenaBytes: 10_100 },
  { file: 'vww_96_int8.tflite', liveSetBytes: 55_296, arenaBytes: 38_000 },
] as const;

for (const { file, liveSetBytes, arenaBytes } of models) {
  test(`${file}: live set ${liveSetBytes}, and an arena of at most ${arenaBytes}`, async () => {
    const bench = benchDirectory();
    if (bench === null) return leftOut(1, `the arena of ${file}: no benchmark folder`);
    const { graph } = optimizeFloatGraph(await loadModel(join(bench, 'models/mlperf-tiny', file)));
    const plan = planQuantization(graph, null, { method: 'nearest', bits: 'w8a8', seed: 0 });
    const { arena } = buildSchedule(lowerGraph(graph, plan), findTarget('cortex-m7'), { ...DEFAULT_SCHEDULE_OPTIONS, kernels: 'portable' });
    assert.is(arena.liveSetBytes, liveSetBytes);
    assert.ok(arena.bytes <= arenaBytes, `${arena.bytes} bytes`);
    assert.ok(arena.bytes >= arena.lowerBoundBytes);
  });
}

test.run();
