/** Which tensors lie packed: every step that touches one knows of it, nobody outside sees one, and the arena is what it is for. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { packingOf } from '../../src/report/packing.js';
import { buildSchedule, buildUnfused, DEFAULT_SCHEDULE_OPTIONS, type Schedule } from '../../src/schedule/index.js';
import { lifetimesOf } from '../../src/schedule/lifetimes.js';
import { packedTensors } from '../../src/schedule/strips/packed-rows.js';
import { NOTHING_PACKED, Packing } from '../../src/schedule/strips/packing.js';
import { findTarget } from '../../src/targets/index.js';
import { FEW_BITS, ImageNetwork } from '../support/image-network.js';
import { Random } from '../support/integer-graphs.js';

const test = suite('packing of activations');
const OPTIONS = { ...DEFAULT_SCHEDULE_OPTIONS, optimize: 'ram' as const };
const TARGETS = ['host', 'cortex-m7'].map(findTarget);
const network = (seed: number) => new ImageNetwork(new Random(seed), 'net', seed % 2 === 0 ? 3 : 8, FEW_BITS, 1).build();

/** The same network, of whose codes nothing is known but their lanes. */
function withoutRanges(graph: IntegerGraph): IntegerGraph {
  const tensors = [...graph.tensors].map(([id, t]) => [id, t.constant ? t : { ...t, codeRange: t.type.signed ? ([-128, 127] as const) : ([0, 255] as const) }] as const);
  return { ...graph, tensors: new Map(tensors) };
}

function expectConsistent({ graph, steps, arena, unobserved }: Schedule, name: string): void {
  const packed = packedTensors(steps);
  const seen = [...graph.inputs, ...graph.outputs].map((port) => port.tensor);
  for (const [id, rows] of packed) {
    const touching = steps.filter((step) => [...step.reads, ...step.writes].includes(id));
    assert.ok(touching.length >= 2 && touching.every((step) => step.strips?.packed.has(id)), `${name}: ${id}`);
    assert.not.ok(seen.includes(id), `${name}: ${id} belongs to the interface`);
    assert.is(arena.lifetimes.get(id)!.bytes, rows.height * Math.ceil((rows.rowCodes * rows.bits) / 8));
    assert.ok(unobserved.includes(id));
  }
}

test('random networks: steps agree on what lies packed; the arena shrinks', () => {
  let [smaller, count, moved] = [0, 0, 0];
  for (let seed = 0; seed < 20; seed++) {
    const graph = network(seed);
    const target = TARGETS[Math.floor(seed / 2) % TARGETS.length]!;
    const schedule = buildSchedule(graph, target, OPTIONS);
    const plain = buildSchedule(withoutRanges(graph), target, OPTIONS);
    const name = `seed ${seed} on ${target.id}`;
    expectConsistent(schedule, name);
    assert.is(packingOf(plain), null);
    // Limits that are tried are a sample, and nothing is done for less than five per cent.
    assert.ok(schedule.arena.bytes <= plain.arena.bytes * 1.05, `${name}: ${schedule.arena.bytes} bytes, ${plain.arena.bytes} in bytes`);
    if (packedTensors(schedule.steps).size === 0) continue;
    count++;
    const packing = packingOf(schedule)!;
    assert.equal(packing.tensors.map(({ bytes }) => bytes), [...packedTensors(schedule.steps).keys()].map((id) => schedule.arena.lifetimes.get(id)!.bytes));
    if (packing.predictedInstructions > 0) moved++;
    if (schedule.arena.bytes < plain.arena.bytes) smaller++;
  }
  assert.ok(count >= 5 && smaller === count, `${smaller} of ${count} smaller`);
  assert.is(moved, count);
});

test('other schedules pack nothing', () => {
  for (const seed of [1, 3, 5]) {
    for (const schedule of [buildSchedule(network(seed), TARGETS[0]!), buildUnfused(network(seed), TARGETS[0]!, OPTIONS)]) assert.is(packedTensors(schedule.steps).size, 0);
  }
});

test('ways: every combination once, states that meet, nothing packed at both ends', () => {
  for (let seed = 0; seed < 40; seed++) {
    const graph = network(seed);
    const { nodes } = graph;
    const works = nodes.map((n) => ({ reads: n.inputs.filter((id) => !graph.tensors.get(id)!.constant), writes: n.outputs }));
    const packing = new Packing(graph, nodes, lifetimesOf(graph, works, new Map(), false), new Set());
    const states = (cut: number, side: 'enter' | 'leave') => new Set((side === 'enter' ? packing.ways(cut, cut + 1) : packing.ways(cut - 1, cut)).map((way) => way[side]));
    assert.equal([...states(0, 'enter')], [NOTHING_PACKED]);
    assert.equal([...states(nodes.length, 'leave')], [NOTHING_PACKED]);
    for (let cut = 1; cut < nodes.length; cut++) assert.equal([...states(cut, 'enter')].sort(), [...states(cut, 'leave')].sort(), `seed ${seed}, cut ${cut}`);
    for (const [from] of nodes.entries()) {
      const ways = packing.ways(from, from + 1);
      assert.is(ways[0]!.packed.size, 0);
      assert.is(new Set(ways.map(({ packed }) => [...packed.keys()].join())).size, ways.length);
    }
  }
});

test.run();
