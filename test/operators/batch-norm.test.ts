import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../src/errors.js';
import { Random } from '../support/integer-graphs.js';
import { assertClose, evaluateFloat } from '../support/linear-checks.js';

const batchNorm = suite('batch-norm');

batchNorm('float equals x·scale + shift per channel', async () => {
  const random = new Random(1);
  const values = (n: number) => Float32Array.from({ length: n }, () => 2 * random.next() - 1);
  for (const shape of [[3], [4, 3], [2, 4, 3]]) {
    const size = shape.reduce((n, d) => n * d, 2);
    const [x, scale, shift] = [values(size), values(3), values(3)];
    const { values: actual } = await evaluateFloat('batch-norm', {}, [{ shape, data: x }, { shape: [3], constant: true, data: scale }, { shape: [3], constant: true, data: shift }], 2);
    assertClose(actual, x.map((v, i) => v * scale[i % 3]! + shift[i % 3]!), `[${shape}]`);
  }
});

batchNorm('a scale of another length is a ShapeError', async () => {
  const vector = { shape: [4], constant: true, data: new Float32Array(4) };
  try {
    await evaluateFloat('batch-norm', {}, [{ shape: [2, 3], data: new Float32Array(6) }, vector, vector], 1);
    assert.unreachable('must throw');
  } catch (error) {
    assert.instance(error, ShapeError);
    assert.match((error as Error).message, /batch-norm 'node': the scale must have shape \[3\]/);
  }
});

batchNorm.run();
