/** Exact rewrites change no output bit: random networks full of dead, constant and border-dependent channels. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../../sim/index.js';
import type { Codes } from '../../../src/graph/integer.js';
import { verifyIntegerGraph } from '../../../src/graph/verify.js';
import { optimizeIntegerGraph } from '../../../src/passes/integer/index.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import { RandomNetwork } from '../../support/random-network.js';

const test = suite('fold dead channels');

function samples(random: Random, length: number): readonly Codes[] {
  return Array.from({ length: 6 }, (_, i) => (i === 0 ? new Int8Array(length).fill(-128) : i === 1 ? new Int8Array(length).fill(127) : random.codes(new Int8Array(length), -128, 127)));
}

test('300 random networks keep every output bit', () => {
  let removed = 0;
  let classed = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const { graph, inputLength } = new RandomNetwork(random).build();
    const optimized = optimizeIntegerGraph(graph);
    verifyIntegerGraph(optimized.graph);
    removed += optimized.savings.channelsRemoved;
    classed += optimized.graph.nodes.filter((n) => n.attributes['biasClasses']).length;
    const before = createSimulator(graph);
    const after = createSimulator(optimized.graph);
    for (const input of samples(random, inputLength)) assert.equal(after.run([input]), before.run([input]), `seed ${seed}`);
  }
  assert.ok(removed > 1000, `only ${removed} channels were removed`);
  assert.ok(classed > 30, `only ${classed} nodes needed biases by border class`);
});

test('every code range holds for the tensors of random inputs', () => {
  for (let seed = 400; seed <= 440; seed++) {
    const random = new Random(seed);
    const { graph, inputLength } = new RandomNetwork(random).build();
    const optimized = optimizeIntegerGraph(graph).graph;
    const simulator = createSimulator(optimized);
    for (const input of samples(random, inputLength)) {
      for (const [id, codes] of simulator.tensors([input])) {
        const [low, high] = optimized.tensors.get(id)!.codeRange;
        assert.ok(codes.every((code) => code >= low && code <= high), `seed ${seed}, '${id}'`);
      }
    }
  }
});

test('folding twice folds nothing more', () => {
  for (let seed = 500; seed <= 540; seed++) {
    const once = optimizeIntegerGraph(new RandomNetwork(new Random(seed)).build().graph).graph;
    assert.is(optimizeIntegerGraph(once).savings.channelsRemoved, 0, `seed ${seed}`);
  }
});

test('generated code computes folded networks, biases by border class included', async () => {
  const cases = [];
  for (let seed = 600; cases.length < 12; seed++) {
    const random = new Random(seed);
    const { graph, inputLength } = new RandomNetwork(random).build();
    const folded = optimizeIntegerGraph(graph).graph;
    const isClassed = folded.nodes.some((n) => n.attributes['biasClasses']);
    if (isClassed) cases.push({ name: `seed ${seed}`, graph: folded, inputs: samples(random, inputLength).map((codes) => [codes]) });
  }
  await expectFirmwareMatchesSimulator(cases, ['host', 'cortex-m0']);
});

test.run();
