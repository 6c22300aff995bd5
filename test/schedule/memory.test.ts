import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { planMemory } from '../../src/schedule/memory.js';
import type { ArenaPlan, Step } from '../../src/schedule/schedule.js';
import { findTarget } from '../../src/targets/index.js';
import { HandGraph } from '../support/hand-graph.js';

const test = suite('schedule/memory');
const host = findTarget('host');

interface Draft {
  readonly inputs: readonly string[];
  readonly output: string;
  readonly inPlace?: readonly number[];
  readonly scratchBytes?: number;
  /** Of the first input. */
  readonly distanceBytes?: number;
}

function stepsOf(graph: IntegerGraph, drafts: readonly Draft[], aliases: ReadonlyMap<string, string> = new Map()): readonly Step[] {
  const root = (id: string) => aliases.get(id) ?? id;
  return drafts.map((d, index): Step => {
    const node = { id: `n${index}`, op: 'test', inputs: d.inputs, outputs: [d.output], attributes: {}, origin: graph.tensors.get(d.output)!.origin };
    const args = [...d.inputs.map((tensor) => ({ kind: 'input', tensor }) as const), { kind: 'output', tensor: d.output } as const];
    const scratchBytes = d.scratchBytes ?? 0;
    const kernel = { family: 'portable', template: 't', stem: 't', view: {}, arguments: args, scratchBytes, scalars: [], ...(d.inPlace && { inPlace: d.inPlace }), ...(d.distanceBytes !== undefined && { overlap: [{ input: 0, distanceBytes: d.distanceBytes }] }) };
    return { index, nodes: [node], kernel, reads: [...new Set(d.inputs.map(root))], writes: [root(d.output)], scratchBytes };
  });
}

/** Every tensor holds what was written to it until its last reader: replays the steps on a byte array of owners. */
function assertKeepsValues(plan: ArenaPlan, steps: readonly Step[], inputs: readonly string[], outputs: readonly string[]): void {
  const owner: (string | undefined)[] = new Array(plan.bytes);
  const write = (id: string, at: number, bytes: number) => owner.fill(id, at, at + bytes);
  const holds = (id: string) => {
    const { bytes } = plan.lifetimes.get(id)!;
    const at = plan.offsets.get(id)!;
    return owner.slice(at, at + bytes).every((o) => o === id);
  };
  for (const id of inputs) write(id, plan.offsets.get(id)!, plan.lifetimes.get(id)!.bytes);
  for (const step of steps) {
    if (step.scratchBytes > 0) write('scratch', plan.scratchOffsets[step.index]!, step.scratchBytes);
    for (const id of step.reads) assert.ok(holds(id), `step ${step.index} reads ${id}, which was overwritten`);
    for (const id of step.writes) write(id, plan.offsets.get(id)!, plan.lifetimes.get(id)!.bytes);
    if (step.scratchBytes > 0) assert.not(step.writes.some((id) => !holds(id)));
  }
  for (const id of outputs) assert.ok(holds(id), `output ${id} was overwritten`);
}

const randomNetwork = fc.array(
  fc.record({ size: fc.integer({ min: 1, max: 40 }), from: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), inPlace: fc.boolean(), scratch: fc.integer({ min: 0, max: 30 }) }),
  { minLength: 1, maxLength: 14 },
);

test('random networks: no value is overwritten before its last reader; in place and scratch included', () => {
  fc.assert(
    fc.property(randomNetwork, fc.boolean(), fc.constantFrom('host', 'cortex-m55'), (nodes, keepInput, target) => {
      const builder = new HandGraph().activation('t0', [10]);
      nodes.forEach((n, i) => builder.activation(`t${i + 1}`, [n.size]));
      const graph = builder.build(['t0'], [`t${nodes.length}`]);
      const steps = stepsOf(graph, nodes.map((n, i) => ({ inputs: [...new Set(n.from.map((f) => `t${f % (i + 1)}`))], output: `t${i + 1}`, scratchBytes: n.scratch, ...(n.inPlace && { inPlace: [0] }) })));
      const plan = planMemory(graph, findTarget(target), steps, new Map(), keepInput);
      const kept = [`t${nodes.length}`, ...(keepInput ? ['t0'] : [])];
      assertKeepsValues(plan, steps, ['t0'], kept);
      const alignment = target === 'cortex-m55' ? 16 : 4;
      for (const offset of plan.offsets.values()) assert.is(offset % alignment, 0);
      assert.ok(plan.bytes >= plan.lowerBoundBytes);
    }),
    { seed: 3, numRuns: 300 },
  );
});

