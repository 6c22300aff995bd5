import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { IntegerGraphError } from '../../src/errors.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder } from '../support/integer-graphs.js';

const requantize = suite('requantize');
const everyCode = Int8Array.from({ length: 256 }, (_, i) => i - 128);

function graph(multiplier: number, shift: number, bits = 8, clamp: readonly [number, number] = [-128, 127]) {
  const builder = new IntegerGraphBuilder();
  const x = builder.input('x', [256]);
  builder.node('requantize', 'y', [x], { shape: [256], output: { bits }, attributes: { inputZeroPoint: 3 }, requantize: { mode: 'dyadic', multiplier: [multiplier], shift: [shift], zeroPoint: -5, clamp } });
  return builder.build(['y']);
}

requantize('every code: one half-up rounding of (x − zero point)·multiplier/2^shift, then zero point and clamp', () => {
  for (const [multiplier, shift] of [[3, 2], [1, 1], [1431655765, 31], [1073741824, 30], [5, 4]] as const) {
    const [codes] = createSimulator(graph(multiplier, shift)).run([everyCode]);
    const expected = Array.from(everyCode, (x) => Math.min(127, Math.max(-128, Math.floor(((x - 3) * multiplier) / 2 ** shift + 0.5) - 5)));
    assert.equal([...codes!], expected, `${multiplier}/2^${shift}`);
  }
});

requantize('bounds are those of x − zero point', () => {
  assert.equal(graph(3, 2).nodes[0]!.bounds, { accumulator: [[-131, 124]], accumulatorBits: 32 });
});

requantize('another shape is refused', () => {
  const builder = new IntegerGraphBuilder();
  const x = builder.input('x', [4]);
  builder.node('requantize', 'y', [x], { shape: [5], attributes: { inputZeroPoint: 0 }, requantize: { mode: 'shift', shift: [1], rounding: 'halfUp', zeroPoint: 0, clamp: [-128, 127] } });
  assert.throws(() => builder.build(['y']), (e: unknown) => e instanceof IntegerGraphError);
});

requantize('firmware equals the simulator, also to 16 bits', async () => {
  const cases = [graph(1431655765, 31), graph(3, 2), graph(77777, 9, 16, [-32768, 32767])];
  await expectFirmwareMatchesSimulator(cases.map((g, i) => ({ name: `requantize ${i}`, graph: g, inputs: [[everyCode]] })), ['host', 'cortex-m7']);
});

requantize.run();
