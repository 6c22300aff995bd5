/** Straight-line sums: the same integers as lists of taps, instructions as predicted, chosen where they pay. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitProject, writeProject } from '../../../src/emit/index.js';
import type { IntegerGraph } from '../../../src/graph/integer.js';
import { type Core, coreOf } from '../../../src/operators/shift/straight/core.js';
import { largestRow, planSegments } from '../../../src/operators/shift/straight/rows.js';
import { straightForms, type StraightSums } from '../../../src/operators/shift/straight/sums.js';
import type { SumsForm } from '../../../src/operators/kernel.js';
import { shiftGrid } from '../../../src/operators/shift/weights.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS, type Schedule, type ScheduleOptions } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { chooseVectors, verifyProject } from '../../../src/verify/index.js';
import { leftOut } from '../../support/bench.js';
import { availableTargetIds, expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../../support/integer-graphs.js';
import { randomConvolution, randomDepthwise } from '../../support/linear-cases.js';
import { drawn, narrow } from '../../support/shift-cases.js';

const test = suite('shift/straight');
const TARGETS = ['cortex-m0plus', 'rv32ec', 'host'];
const CORES: readonly Core[] = ['cortex-m0plus', 'rv32ec'].map((id) => coreOf(findTarget(id).features));
const FORMS: readonly SumsForm[] = ['lists', 'unrolled', 'shared'];

/** Every node in that form. */
function inForm(graphs: readonly IntegerGraph[], form: SumsForm): Partial<ScheduleOptions> {
  return { layouts: new Map(graphs.flatMap(({ nodes }) => nodes.map(({ id }) => [id, { weights: 'int8', winograd: false, form }] as const))) };
}

/** Runs the steps of a program over words, as the macros of templates/c/shift/straight.hbs do. */
function run({ program, pairs }: StraightSums, words: readonly number[]): readonly number[] {
  const memory = [...words];
  let x = 0;
  for (const lines of program.blocks) {
    const rows: number[] = [];
    let base = 0;
    for (const [, step, operand] of lines.join(' ').matchAll(/(\w+)\((\d+)\)/g)) {
      const n = Number(operand);
      const act: Record<string, () => void> = {
        LOAD: () => { x = memory[base + n]!; },
        NEXT: () => { base += n; },
        BACK: () => { base -= n; },
        UP: () => { x = (x << n) | 0; },
        COPY: () => { rows[n] = x; },
        NEGATE: () => { rows[n] = -x | 0; },
        CLEAR: () => { rows[n] = 0; },
        ADD: () => { rows[n] = (rows[n]! + x) | 0; },
        SUB: () => { rows[n] = (rows[n]! - x) | 0; },
        PUT: () => { memory.push(...rows.slice(0, n)); },
      };
      act[step!]!();
    }
  }
  return memory.slice(words.length + pairs);
}

interface Matrix {
  readonly outputs: number;
  readonly columns: number;
  readonly weights: Int16Array;
}

function matrix(random: Random, outputs: number, columns: number, grid: { readonly terms: number; readonly exponentBits: number }): Matrix {
  const values = [...shiftGrid(grid)];
  return { outputs, columns, weights: Int16Array.from({ length: outputs * columns }, () => random.pick(values)) };
}

/** Largest code of 8 bits. */
const REACH = 128;
const ROOM = Math.floor(32767 / REACH);

test('every row fits 16 bits, and all rows together are the weights', () => {
  const random = new Random(71);
  for (const [outputs, columns, terms, exponentBits] of [[5, 9, 1, 3], [9, 40, 2, 3], [3, 300, 1, 1], [2, 700, 3, 3], [1, 1, 2, 2]] as const) {
    const { weights } = matrix(random, outputs, columns, { terms, exponentBits });
    for (const core of CORES) {
      const segments = planSegments(weights, outputs, ROOM, core);
      const sums = new Int32Array(weights.length);
      for (const segment of segments) {
        assert.ok(largestRow(segment) <= ROOM, `${largestRow(segment)} of ${ROOM}`);
        segment.rows.forEach((row, o) => {
          for (const { column, exponent, sign } of row) sums[o * columns + column]! += sign * 2 ** (exponent + segment.exponent);
        });
      }
      assert.equal([...sums], [...weights]);
    }
  }
});

