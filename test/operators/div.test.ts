import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { UnsupportedOperatorError } from '../../src/errors.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { broadcast } from '../support/naive.js';
import { checkSimulator, firmwareCase, lowerCase, type CaseInput } from '../support/operator-cases.js';
import { assertClose, evaluateFloat } from '../support/linear-checks.js';

const div = suite('div');

div('float equals the plain loops', async () => {
  const a = Float32Array.from({ length: 12 }, (_, i) => i - 5.5);
  const b = Float32Array.from([0.5, -2, 3]);
  const { values } = await evaluateFloat('div', { activation: null }, [{ shape: [2, 3], data: a }, { shape: [3], constant: true, data: b }], 2);
  const naive = broadcast([2, 3], [3], (x, y) => x / y);
  assertClose(values, [...naive([a.subarray(0, 6), b]), ...naive([a.subarray(6), b])], 'div');
});

const quotient = (shape: readonly number[], divisor: CaseInput, seed: number) =>
  lowerCase({ name: `div ${seed}`, op: 'div', attributes: { activation: null }, inputs: [{ shape }, divisor], naive: broadcast(shape, divisor.shape, (x, y) => x / y) }, seed);

div('by one positive constant it is a change of scale, by several a product with reciprocals', async () => {
  const scaled = quotient([4, 5], { shape: [1], constant: [5.65], range: [0, 5.65] }, 1801);
  const several = quotient([4, 3], { shape: [3], constant: [0.5, -2, 4], range: [-2, 4] }, 1802);
  assert.equal([scaled, several].map((one) => one.graph.nodes.map((n) => n.op)), [['requantize'], ['mul']]);
  checkSimulator(scaled, 0.5 + 2 ** -8);
  // Reciprocals in 7 bits: 0.4 % of the largest quotient.
  checkSimulator(several, 1.2);
  await expectFirmwareMatchesSimulator([scaled, several].map(firmwareCase), ['host', 'cortex-m7']);
});

div('of two activations has no integer form', () => {
  assert.throws(() => quotient([3], { shape: [3], range: [1, 2] }, 1803), (e: unknown) => e instanceof UnsupportedOperatorError && e.message.includes('constant divisor'));
});

div.run();
