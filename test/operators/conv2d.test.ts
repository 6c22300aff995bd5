import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AccumulatorOverflowError, IntegerGraphError, ShapeError } from '../../src/errors.js';
import { goldenFile, leftOut } from '../support/bench.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';
import { linearCase, randomConvolution, randomInput, type LinearCase } from '../support/linear-cases.js';
import { checkLowering } from '../support/lowering-checks.js';
import { assertClose, checkBoundsAreReached, checkSimulator, evaluateFloat, simulateNode } from '../support/linear-checks.js';
import { convolve, reader } from '../support/linear-oracles.js';

const conv2d = suite('conv2d');

const SEED = 20;

/** Window [kh, kw], strides, dilations, pad, groups, of an input [9, 8, 6] and 4 output channels. */
const WINDOWS: readonly (readonly [number[], number[], number[], number[], number])[] = [
  [[1, 1], [1, 1], [1, 1], [0, 0, 0, 0], 1],
  [[3, 3], [1, 1], [1, 1], [1, 1, 1, 1], 1],
  [[3, 2], [2, 1], [1, 1], [0, 1, 2, 0], 1],
  [[3, 3], [2, 2], [2, 3], [2, 2, 3, 3], 1],
  [[2, 4], [1, 3], [2, 1], [1, 0, 0, 1], 2],
  [[4, 3], [3, 2], [1, 2], [4, 4, 5, 5], 2],
];

conv2d('float equals the plain loops', async () => {
  const random = new Random(SEED);
  for (const [kernel, strides, dilations, pad, groups] of WINDOWS) {
    const weightShape = [4, ...kernel, 6 / groups];
    const values = (n: number) => Float32Array.from({ length: n }, () => 2 * random.next() - 1);
    const [x, w, b] = [values(2 * 9 * 8 * 6), values(weightShape.reduce((n, d) => n * d, 1)), values(4)];
    const attributes = { strides, dilations, pad, groups, activation: { min: -1, max: Infinity } };
    const operands = [{ shape: [9, 8, 6], data: x }, { shape: weightShape, constant: true, data: w }, { shape: [4], constant: true, data: b }];
    const { shape, values: actual } = await evaluateFloat('conv2d', attributes, operands, 2);
    const expected = [0, 1].flatMap((sample) => {
      const read = reader(x.subarray(sample * 432, (sample + 1) * 432), [9, 8, 6], () => 0);
      return [...convolve(read, w, weightShape, { strides, dilations, pad }, groups, shape, (_y, _x, o) => b[o]!)].map((v) => Math.max(v, -1));
    });
    assertClose(actual, expected, `${kernel} strides ${strides} dilations ${dilations} pad ${pad} groups ${groups}`);
  }
});

conv2d('shape errors name the node', async () => {
  const operands = [{ shape: [4, 4, 3], data: new Float32Array(48) }, { shape: [2, 5, 5, 3], constant: true, data: new Float32Array(150) }];
  const attributes = { strides: [1, 1], dilations: [1, 1], pad: [0, 0, 0, 0], groups: 1, activation: null };
  for (const [change, words] of [
    [{}, /5x5 window.*does not fit/],
    [{ groups: 2 }, /2 group\(s\)/],
    [{ strides: [0, 1] }, /'strides' must be 2 integers/],
  ] as const) {
    try {
      await evaluateFloat('conv2d', { ...attributes, ...change }, operands, 1);
      assert.unreachable('must throw');
    } catch (error) {
      assert.instance(error, ShapeError);
      assert.match((error as Error).message, /conv2d 'node'/);
      assert.match((error as Error).message, words);
    }
  }
});

conv2d('simulator equals the plain loops and stays within the bounds', () => {
  const random = new Random(SEED);
  for (let i = 0; i < 150; i++) checkSimulator(randomConvolution(random, `seed ${SEED} case ${i}`));
});

conv2d('bounds are reached', () => {
  const random = new Random(SEED + 1);
  for (let i = 0; i < 60; i++) checkBoundsAreReached(randomConvolution(random, `seed ${SEED + 1} case ${i}`));
});

/** 1x1 windows and many channels, which the random windows rarely give. */
function pointwise(random: Random, name: string, inputs: number, outputs: number): LinearCase {
  const { input, zeroPoint } = randomInput(random);
  return linearCase(name, random, {
    op: 'conv2d',
    input,
    inputShape: [4, 5, inputs],
    weightShape: [outputs, 1, 1, inputs],
    weightBits: 8,
    outputChannels: outputs,
    outputShape: [4, 5, outputs],
    biasRows: 1,
    attributes: { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [0, 0, 0, 0], values: zeroPoint }, inputZeroPoint: zeroPoint },
  });
}

conv2d('firmware equals the simulator', async () => {
  const random = new Random(SEED + 2);
  const cases = Array.from({ length: 24 }, (_, i) => randomConvolution(random, `seed ${SEED + 2} case ${i}`));
  await expectFirmwareMatchesSimulator([...cases, pointwise(random, 'pointwise 16', 9, 16), pointwise(random, 'pointwise 11', 8, 11)]);
});

