/** Strip plans, replayed row by row: every kernel must find the rows of its window, and no source row may be overwritten too early. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS, type Step } from '../../src/schedule/index.js';
import { planStrips, stripDistance, type StripPlan } from '../../src/schedule/strips/plan.js';
import { rowRule } from '../../src/schedule/strips/rows.js';
import { findTarget } from '../../src/targets/index.js';
import { ImageNetwork } from '../support/image-network.js';
import { Random } from '../support/integer-graphs.js';

const test = suite('schedule/strips');
const anyKernel = () => ({ family: 'portable', template: 't', stem: 't', view: {}, arguments: [], scratchBytes: 0, scalars: [] });

function plan(graph: IntegerGraph, rows: number): StripPlan | null {
  return planStrips({ graph, nodes: graph.nodes, rows, alignment: 4, mostBytes: Infinity, chooseKernel: anyKernel });
}

/** What a row of a line buffer holds: a row of the tensor, or padding, or nothing of use. */
type Row = number | 'pad' | 'unknown';

/** Runs the loop of templates/c/strips/loop.hbs on names of rows; returns the rows of the last tensor in the order they were computed. */
function replay(graph: IntegerGraph, strips: StripPlan): readonly number[] {
  const lines = new Map(strips.buffers.map((b) => [b.tensor, new Array<Row>(b.held).fill(b.padByte === null ? 'unknown' : 'pad')]));
  const bufferOf = new Map(strips.buffers.map((b) => [b.tensor, b]));
  const done: number[] = [];
  for (let pass = strips.first; pass < strips.end; pass++) {
    const add = (tensor: string, isComputed: boolean) => {
      const { rows, lead, height, held, padByte } = bufferOf.get(tensor)!;
      const line = lines.get(tensor)!;
      for (let i = 0; i < rows; i++) {
        const row = pass * rows + lead + i;
        const outside = row < 0 || row >= height;
        if (outside) line[held - rows + i] = padByte === null ? 'unknown' : 'pad';
        else if (isComputed) line[held - rows + i] = row;
      }
    };
    for (const source of strips.sources) add(source, true);
    for (const stage of strips.stages) {
      const tensor = stage.node.outputs[0]!;
      const buffer = bufferOf.get(tensor);
      const computes = pass >= stage.first && pass < stage.end;
      const rule = rowRule(stage.node, graph)!;
      const { rows, lead, height } = buffer ?? { rows: strips.sink.rows, lead: 0, height: graph.tensors.get(tensor)!.shape[0]! };
      for (let i = 0; i < rows; i++) {
        const row = pass * rows + lead + i;
        if (row < 0 || row >= height) continue;
        assert.ok(computes, `${stage.node.id} leaves out row ${row}`);
        for (const input of rule.inputs) {
          const source = bufferOf.get(input)!;
          const start = stage.windows.get(input)! / source.rowBytes + i * rule.stride;
          for (let k = 0; k < rule.window; k++) {
            const wanted = row * rule.stride - rule.padTop + k;
            const expected = wanted < 0 || wanted >= source.height ? 'pad' : wanted;
            assert.is(lines.get(input)![start + k], expected, `row ${row} of ${stage.node.id}: row ${wanted} of ${input}`);
          }
        }
        if (!buffer) done.push(row);
      }
      if (buffer) add(tensor, computes);
    }
    for (const { tensor, rows, held } of strips.buffers) {
      const line = lines.get(tensor)!;
      lines.set(tensor, [...line.slice(rows), ...line.slice(held - rows)]);
    }
  }
  return done;
}

test('random networks: every window holds its rows, every row of the output is computed once and in order', () => {
  let planned = 0;
  for (let seed = 0; seed < 250; seed++) {
    const graph = new ImageNetwork(new Random(seed), 'net').build();
    for (const rows of [1, 2, 3]) {
      const strips = plan(graph, rows);
      if (!strips) continue;
      planned++;
      const height = graph.tensors.get(strips.sink.tensor)!.shape[0]!;
      assert.equal(replay(graph, strips), Array.from({ length: height }, (_, i) => i), `seed ${seed}`);
    }
  }
  assert.ok(planned > 250, `${planned} plans`);
});

test('source rows are taken before the output overwrites them, at the distance that is said', () => {
  for (let seed = 0; seed < 200; seed++) {
    const graph = new ImageNetwork(new Random(seed), 'net').build();
    const strips = plan(graph, 1);
    if (!strips) continue;
    for (const source of strips.sources) {
      const distance = stripDistance(strips, source);
      const { rows, lead, height, rowBytes } = strips.buffers.find((b) => b.tensor === source)!;
      let written = 0;
      for (let pass = strips.first; pass < strips.end; pass++) {
        for (let row = Math.max(0, pass * rows + lead); row < Math.min(height, pass * rows + lead + rows); row++) assert.ok(written === 0 || written - distance <= row * rowBytes, `seed ${seed}, row ${row}`);
        written = Math.max(0, (pass + 1) * strips.sink.rows * strips.sink.rowBytes);
      }
    }
  }
});

test('--optimize ram never takes more memory, and strips are never seen', () => {
  let fused = 0;
  for (let seed = 0; seed < 30; seed++) {
    const graph = new ImageNetwork(new Random(seed), 'net').build();
    for (const target of ['host', 'cortex-m7'].map(findTarget)) {
      const plain = buildSchedule(graph, target, { ...DEFAULT_SCHEDULE_OPTIONS, optimize: 'ram' });
      const fast = buildSchedule(graph, target);
      const strips = plain.steps.filter((s: Step) => s.strips);
      assert.ok(strips.length === 0 || plain.arena.bytes < fast.arena.bytes, `seed ${seed} on ${target.id}: ${plain.arena.bytes}, ${fast.arena.bytes} without strips`);
      assert.equal(plain.steps.flatMap((s) => s.nodes.map((n) => n.id)), graph.nodes.map((n) => n.id));
      assert.equal(plain.unobserved, strips.flatMap((s) => s.nodes.slice(0, -1).map((n) => n.outputs[0]!)));
      fused += strips.length;
    }
  }
  assert.ok(fused > 15, `${fused} fused steps`);
});

test('nodes that cannot run in strips are refused', () => {
  const graph = new ImageNetwork(new Random(3), 'net').build();
  const node = graph.nodes.find((n) => n.op === 'conv2d')!;
  assert.is(rowRule({ ...node, op: 'transpose' }, graph), null);
  const classes = { ...node, attributes: { ...node.attributes, biasClasses: { rows: [0, 1], columns: [0] } } } as unknown as typeof node;
  assert.is(rowRule(classes, graph), null);
});

test.run();
