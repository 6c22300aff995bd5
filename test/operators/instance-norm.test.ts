import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../src/errors.js';
import { Random } from '../support/integer-graphs.js';
import { assertClose, evaluateFloat } from '../support/linear-checks.js';

const instanceNorm = suite('instance-norm');

instanceNorm('float equals the definition', async () => {
  const random = new Random(3);
  const values = (n: number) => Float32Array.from({ length: n }, () => 4 * random.next() - 1);
  for (const shape of [[5, 3], [4, 2, 3]]) {
    const pixels = shape.slice(0, -1).reduce((n, d) => n * d, 1);
    const [x, gamma, beta] = [values(2 * pixels * 3), values(3), values(3)];
    const operands = [{ shape, data: x }, { shape: [3], constant: true, data: gamma }, { shape: [3], constant: true, data: beta }];
    const { values: actual } = await evaluateFloat('instance-norm', { epsilon: 1e-4 }, operands, 2);
    const expected = x.map((v, i) => {
      const channel = i % 3;
      const sample = x.subarray(Math.floor(i / (pixels * 3)) * pixels * 3).subarray(0, pixels * 3);
      const own = [...sample].filter((_, k) => k % 3 === channel);
      const mean = own.reduce((sum, u) => sum + u, 0) / pixels;
      const variance = own.reduce((sum, u) => sum + (u - mean) ** 2, 0) / pixels;
      return ((v - mean) / Math.sqrt(variance + 1e-4)) * gamma[channel]! + beta[channel]!;
    });
    assertClose(actual, expected, `[${shape}]`);
  }
});

instanceNorm('an input without positions is a ShapeError', async () => {
  const vector = { shape: [3], constant: true, data: new Float32Array(3) };
  try {
    await evaluateFloat('instance-norm', { epsilon: 1e-5 }, [{ shape: [3], data: new Float32Array(3) }, vector, vector], 1);
    assert.unreachable('must throw');
  } catch (error) {
    assert.instance(error, ShapeError);
    assert.match((error as Error).message, /instance-norm 'node'/);
  }
});

instanceNorm.run();
