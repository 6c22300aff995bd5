import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../src/errors.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { fill, indexOf } from '../support/naive.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase } from '../support/operator-cases.js';

const concat = suite('concat');
const plan = { bits: 8, signed: true, scale: 0.02, zeroPoint: 4 };

function joined(shapes: readonly (readonly number[])[], axis: number): (operands: readonly ArrayLike<number>[]) => number[] {
  const size = shapes.reduce((sum, s) => sum + s[axis]!, 0);
  return (operands) =>
    fill(shapes[0]!.map((d, i) => (i === axis ? size : d)), (at) => {
      let [part, position] = [0, at[axis]!];
      while (position >= shapes[part]![axis]!) position -= shapes[part++]![axis]!;
      return operands[part]![indexOf(at.map((c, i) => (i === axis ? position : c)), shapes[part]!)]!;
    });
}

const every = [
  { shapes: [[4, 5, 3], [4, 5, 2]], axis: 2 },
  { shapes: [[4, 5, 3], [4, 1, 3], [4, 2, 3]], axis: -2 },
  { shapes: [[1, 5], [3, 5]], axis: 0 },
  { shapes: [[7]], axis: 0 },
].map(({ shapes, axis }, i) => {
  const naive = joined(shapes, axis < 0 ? axis + shapes[0]!.length : axis);
  // The second input has another scale, the third is a constant.
  const inputs = shapes.map((shape, k) => ({ shape, plan: k === 1 ? { ...plan, scale: 0.013, zeroPoint: -9 } : plan, ...(k === 2 && { constant: true as const }) }));
  return lowerCase({ name: `concat ${i}`, op: 'concat', attributes: { axis }, inputs, output: plan, naive }, 1000 + i);
});

concat('float equals the plain loops', async () => {
  for (const one of every) await checkFloat(one);
});

concat('codes are copied; an input of another scale is requantized first', () => {
  for (const one of every) checkSimulator(one, 0.5 + 2 ** -8);
  assert.equal(every[0]!.graph.nodes.map((n) => n.op), ['requantize', 'concat']);
});

concat('inputs that differ on another axis are a ShapeError', () => {
  const inputs = [{ shape: [2, 3] }, { shape: [3, 3] }];
  assert.throws(() => lowerCase({ name: 'bad', op: 'concat', attributes: { axis: 1 }, inputs, naive: () => [0] }), (e: unknown) => e instanceof ShapeError && e.message.includes("'layer'"));
});

concat('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(every.map(firmwareCase), ['host', 'cortex-m7']);
});

concat.run();
