import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../src/errors.js';
import { Random } from '../support/integer-graphs.js';
import { assertClose, evaluateFloat } from '../support/linear-checks.js';

const layerNorm = suite('layer-norm');

/** (x − mean)/sqrt(variance + epsilon) of one group of values. */
function normalized(values: readonly number[], epsilon: number): number[] {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
  return values.map((v) => (v - mean) / Math.sqrt(variance + epsilon));
}

layerNorm('float equals the definition', async () => {
  const random = new Random(2);
  for (const [shape, axis] of [[[6], 0], [[4, 6], 1], [[2, 3, 4], 1], [[2, 3, 4], 2]] as const) {
    const group = shape.slice(axis).reduce((n, d) => n * d, 1);
    const values = (n: number) => Float32Array.from({ length: n }, () => 3 * random.next() + 5);
    const [x, gamma, beta] = [values(2 * shape.reduce<number>((n, d) => n * d, 1)), values(group), values(group)];
    const parameter = (data: Float32Array) => ({ shape: shape.slice(axis), constant: true, data });
    for (const count of [0, 1, 2]) {
      const operands = [{ shape, data: x }, ...[gamma, beta].slice(0, count).map(parameter)];
      const { values: actual } = await evaluateFloat('layer-norm', { axis, epsilon: 1e-3 }, operands, 2);
      const expected = Array.from({ length: x.length / group }, (_, i) => normalized([...x.subarray(i * group, (i + 1) * group)], 1e-3)).flat();
      assertClose(actual, expected.map((v, i) => v * (count > 0 ? gamma[i % group]! : 1) + (count > 1 ? beta[i % group]! : 0)), `[${shape}] axis ${axis}, ${count} parameters`);
    }
  }
});

layerNorm('an axis outside the input is a ShapeError', async () => {
  try {
    await evaluateFloat('layer-norm', { axis: 2, epsilon: 1e-5 }, [{ shape: [2, 3], data: new Float32Array(6) }], 1);
    assert.unreachable('must throw');
  } catch (error) {
    assert.instance(error, ShapeError);
    assert.match((error as Error).message, /layer-norm 'node': axis 2/);
  }
});

layerNorm.run();