test('the steps compute both products of every word, plain and with shared pairs', () => {
  const random = new Random(72);
  let shared = 0;
  for (const [outputs, columns, terms, exponentBits] of [[7, 9, 2, 3], [20, 70, 1, 3], [40, 24, 1, 1], [64, 16, 1, 1], [10, 600, 1, 2]] as const) {
    const { weights } = matrix(random, outputs, columns, { terms, exponentBits });
    const codes = [0, 1].map(() => Array.from({ length: columns }, () => random.integer(-REACH, REACH - 1)));
    const words = codes[0]!.map((code, i) => (code + (codes[1]![i]! << 16)) | 0);
    const product = (o: number, half: number) => codes[half]!.reduce((sum, code, i) => sum + code * weights[o * columns + i]!, 0);
    for (const core of CORES) {
      const forms = straightForms(weights, outputs, ROOM, core);
      if (forms.shared) shared++;
      for (const sums of [forms.unrolled, ...(forms.shared ? [forms.shared] : [])]) {
        const halves = run(sums, words);
        for (let o = 0; o < outputs; o++) {
          const parts = sums.exponents.map((exponent, s) => {
            const half = halves[s * outputs + o]!;
            const low = (half << 16) >> 16;
            return [low * 2 ** exponent, ((half - low) >> 16) * 2 ** exponent] as const;
          });
          assert.equal([0, 1].map((half) => parts.reduce((sum, part) => sum + part[half]!, 0)), [product(o, 0), product(o, 1)]);
        }
      }
    }
  }
  assert.ok(shared >= 4, `${shared} programs share pairs`);
});

test('shared pairs save additions where few powers of two repeat', () => {
  const { weights, outputs } = matrix(new Random(73), 64, 64, { terms: 1, exponentBits: 1 });
  for (const core of CORES) {
    const { unrolled, shared } = straightForms(weights, outputs, ROOM, core);
    assert.ok(shared!.program.instructions < unrolled.program.instructions, `${shared!.program.instructions} instead of ${unrolled.program.instructions}`);
  }
});

test('depthwise convolutions in straight-line code equal the simulator, tensor by tensor', async () => {
  const cases = drawn(78, 6, narrow(randomDepthwise));
  const options = inForm(cases.map(({ graph }) => graph), 'unrolled');
  for (const { graph } of cases) assert.is(scheduled(graph, 'rv32ec', options).steps[0]!.kernel.template, 'shift/depthwise-conv2d-straight');
  await expectFirmwareMatchesSimulator(cases, TARGETS, options);
});

for (const form of ['unrolled', 'shared'] as const) {
  test(`${form}: convolutions equal the simulator, tensor by tensor`, async () => {
    const layers = network();
    const cases = [...drawn(form === 'shared' ? 74 : 75, 3, narrow(randomConvolution)), { name: 'network', graph: layers, inputs: chooseVectors(layers, 3, null, 1).map(({ inputs }) => inputs) }];
    const options = inForm(cases.map(({ graph }) => graph), form);
    const kernels = cases.flatMap(({ graph }) => buildSchedule(graph, findTarget('rv32ec'), { ...DEFAULT_SCHEDULE_OPTIONS, ...options }).steps.map(({ kernel }) => kernel));
    assert.ok(kernels.every(({ template }) => /conv2d-straight$/.test(template)));
    assert.is(kernels.some(({ stem }) => stem.endsWith('_shared')), form === 'shared');
    await expectFirmwareMatchesSimulator(cases, TARGETS, options);
  });
}

/** 9x7x12 → 3x3 to 16, padded → depthwise 3x3 → 1x1 to 64, one bit of exponent → 1x1 to 24 → depthwise 3x3, stride 2. */
function network(): IntegerGraph {
  const random = new Random(77);
  const builder = new IntegerGraphBuilder('forms');
  const layer = (name: string, from: string, size: number, [inputs, outputs]: readonly [number, number], grid: { readonly terms: number; readonly exponentBits: number }): string => {
    const pad = (size - 1) / 2;
    const w = builder.constant(`${name}/w`, [outputs, size, size, inputs], Int16Array.from(matrix(random, outputs, size * size * inputs, grid).weights), 11);
    const b = builder.constant(`${name}/b`, [outputs], random.codes(new Int32Array(outputs), -500, 500));
    return builder.node('conv2d', name, [from, w, b], {
      attributes: { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [pad, pad, pad, pad], values: 3 }, inputZeroPoint: 3 },
      requantize: { mode: 'shift', shift: [7], rounding: 'halfUp', zeroPoint: 3, clamp: [-128, 127] },
      shape: [9, 7, outputs],
    });
  };
  const depthwise = (name: string, from: string, channels: number, stride: number): string => {
    const w = builder.constant(`${name}/w`, [3, 3, channels, 1], Int16Array.from(matrix(random, 9, channels, { terms: 2, exponentBits: 3 }).weights), 11);
    const b = builder.constant(`${name}/b`, [channels], random.codes(new Int32Array(channels), -500, 500));
    return builder.node('depthwise-conv2d', name, [from, w, b], {
      attributes: { strides: [stride, stride], dilations: [1, 1], pad: { amounts: [1, 1, 1, 1], values: 3 }, inputZeroPoint: 3 },
      requantize: { mode: 'shift', shift: [6], rounding: 'halfUp', zeroPoint: 3, clamp: [-128, 127] },
      shape: [Math.ceil(9 / stride), Math.ceil(7 / stride), channels],
    });
  };
  builder.input('x', [9, 7, 12]);
  const first = depthwise('planes', layer('first', 'x', 3, [12, 16], { terms: 2, exponentBits: 3 }), 16, 1);
  const second = layer('second', first, 1, [16, 64], { terms: 1, exponentBits: 1 });
  const third = layer('third', second, 1, [64, 24], { terms: 1, exponentBits: 3 });
  const graph = builder.build([depthwise('strided', third, 24, 2)]);
  return { ...graph, provenance: { ...graph.provenance, arith: 'shift' } };
}