test('an element-wise step takes the memory of an input that dies there', () => {
  const graph = new HandGraph().activation('x', [64]).activation('h', [64]).activation('y', [64]).build(['x'], ['y']);
  const steps = stepsOf(graph, [{ inputs: ['x'], output: 'h', inPlace: [0] }, { inputs: ['h', 'x'], output: 'y', inPlace: [0, 1] }]);
  const plan = planMemory(graph, host, steps, new Map(), false);
  assert.is(plan.bytes, 128, 'h cannot replace x, which is read again; y replaces h');
  assert.is(plan.offsets.get('y'), plan.offsets.get('h'));
  assert.is(planMemory(graph, host, steps.slice(0, 1), new Map(), false).bytes, 64);
});

test('an output overlaps an input that dies, by the distance that the kernel says', () => {
  const graph = new HandGraph().activation('x', [64]).activation('y', [48]).activation('z', [48]).build(['x'], ['z']);
  const step: Draft = { inputs: ['x'], output: 'y', distanceBytes: 10 };
  const steps = stepsOf(graph, [step, { inputs: ['y'], output: 'z', inPlace: [0] }]);
  const plan = planMemory(graph, host, steps, new Map(), false);
  assert.is(plan.bytes, 64 + 12, 'ten bytes, rounded up to the alignment');
  assert.is(plan.proof, 'live-set');
  assert.ok(plan.offsets.get('y')! <= plan.offsets.get('x')! - 10);
  assert.is(planMemory(graph, host, stepsOf(graph, [{ ...step, distanceBytes: -20 }, { inputs: ['y'], output: 'z', inPlace: [0] }]), new Map(), false).bytes, 64);
  assert.is(planMemory(graph, host, steps, new Map(), true).bytes, 112, 'a kept input is not overwritten');
});

test('an input that is read again, or under another shape too, is not overlapped', () => {
  const graph = new HandGraph().activation('x', [4, 4]).activation('r', [16]).activation('y', [16]).activation('z', [16]).build(['x'], ['z']);
  const again = stepsOf(graph, [{ inputs: ['x'], output: 'y', distanceBytes: 0 }, { inputs: ['y', 'x'], output: 'z' }]);
  assert.is(planMemory(graph, host, again, new Map(), false).bytes, 48);
  const aliases = new Map([['r', 'x']]);
  const twice = stepsOf(graph, [{ inputs: ['x', 'r'], output: 'z', distanceBytes: 0 }], aliases);
  assert.is(planMemory(graph, host, twice, aliases, false).bytes, 32);
});

test('a kept input is not overwritten in place', () => {
  const graph = new HandGraph().activation('x', [64]).activation('y', [64]).build(['x'], ['y']);
  const steps = stepsOf(graph, [{ inputs: ['x'], output: 'y', inPlace: [0] }]);
  assert.is(planMemory(graph, host, steps, new Map(), false).bytes, 64);
  assert.is(planMemory(graph, host, steps, new Map(), true).bytes, 128);
});

test('the same memory under another shape is not overwritten in place', () => {
  const graph = new HandGraph().activation('x', [4, 1]).activation('r', [1, 4]).activation('y', [4]).build(['x'], ['y']);
  const aliases = new Map([['r', 'x']]);
  const steps = stepsOf(graph, [{ inputs: ['x', 'r'], output: 'y', inPlace: [0] }], aliases);
  const plan = planMemory(graph, host, steps, aliases, false);
  assert.is(plan.bytes, 8);
  assert.is(plan.offsets.get('r'), plan.offsets.get('x'));
});

test('aliases of inputs and outputs share memory; a network may be nothing else', () => {
  const graph = new HandGraph().activation('x', [4, 4]).activation('y', [16]).build(['x'], ['y']);
  const plan = planMemory(graph, host, [], new Map([['y', 'x']]), false);
  assert.is(plan.bytes, 16);
  assert.is(plan.offsets.get('y'), plan.offsets.get('x'));
});

test('two outputs and an output that is read again live to the end', () => {
  const graph = new HandGraph().activation('x', [8]).activation('a', [8]).activation('b', [8]).activation('c', [8]).build(['x'], ['a', 'c']);
  const steps = stepsOf(graph, [{ inputs: ['x'], output: 'a' }, { inputs: ['a'], output: 'b', inPlace: [0] }, { inputs: ['b'], output: 'c', inPlace: [0] }]);
  const plan = planMemory(graph, host, steps, new Map(), false);
  assertKeepsValues(plan, steps, ['x'], ['a', 'c']);
  assert.is(plan.bytes, 16);
});

test.run();
