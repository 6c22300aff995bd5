/** The least memory of transformers: attention of exported models is found, whatever passes do around it, and no scores exist whole. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { resolveOptions } from '../../src/options.js';
import { quantizeModel } from '../../src/pipeline.js';
import { silentProgress } from '../../src/progress.js';
import { resolveAliases } from '../../src/schedule/aliases.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS, optimizeArena, type ScheduleOptions } from '../../src/schedule/index.js';
import { matches, searchOf } from '../../src/schedule/steps.js';
import { findTarget } from '../../src/targets/index.js';
import { benchDirectory, leftOut } from '../support/bench.js';
import { sampleConfigOf } from '../support/golden-projects.js';

const test = suite('schedule/transformers');
const RAM: ScheduleOptions = { ...DEFAULT_SCHEDULE_OPTIONS, optimize: 'ram' };
const ATTENTION = ['matmul', 'softmax', 'matmul'].join();

/** Attentions that a family of kernels offers to compute as one step. */
function offered(graph: IntegerGraph, targetId: string, family: string): number {
  const search = searchOf(graph, findTarget(targetId), RAM, resolveAliases(graph));
  return search.nodes.filter((_, at) => [...matches(search, at)].some(({ group, kernel }) => kernel.family === family && group.map((n) => n.op).join() === ATTENTION)).length;
}

async function leanArena(graph: IntegerGraph, targetId: string) {
  const { steps, arena } = await optimizeArena(buildSchedule(graph, findTarget(targetId), RAM));
  return { attentions: steps.filter(({ nodes }) => nodes.map((n) => n.op).join() === ATTENTION).length, arena };
}

test('the sample has two attentions', async () => {
  const { graph } = await quantizeModel(resolveOptions({ samples: 8 }, sampleConfigOf('shapes-vit')), silentProgress);
  assert.is(offered(graph, 'cortex-m7', 'dsp'), 1, 'the last one has a single row');
  assert.is(offered(graph, 'rv32imc', 'portable'), 2);
});

test('the vision transformer runs without a tensor of scores', async () => {
  const bench = benchDirectory();
  if (bench === null) return leftOut(1, 'the vision transformer: no benchmark folder');
  const options = { model: join(bench, 'models/vit_cifar10.onnx'), calib: [join(bench, 'data/cifar10_calib_512_x.npy')], samples: 2, preprocess: '{"scale":"1/255","layout":"nhwc"}' };
  const { graph } = await quantizeModel(resolveOptions(options), silentProgress);
  assert.is(offered(graph, 'rv32imc', 'portable'), 6);
  const { attentions, arena } = await leanArena(graph, 'cortex-m7');
  assert.is(attentions, 5);
  // Around 32,000: the rows of a block, four times as wide behind its first layer; 37,635 live with whole scores.
  assert.ok(arena.bytes <= 34_000, `${arena.bytes} bytes`);
});

test.run();
