import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { UsageError } from '../../src/errors.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS, type Schedule, type ScheduleOptions } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';

const layouts = suite('layouts');

/** Convolutions 3x3 of several widths, one after another. */
function network(largest = 127, bits = 8) {
  const random = new Random(7);
  const builder = new IntegerGraphBuilder('network');
  let x = builder.input('x', [8, 8, 8], { bits: 8 });
  for (const [i, [from, to]] of ([[8, 8], [8, 16], [16, 16], [16, 32]] as const).entries()) {
    const w = builder.constant(`w${i}`, [to, 3, 3, from], random.codes(new Int8Array(9 * from * to), -largest, largest), bits);
    const b = builder.constant(`b${i}`, [to], new Int32Array(to));
    const attributes = { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [1, 1, 1, 1], values: 0 }, inputZeroPoint: 0 };
    x = builder.node('conv2d', `y${i}`, [x, w, b], { attributes, requantize: { mode: 'dyadicHigh', multiplier: [3_000_000], zeroPoint: 0, clamp: [-128, 127] }, shape: [8, 8, to], output: { bits: 8 } });
  }
  return builder.build([x]);
}

const graph = network();
const templatesOf = ({ steps }: Schedule) => steps.flatMap((s) => s.kernel.support ?? []).map(({ template, view }) => `${template} ${(view as { suffix?: string }).suffix ?? ''}`);
const schedule = (flashBudget: number | null, winograd = true) => buildSchedule(graph, findTarget('cortex-m7'), { ...DEFAULT_SCHEDULE_OPTIONS, winograd, flashBudget });
const bytes = ({ steps }: Schedule) => steps.flatMap((s) => s.kernel.arguments).reduce((sum, a) => sum + (a.kind === 'constant' ? a.data.byteLength : 0), 0);
const instructions = ({ steps }: Schedule) => steps.reduce((sum, s) => sum + s.kernel.instructions!, 0);

layouts('constants stay within the budget, and more flash never costs instructions', () => {
  const least = bytes(schedule(null, false));
  const most = bytes(schedule(null));
  let last = Infinity;
  for (let budget = least; budget <= most; budget += Math.ceil((most - least) / 12)) {
    const chosen = schedule(budget);
    assert.ok(bytes(chosen) <= budget, `${bytes(chosen)} within ${budget}`);
    assert.ok(instructions(chosen) <= last, `${instructions(chosen)} at ${budget} bytes, ${last} at fewer`);
    last = instructions(chosen);
  }
});

layouts('the smallest budget is the int8 layout, a large one transforms every layer', () => {
  const least = bytes(schedule(null, false));
  assert.equal(schedule(least).steps.map((s) => s.kernel.template), schedule(null, false).steps.map((s) => s.kernel.template));
  assert.ok(schedule(1_000_000).steps.every((s) => s.kernel.template === 'dsp/winograd'));
  assert.ok(schedule(1_000_000, false).steps.every((s) => s.kernel.template === 'dsp/conv2d'));
});

layouts('a budget that cannot hold the constants is an error', () => {
  assert.throws(() => schedule(1000), (error: unknown) => error instanceof UsageError && /--flash-budget 1000/.test(error.message));
});

layouts('codes of few bits are packed where that is the smallest', () => {
  const narrow = network(7, 4);
  const of = (options: Partial<ScheduleOptions>) => buildSchedule(narrow, findTarget('cortex-m7'), { ...DEFAULT_SCHEDULE_OPTIONS, ...options });
  const [packed, int8] = [of({ weights: 'packed' }), of({})];
  assert.ok(bytes(packed) < 0.6 * bytes(int8), `${bytes(packed)} of ${bytes(int8)} bytes`);
  assert.is(bytes(of({ flashBudget: bytes(packed) })), bytes(packed));
  assert.throws(() => of({ flashBudget: bytes(packed) - 1 }), /--flash-budget/);
});

layouts('layers of different layouts share bodies, layers of one layout have the fastest', () => {
  const least = bytes(schedule(null, false));
  const most = bytes(schedule(null));
  const isLone = (template: string) => template.includes('products') && /_once|pair_/.test(template);
  const mixed = schedule(Math.round((least + most) / 2));
  assert.ok(new Set(mixed.options.layouts!.values()).size > 1);
  assert.not.ok(templatesOf(mixed).some(isLone));
  assert.ok(templatesOf(schedule(null, false)).some(isLone));
});

layouts.run();
