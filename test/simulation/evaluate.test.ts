/** Splitting a batch over threads changes nothing. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { simulateBatch } from '../../src/simulation/evaluate.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';

const test = suite('simulate batches');
const CHANNELS = 6;

function denseGraph(): IntegerGraph {
  const random = new Random(7);
  const builder = new IntegerGraphBuilder();
  const input = builder.input('x', [9]);
  const weights = builder.constant('w', [CHANNELS, 9], random.codes(new Int8Array(CHANNELS * 9), -127, 127));
  const bias = builder.constant('b', [CHANNELS], random.codes(new Int32Array(CHANNELS), -500, 500));
  const output = builder.node('dense', 'y', [input, weights, bias], {
    shape: [CHANNELS],
    attributes: { inputZeroPoint: 3 },
    requantize: { mode: 'dyadicHigh', multiplier: [12345678], zeroPoint: -5, clamp: [-128, 127] },
  });
  return builder.build([output]);
}

test('three threads, one thread and the bare simulator agree on 50 samples', async () => {
  const graph = denseGraph();
  const inputs = new Random(8).codes(new Int8Array(50 * 9), -128, 127);
  const simulator = createSimulator(graph);
  const expected = Array.from({ length: 50 }, (_, i) => [...simulator.run([inputs.subarray(9 * i, 9 * i + 9)])[0]!]).flat();
  for (const workers of [1, 3]) {
    const [outputs] = await simulateBatch(graph, [inputs], 50, { workers });
    assert.equal([...outputs!], expected, `${workers} thread(s)`);
  }
});

test('what goes wrong in a thread is reported', async () => {
  const graph = denseGraph();
  const broken = { ...graph, nodes: graph.nodes.map((n) => ({ ...n, op: 'no-such-operator' })) };
  try {
    await simulateBatch(broken, [new Int8Array(4 * 9)], 4, { workers: 2 });
    assert.unreachable('no error');
  } catch (error) {
    assert.match((error as Error).message, /no kernel for operator 'no-such-operator'/);
  }
});

test('codes outside the proven range of an input are refused', () => {
  const graph = denseGraph();
  assert.throws(() => createSimulator(graph).run([Int16Array.from({ length: 9 }, () => 200)]), /outside \[-128, 127\]/);
  assert.throws(() => createSimulator(graph).run([new Int8Array(3)]), /9 codes, got 3/);
});

test('the accumulator behind an element', () => {
  const graph = denseGraph();
  const simulator = createSimulator(graph);
  const weights = graph.tensors.get('w')!.constant!.data;
  const x = Int8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const expected = x.reduce((sum, v, k) => sum + weights[2 * 9 + k]! * (v - 3), graph.tensors.get('b')!.constant!.data[2]!);
  assert.is(simulator.accumulator([x], 'y', 2), expected);
});

test.run();
