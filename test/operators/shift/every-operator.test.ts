/** Every operator has a form without multiplication, for speed and for size: proven in the disassembly, and bit by bit the simulator's. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitProject, writeProject } from '../../../src/emit/index.js';
import { allOperators } from '../../../src/operators/index.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { brokenPromises, verifyProject } from '../../../src/verify/index.js';
import { byte, everyOperator, type GraphCase, image, loweredFor, matrices, none, unsigned, wide, windows } from '../../support/every-operator.js';
import { availableTargetIds } from '../../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../../support/integer-graphs.js';
import { randomConvolution, randomDense, randomDepthwise, randomTransposed } from '../../support/linear-cases.js';
import { mergeGraphs } from '../../support/merge-graphs.js';
import { shiftedCase } from '../../support/shift-cases.js';

const test = suite('every operator without multiplication');

const lowered = loweredFor('shift');

const cases: readonly GraphCase[] = [
  ...everyOperator('shift'),
  lowered('matmul', { transposeA: false, transposeB: false }, matrices(byte)),
  lowered('matmul', { transposeA: false, transposeB: false }, matrices({ ...wide, bits: 12 }), wide),
  lowered('layer-norm', { axis: 1, epsilon: 1e-5 }, [{ shape: [5, 8], plan: unsigned }]),
  lowered('average-pool2d', { ...windows, countIncludePad: true }, [image]),
  lowered('resize', { mode: 'linear', sizes: [5, 12], coordinates: 'align-corners', nearestMode: 'floor' }, [image]),
  lowered('softmax', { axis: 2, beta: 1 }, [{ shape: [3, 7, 5], plan: byte }], { bits: 8, signed: true, scale: 1 / 200, zeroPoint: -100 }),
  lowered('softmax', { axis: 2, beta: 1 }, [{ shape: [3, 7, 5], plan: byte }], { bits: 11, signed: true, scale: 1 / 508, zeroPoint: 0, twin: { bits: 8, shift: 2, split: 127 } }),
  lowered('unary', { function: 'sigmoid', alpha: 0, beta: 0 }, [{ shape: [40], plan: { ...wide, bits: 9 } }], wide),
  lowered('sub', none, [image, { shape: [5], plan: wide }], wide),
  lowered('mul', none, [image, { shape: [5], plan: wide }], wide),
  ...[false, true].map(byShifts),
  ...[false, true].map(nearLimit),
  ...[1, 2].flatMap((bytes) => [randomConvolution, randomDepthwise, randomTransposed, randomDense].map((made, i) => linear(made, 30 + i, bytes))),
];

/** I-ViT's functions, which lowering writes for `--transformer-functions ivit`. */
function byShifts(gate: boolean): GraphCase {
  const random = new Random(4);
  const builder = new IntegerGraphBuilder();
  const common = { places: 3, unit: 201, exponentBits: 13, fractionBits: 8 };
  const x = builder.input('x', [6, 7, 5]);
  if (gate) {
    const digits = [{ sign: 1, exponent: 15 }, { sign: -1, exponent: 12 }, { sign: 1, exponent: 7 }] as const;
    builder.node('shift-gate', 'y', [x], { shape: [6, 7, 5], attributes: { inputZeroPoint: -7, ...common }, requantize: { mode: 'csd', digits: [digits], shift: [23], zeroPoint: 3, clamp: [-128, 127] } });
  } else {
    builder.node('shiftmax', 'y', [x], { shape: [6, 7, 5], attributes: { axis: 1, outputZeroPoint: -128, ...common } });
  }
  return { graph: builder.build(['y']), inputs: [0, 1].map(() => [random.codes(new Int8Array(210), -128, 127)]) };
}

/** Sums up to 2^31 − 4,194,304, to which rounding and zero point cannot be added before the shift. */
function nearLimit(isDense: boolean): GraphCase {
  const random = new Random(6);
  const builder = new IntegerGraphBuilder();
  const weights = Int16Array.from({ length: 3 * 511 }, () => random.pick([128, -128]));
  const x = builder.input('x', isDense ? [511] : [1, 2, 511], { bits: 16 });
  const inputs = [x, builder.constant('w', isDense ? [3, 511] : [3, 1, 1, 511], weights), builder.constant('b', [3], new Int32Array(3))];
  builder.node(isDense ? 'dense' : 'conv2d', 'y', inputs, {
    shape: isDense ? [3] : [1, 2, 3],
    attributes: { inputZeroPoint: 0, ...(!isDense && { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [0, 0, 0, 0], values: 0 } }) },
    requantize: { mode: 'shift', shift: [16], rounding: 'halfUp', zeroPoint: 100, clamp: [-32768, 32767] },
    output: { bits: 16 },
  });
  const sign = (i: number, row: number) => Math.sign(weights[row * 511 + (i % 511)]!) * 32767;
  return { graph: builder.build(['y']), inputs: [0, 1].map((row) => [Int16Array.from({ length: isDense ? 511 : 1022 }, (_, i) => sign(i, row))]) };
}

/** Inputs of one byte, or of two. */
function linear(made: typeof randomDense, seed: number, bytes: number): GraphCase {
  for (let tried = 0; ; tried++) {
    const random = new Random(seed + 100 * tried);
    const one = made(random, 'linear');
    if (one.inputs[0]![0]!.BYTES_PER_ELEMENT === bytes) return shiftedCase(one, random);
  }
}

const VECTORS = 2;
const merged = { ...mergeGraphs(cases.map(({ graph }) => graph)), provenance: { ...cases[0]!.graph.provenance, arith: 'shift' } };
const vectors = Array.from({ length: VECTORS }, (_, v) => cases.flatMap(({ inputs }) => inputs[v % inputs.length]!));

test('the list is whole', () => {
  const tested = new Set(merged.nodes.map(({ op }) => op));
  assert.equal(allOperators().filter(({ name, integer }) => integer !== undefined && !tested.has(name)).map(({ name }) => name), []);
});

const BUILDS = [['host', 'flash'], ['cortex-m0plus', 'speed'], ['cortex-m0plus', 'flash'], ['rv32ec', 'flash'], ['rv32ec', 'ram']] as const;

for (const [id, optimize] of BUILDS) {
  if (!availableTargetIds().includes(id)) continue;
  test(`${id}, for ${optimize}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-every-operator-'));
    try {
      const schedule = buildSchedule(merged, findTarget(id), { ...DEFAULT_SCHEDULE_OPTIONS, optimize });
      await writeProject(emitProject(schedule, { commandLine: 'test' }), folder);
      const result = await verifyProject(folder, merged, findTarget(id), vectors);
      assert.is(result.mismatch, null);
      assert.equal(brokenPromises(result.proofs!, true), []);
      assert.is(result.proofs!.noMultiply, true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test.run();
