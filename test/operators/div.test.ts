import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { operator } from '../../src/operators/index.js';
import { broadcast } from '../support/naive.js';
import { assertClose, evaluateFloat } from '../support/linear-checks.js';

const div = suite('div');

div('float equals the plain loops', async () => {
  const a = Float32Array.from({ length: 12 }, (_, i) => i - 5.5);
  const b = Float32Array.from([0.5, -2, 3]);
  const { values } = await evaluateFloat('div', { activation: null }, [{ shape: [2, 3], data: a }, { shape: [3], constant: true, data: b }], 2);
  const naive = broadcast([2, 3], [3], (x, y) => x / y);
  assertClose(values, [...naive([a.subarray(0, 6), b]), ...naive([a.subarray(6), b])], 'div');
});

div('has no integer form: a division by a constant is imported as a product', () => {
  assert.is(operator('div').integer, undefined);
  assert.is(operator('div').float!.lower, undefined);
});

div.run();
