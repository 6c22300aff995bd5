import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { countFamily, foldableRequantize } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { IntegerGraphBuilder, Random, type TensorOptions } from '../../support/integer-graphs.js';
import { type LinearCase, rangeOf, samples } from '../../support/linear-cases.js';

const matmul = suite('dsp matmul');

const SEED = 110;

function product(random: Random, name: string): LinearCase {
  const bytes: readonly TensorOptions[] = [{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }, { bits: 4 }];
  const types = [random.pick([...bytes, { bits: 16 }, { bits: 11 }]), random.pick(bytes)];
  const [rows, depth, columns] = [random.pick([1, 2, random.integer(3, 9), random.integer(3, 9)]), random.pick([random.integer(4, 20), random.integer(4, 80), 64]), random.integer(3, 11)];
  const transposeB = random.next() < 0.5;
  const [leadingA, leadingB, leading] = random.pick<readonly [number[], number[], number[]]>([[[], [], []], [[2], [2], [2]], [[2], [], [2]], [[2, 1], [1, 3], [2, 3]]]);
  const shapes = [[...leadingA, rows, depth], [...leadingB, ...(transposeB ? [columns, depth] : [depth, columns])]];
  const output = random.pick<TensorOptions>([{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }]);
  const zeroPoints = types.map((type) => type.bits! > 8 ? 0 : random.pick([...rangeOf(type), random.integer(...(rangeOf(type) as [number, number]))]));
  const builder = new IntegerGraphBuilder(name);
  const ids = shapes.map((shape, i) => builder.input(i === 0 ? 'a' : 'b', shape, types[i]!));
  builder.node('matmul', 'y', ids, {
    attributes: { transposeA: false, transposeB, inputZeroPoints: zeroPoints },
    requantize: foldableRequantize(random, 1, depth * 8000 * 2 ** Math.max(0, types[0]!.bits! - 8), output),
    shape: [...leading, rows, columns],
    output,
  });
  const lists = shapes.map((shape, i) => samples(random, types[i]!, shape.reduce((n, d) => n * d, 1), 4));
  return { name, graph: builder.build(['y']), inputs: [0, 1, 2, 3].map((v) => [lists[0]![v]!, lists[1]![3 - v]!]) };
}

for (const target of ['cortex-m7', 'cortex-m4']) {
  matmul(`equals the simulator on ${target}`, async () => {
    const random = new Random(SEED);
    const cases = Array.from({ length: 80 }, (_, i) => product(random, `seed ${SEED} case ${i}`));
    const taken = countFamily(cases, 'dsp', target);
    assert.ok(taken >= 0.8 * cases.length, `${taken} of ${cases.length} run on the dsp kernels`);
    await expectFirmwareMatchesSimulator(cases, [target]);
  });
}

matmul.run();