conv2d('arithmetic vectors', () => {
  const file = goldenFile('conv_affine_int8.json');
  if (!file) return leftOut(8, 'convolutions of the arithmetic vectors: no golden folder');
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly GoldenConvolution[] };
  for (const golden of cases) {
    for (const mode of ['tfliteDouble', 'tfliteSingle'] as const) {
      const { graph, input } = goldenGraph(golden, mode);
      const { accumulators, codes } = simulateNode(graph, [input]);
      const [height, width, channels] = graph.tensors.get('y')!.shape as [number, number, number];
      const planar = (list: ArrayLike<number>) => Array.from({ length: list.length }, (_, i) => list[(i % (height * width)) * channels + Math.floor(i / (height * width))]!);
      assert.equal(planar(accumulators), golden.acc);
      assert.equal(planar(codes), mode === 'tfliteDouble' ? golden.out_double : golden.out_single);
    }
  }
});

interface GoldenConvolution {
  readonly CHW: readonly [number, number, number];
  readonly OKK: readonly [number, number, number];
  readonly pad: number;
  readonly stride: number;
  readonly zx: number;
  readonly zo: number;
  readonly x: readonly (readonly (readonly number[])[])[];
  readonly w: readonly (readonly (readonly (readonly number[])[])[])[];
  readonly bias: readonly number[];
  readonly mult_shift: readonly (readonly [number, number])[];
  readonly acc: readonly number[];
  readonly out_double: readonly number[];
  readonly out_single: readonly number[];
}

function goldenGraph(golden: GoldenConvolution, mode: 'tfliteDouble' | 'tfliteSingle') {
  const [channels, height, width] = golden.CHW;
  const [outputs, kernel] = golden.OKK;
  const input = new Int8Array(height * width * channels);
  for (let i = 0; i < input.length; i++) input[i] = golden.x[i % channels]![Math.floor(i / channels / width)]![Math.floor(i / channels) % width]!;
  const weights = Int8Array.from(golden.w.flatMap((w) => Array.from({ length: kernel * kernel * channels }, (_, i) => w[i % channels]![Math.floor(i / channels / kernel)]![Math.floor(i / channels) % kernel]!)));
  const output = (size: number) => Math.floor((size + 2 * golden.pad - kernel) / golden.stride) + 1;
  const builder = new IntegerGraphBuilder('golden');
  const x = builder.input('x', [height, width, channels]);
  const w = builder.constant('w', [outputs, kernel, kernel, channels], weights);
  const b = builder.constant('b', [outputs], Int32Array.from(golden.bias));
  builder.node('conv2d', 'y', [x, w, b], {
    shape: [output(height), output(width), outputs],
    attributes: {
      strides: [golden.stride, golden.stride],
      dilations: [1, 1],
      groups: 1,
      pad: { amounts: [golden.pad, golden.pad, golden.pad, golden.pad], values: golden.zx },
      inputZeroPoint: golden.zx,
    },
    requantize: { mode, multiplier: golden.mult_shift.map(([m]) => m), shift: golden.mult_shift.map(([, s]) => s), zeroPoint: golden.zo, clamp: [-128, 127] },
  });
  return { graph: builder.build(['y']), input };
}

function wide(weights: Int8Array, change: object = {}): IntegerGraphBuilder {
  const builder = new IntegerGraphBuilder('wide');
  const x = builder.input('x', [1, 1, 70000], { bits: 16 });
  const w = builder.constant('w', [1, 1, 1, 70000], weights);
  const b = builder.constant('b', [1], new Int32Array(1));
  builder.node('conv2d', 'y', [x, w, b], {
    shape: [1, 1, 1],
    attributes: { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [0, 0, 0, 0], values: 0 }, inputZeroPoint: 0, ...change },
    requantize: { mode: 'dyadic', multiplier: [1], shift: [31], zeroPoint: 0, clamp: [-128, 127] },
  });
  return builder;
}

conv2d('an accumulator beyond 32 bits is an error that names the layer', () => {
  wide(new Int8Array(70000).fill(0)).build(['y']);
  assert.throws(
    () => wide(new Int8Array(70000).fill(127)),
    (e: unknown) => e instanceof AccumulatorOverflowError && /conv2d 'y'.*channel 0 can reach/.test(e.message),
  );
});

conv2d('the integer node is checked', () => {
  for (const change of [{ inputZeroPoint: 5 }, { pad: { amounts: [0, 0, 0, 0], values: 70000 } }, { pad: { amounts: [0, 0, 0], values: 0 } }, { groups: 3 }]) {
    assert.throws(() => wide(new Int8Array(70000), change).build(['y']), (e: unknown) => e instanceof IntegerGraphError && /conv2d 'y'/.test(e.message));
  }
});

conv2d('integers stay within half a quantum of float', async () => {
  const random = new Random(SEED + 3);
  for (const [kernel, strides, dilations, pad, groups] of WINDOWS) {
    for (const bits of ['w8a8', 'w4a8']) {
      const attributes = { strides, dilations, pad, groups, activation: random.pick([null, { min: 0, max: Infinity }, { min: -0.5, max: 2 }]) };
      await checkLowering(random, { op: 'conv2d', attributes, inputs: [[9, 8, 6]], constants: [[4, ...kernel, 6 / groups], ...random.pick([[], [[4]]])], bits });
    }
  }
});

conv2d.run();
