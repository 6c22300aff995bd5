/** Arenas of models that other people trained: the largest live set is known from the literature of MLPerf Tiny, and overlaps and strips undercut it. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/frontends/index.js';
import { optimizeFloatGraph } from '../../src/passes/float/index.js';
import { optimizeIntegerGraph } from '../../src/passes/integer/index.js';
import { lowerGraph, planQuantization } from '../../src/quantization/index.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS, optimizeArena } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { benchDirectory, leftOut } from '../support/bench.js';

const test = suite('schedule/bench-models');

const models = [
  { file: 'ad01_int8.tflite', liveSetBytes: 768, leanBytes: 768 },
  { file: 'pretrainedResnet_quant.tflite', liveSetBytes: 49_152, leanBytes: 22_000 },
  { file: 'kws_ref_model.tflite', liveSetBytes: 16_000, leanBytes: 10_100 },
  { file: 'vww_96_int8.tflite', liveSetBytes: 55_296, leanBytes: 29_500 },
] as const;

for (const { file, liveSetBytes, leanBytes } of models) {
  test(`${file}: at most 1,536 bytes above the live set of ${liveSetBytes}; ${leanBytes} with --optimize ram`, async () => {
    const bench = benchDirectory();
    if (bench === null) return leftOut(1, `the arena of ${file}: no benchmark folder`);
    const { graph: float } = optimizeFloatGraph(await loadModel(join(bench, 'models/mlperf-tiny', file)));
    const { graph } = optimizeIntegerGraph(lowerGraph(float, planQuantization(float, null, { method: 'nearest', bits: 'w8a8', seed: 0 })));
    const target = findTarget('cortex-m7');
    const { arena } = await optimizeArena(buildSchedule(graph, target));
    assert.is(arena.liveSetBytes, liveSetBytes);
    assert.ok(arena.bytes <= liveSetBytes + 1536, `${arena.bytes} bytes`);
    assert.is(arena.bytes, arena.lowerBoundBytes);
    const lean = await optimizeArena(buildSchedule(graph, target, { ...DEFAULT_SCHEDULE_OPTIONS, optimize: 'ram' }));
    assert.ok(lean.arena.bytes <= leanBytes, `${lean.arena.bytes} bytes with --optimize ram`);
    assert.is.not(lean.arena.proof, 'none');
  });
}

test.run();
