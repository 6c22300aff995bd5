import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { ShapeError } from '../../src/errors.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { commonMultipliers } from '../../src/operators/addition.js';
import { operator } from '../../src/operators/index.js';
import { goldenFile, leftOut } from '../support/bench.js';
import { elementwiseCases } from '../support/elementwise-cases.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder } from '../support/integer-graphs.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase } from '../support/operator-cases.js';

const add = suite('add');
const sum = (x: number, y: number) => x + y;
const tflite = { arith: 'tflite' } as const;
const every = [...elementwiseCases('add', sum), ...elementwiseCases('add', sum, tflite), ...elementwiseCases('add', sum, { arith: 'tflite-single' })].map((one, i) => lowerCase(one, 100 + i));

add('float equals the plain loops', async () => {
  for (const one of every.slice(0, 14)) await checkFloat(one);
});

add('shapes that do not broadcast are a ShapeError naming the layer', () => {
  const node = { id: 'n', op: 'add', inputs: [], outputs: [], attributes: {}, origin: { file: 'f', format: 'builder', nodeName: 'residual', opType: 'Add' } } as const;
  const inputs = [[2, 3], [4, 3]].map((shape) => ({ id: 'x', shape, type: 'float32' as const }));
  try {
    operator('add').float!.inferShapes(node, inputs);
    assert.unreachable('must throw');
  } catch (error) {
    assert.instance(error, ShapeError);
    assert.match((error as Error).message, /add 'residual'.*\[2, 3\].*\[4, 3\]/);
  }
});

add('the dyadic form rounds once: within half a code and the error of 15-bit multipliers', () => {
  for (const one of every) if (one.one.arith === undefined) checkSimulator(one, 0.5 + 2 ** -6);
});

add('the tflite form stays within one code', () => {
  for (const one of every) if (one.one.arith !== undefined) checkSimulator(one, 1);
});

add('multipliers stay below 2^15 and the sum below 2^30', () => {
  for (const ratios of [[1, 1], [0.001, 1000], [1e-9, 1e-8], [0.5, 32767], [3e4, 1]]) {
    const { multipliers, shift } = commonMultipliers(ratios, [255, 255]);
    assert.ok(multipliers.every((m) => m <= 32767), `${ratios}: ${multipliers}`);
    assert.ok(shift >= 0 && shift <= 31);
  }
  assert.equal(commonMultipliers([1, 0.5], [255, 255]), { multipliers: [16384, 8192], shift: 14 });
});

interface Golden {
  readonly op: string;
  readonly rounding: 'double' | 'single';
  readonly z1: number;
  readonly z2: number;
  readonly zo: number;
  readonly params: readonly number[];
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly out_q: readonly number[];
}

function goldenGraph({ rounding, z1, z2, zo, params, a }: Golden): IntegerGraph {
  const [m1, s1, m2, s2, multiplier, shift] = params as [number, number, number, number, number, number];
  const builder = new IntegerGraphBuilder();
  const inputs = ['a', 'b'].map((name) => builder.input(name, [a.length]));
  builder.node('add', 'y', inputs, {
    shape: [a.length],
    attributes: { variant: 'tflite', inputZeroPoints: [z1, z2], inputMultipliers: [m1, m2], inputShifts: [s1, s2] },
    requantize: { mode: rounding === 'double' ? 'tfliteDouble' : 'tfliteSingle', multiplier: [multiplier], shift: [shift], zeroPoint: zo, clamp: [-128, 127] },
  });
  return builder.build(['y']);
}

add('codes equal TFLite Micro', async () => {
  const file = goldenFile('tflm_add_mul_int8.json');
  if (!file) return leftOut(1, 'TFLite Micro vectors of add');
  const cases = (JSON.parse(readFileSync(file, 'utf8')).cases as Golden[]).filter((c) => c.op === 'add');
  assert.ok(cases.length > 10);
  const firmware = cases.map((c, i) => {
    const inputs = [Int8Array.from(c.a), Int8Array.from(c.b)];
    const graph = goldenGraph(c);
    assert.equal([...createSimulator(graph).run(inputs)[0]!], c.out_q, `case ${i}`);
    return { name: `golden ${i}`, graph, inputs: [inputs] };
  });
  await expectFirmwareMatchesSimulator(firmware.slice(0, 8), ['host']);
});

add('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(every.map(firmwareCase), ['host', 'cortex-m7']);
});

add.run();
