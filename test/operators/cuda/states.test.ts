/** A network that remembers: what a run leaves is what the next one finds, from the initial value on. */
import { suite } from 'uvu';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../../support/integer-graphs.js';

const test = suite('states on CUDA');

const LENGTH = 40;
const VECTORS = 6;

test('go on from run to run', async () => {
  const random = new Random(71);
  const builder = new IntegerGraphBuilder();
  const wide = { bits: 16 } as const;
  const x = builder.input('x', [LENGTH]);
  const before = builder.input('before', [LENGTH], wide);
  // half of what came before and some of what comes: every output hangs on all vectors so far
  const y = builder.node('add', 'after', [x, before], {
    shape: [LENGTH],
    output: wide,
    attributes: { variant: 'dyadic', inputMultipliers: [900, 4], offset: -50 },
    requantize: { mode: 'shift', shift: [3], rounding: 'halfUp', zeroPoint: 0, clamp: [-32768, 32767] },
  });
  const graph = builder.build([y]);
  const remembering = { ...graph, inputs: graph.inputs.filter(({ tensor }) => tensor === x), states: [{ read: before, write: y, initial: -300 }] };
  const inputs = Array.from({ length: VECTORS }, () => [random.codes(new Int8Array(LENGTH), -128, 127)]);
  await expectFirmwareMatchesSimulator([{ name: 'smoothing', graph: remembering, inputs }], ['cuda']);
});

test.run();