const scheduled = (graph: IntegerGraph, id: string, options: Partial<ScheduleOptions> = {}) => buildSchedule(graph, findTarget(id), { ...DEFAULT_SCHEDULE_OPTIONS, ...options });

for (const id of ['rv32ec', 'cortex-m0plus']) {
  test(`${id}: executed instructions within 15 % of the predicted ones, and nothing multiplies`, async () => {
    if (!availableTargetIds().includes(id)) return leftOut(FORMS.length, `predictions for ${id}: tools missing`);
    const graph = network();
    for (const form of FORMS) {
      const schedule = scheduled(graph, id, inForm([graph], form));
      const { instructions, proofs } = await measured(schedule);
      assert.is(proofs?.noMultiply, true);
      schedule.steps.forEach(({ kernel, nodes }, i) => {
        const ratio = instructions!.steps![i]! / kernel.instructions!;
        assert.ok(Math.abs(ratio - 1) <= 0.15, `${nodes[0]!.id}, ${form}: ${instructions!.steps![i]} executed, ${Math.round(kernel.instructions!)} predicted`);
      });
    }
  });
}

async function measured(schedule: Schedule) {
  const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-straight-'));
  try {
    await writeProject(emitProject(schedule, { commandLine: 'test' }), folder);
    const result = await verifyProject(folder, schedule.graph, schedule.target, chooseVectors(schedule.graph, 1, null, 1).map(({ inputs }) => inputs));
    assert.is(result.mismatch, null);
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('speed takes the fewest instructions, flash takes lists, other cores as well', () => {
  const graph = network();
  const kernels = (id: string, options: Partial<ScheduleOptions> = {}) => scheduled(graph, id, options).steps.map(({ kernel }) => kernel);
  const predicted = (id: string, form: SumsForm) => kernels(id, inForm([graph], form)).map(({ instructions }) => instructions!);
  for (const id of ['rv32ec', 'cortex-m0plus']) {
    const forms = FORMS.map((form) => predicted(id, form));
    assert.equal(kernels(id).map(({ instructions }) => instructions), forms[0]!.map((_, i) => Math.min(...forms.map((form) => form[i]!))));
    assert.ok(kernels(id, { optimize: 'flash' }).every(({ codeBytes }) => codeBytes === undefined));
    assert.ok(scheduled(graph, id, { optimize: 'ram' }).arena.bytes < scheduled(graph, id).arena.bytes);
  }
  assert.ok(kernels('rv32ec').some(({ stem }) => stem.endsWith('_shared')));
  assert.ok(kernels('host').every(({ codeBytes }) => codeBytes === undefined));
});

test('within a budget of flash the layers that gain most are unrolled', () => {
  const graph = network();
  const bytes = ({ steps }: Schedule) => steps.reduce((sum, { kernel }) => sum + kernel.arguments.reduce((n, a) => n + (a.kind === 'constant' ? a.data.byteLength : 0), kernel.codeBytes ?? 0), 0);
  const total = ({ steps }: Schedule) => steps.reduce((sum, { kernel }) => sum + kernel.instructions!, 0);
  const [least, most] = [bytes(scheduled(graph, 'rv32ec', { optimize: 'flash' })), bytes(scheduled(graph, 'rv32ec'))];
  let last = Infinity;
  for (let budget = least; budget <= most; budget += Math.ceil((most - least) / 6)) {
    const schedule = scheduled(graph, 'rv32ec', { flashBudget: budget });
    assert.ok(bytes(schedule) <= budget);
    assert.ok(total(schedule) <= last);
    last = total(schedule);
  }
  assert.throws(() => scheduled(graph, 'rv32ec', { flashBudget: least - 1 }), /--flash-budget/);
});

test.run();
