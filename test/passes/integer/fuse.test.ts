/** Chains of functions of one code become one table, clamps become part of what they follow; no output bit changes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../../sim/index.js';
import type { IntegerGraph, TensorId } from '../../../src/graph/integer.js';
import { verifyIntegerGraph } from '../../../src/graph/verify.js';
import { optimizeIntegerGraph } from '../../../src/passes/integer/index.js';
import { IntegerGraphBuilder, Random } from '../../support/integer-graphs.js';

const test = suite('fuse tables and clamps');
const SHAPE = [4, 3];
const LENGTH = 12;
const FULL = { zeroPoint: 0, clamp: [-128, 127] as const };

function codes(random: Random): Int8Array {
  return random.codes(new Int8Array(LENGTH), -128, 127);
}

/** dense, then a chain of clamps, tables and rescalings; some links are outputs or read twice. */
function randomChain(random: Random): IntegerGraph {
  const b = new IntegerGraphBuilder();
  const x = b.input('x', SHAPE);
  const weights = b.constant('w', [3, 3], random.codes(new Int8Array(9), -127, 127));
  const bias = b.constant('b', [3], random.codes(new Int32Array(3), -400, 400));
  let last = b.node('dense', 'd', [x, weights, bias], { shape: SHAPE, attributes: { inputZeroPoint: 0 }, requantize: { mode: 'dyadicHigh', multiplier: [40000000], ...FULL } });
  const outputs: TensorId[] = [];
  const links = random.integer(1, 6);
  for (let i = 0; i < links; i++) {
    last = link(b, random, last, `n${i}`);
    if (random.next() < 0.15) outputs.push(last);
  }
  return b.build([...new Set([...outputs, last])]);
}

function link(b: IntegerGraphBuilder, random: Random, from: TensorId, name: string): TensorId {
  const choice = random.integer(0, 2);
  if (choice === 0) return b.node('clamp', name, [from], { shape: SHAPE, attributes: { clamp: [random.integer(-128, 10), random.integer(10, 127)] } });
  if (choice === 1) return b.node('unary', name, [from, b.constant(`${name}/table`, [256], random.codes(new Int8Array(256), -128, 127))], { shape: SHAPE });
  const requantize = { mode: 'dyadic' as const, multiplier: [random.integer(1 << 29, 2147483647)], shift: [31], zeroPoint: random.integer(-20, 20), clamp: [-128, 127] as const };
  return b.node('requantize', name, [from], { shape: SHAPE, attributes: { inputZeroPoint: random.integer(-20, 20) }, requantize });
}

test('200 random chains keep every output bit', () => {
  let fused = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const graph = randomChain(random);
    const after = optimizeIntegerGraph(graph).graph;
    verifyIntegerGraph(after);
    fused += graph.nodes.length - after.nodes.length;
    for (let i = 0; i < 4; i++) {
      const input = codes(random);
      assert.equal(createSimulator(after).run([input]), createSimulator(graph).run([input]), `seed ${seed}`);
    }
  }
  assert.ok(fused > 200, `only ${fused} nodes were fused`);
});

test('a clamp behind a layer is the layer\'s own', () => {
  const b = new IntegerGraphBuilder();
  const x = b.input('x', SHAPE);
  const inputs = [x, b.constant('w', [3, 3], Int8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9])), b.constant('b', [3], new Int32Array(3))];
  const d = b.node('dense', 'd', inputs, { shape: SHAPE, attributes: { inputZeroPoint: 0 }, requantize: { mode: 'dyadicHigh', multiplier: [400000000], ...FULL } });
  b.node('clamp', 'c', [d], { shape: SHAPE, attributes: { clamp: [0, 50] } });
  const { graph } = optimizeIntegerGraph(b.build(['c']));
  assert.equal(graph.nodes.map((n) => n.op), ['dense']);
  assert.equal(graph.nodes[0]!.requantize!.clamp, [0, 50]);
  assert.equal(graph.nodes[0]!.outputs, ['c']);
});

test.run();
