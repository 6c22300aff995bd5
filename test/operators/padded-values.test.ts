/** Padding that stands for other values than 0: the float convolution, its borders in integers, firmware. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { ShapeError } from '../../src/errors.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { verifyIntegerGraph } from '../../src/graph/verify.js';
import type { ActivationPlan, QuantizationPlan } from '../../src/operators/lower.js';
import { lowerGraph } from '../../src/quantization/index.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { newBuilder, origin } from '../support/float-graphs.js';
import { Random } from '../support/integer-graphs.js';
import { assertClose, evaluateFloat } from '../support/linear-checks.js';
import { convolve, reader } from '../support/linear-oracles.js';

const test = suite('padding with values');

/** Kernel, strides, dilations and pad over an input [7, 6, 3]; the last window sees rows that are padding alone. */
const WINDOWS: readonly (readonly [number[], number[], number[], number[]])[] = [
  [[3, 3], [1, 1], [1, 1], [1, 1, 1, 1]],
  [[3, 2], [2, 1], [1, 1], [0, 1, 2, 0]],
  [[3, 3], [2, 2], [2, 3], [2, 2, 3, 3]],
  [[2, 3], [1, 2], [1, 1], [4, 0, 0, 3]],
];
const INPUT = [7, 6, 3] as const;
const OUTPUTS = 5;
const VALUES = [-0.75, 0.4, 2.1];

test('float equals the plain loops', async () => {
  const random = new Random(5);
  for (const [kernel, strides, dilations, pad] of WINDOWS) {
    const weightShape = [OUTPUTS, ...kernel, INPUT[2]];
    const values = (n: number) => Float32Array.from({ length: n }, () => 2 * random.next() - 1);
    const [x, w, b] = [values(126), values(weightShape.reduce((n, d) => n * d, 1)), values(OUTPUTS)];
    const operands = [{ shape: INPUT, data: x }, { shape: weightShape, constant: true, data: w }, { shape: [OUTPUTS], constant: true, data: b }];
    const { shape, values: actual } = await evaluateFloat('conv2d', { strides, dilations, pad, groups: 1, activation: null, padValues: VALUES }, operands, 1);
    assertClose(actual, convolve(reader(x, INPUT, (c) => VALUES[c]!), w, weightShape, { strides, dilations, pad }, 1, shape, (_y, _x, o) => b[o]!), `pad ${pad}`);
  }
});

test('every input channel needs its value, and one group', async () => {
  const operands = [{ shape: [4, 4, 2], data: new Float32Array(32) }, { shape: [2, 3, 3, 2], constant: true, data: new Float32Array(36) }];
  for (const [change, words] of [[{ padValues: [1, 2, 3] }, /3 values for 2 input channels/], [{ padValues: [1, 2], groups: 2 }, /one group|do not fit/]] as const) {
    const attributes = { strides: [1, 1], dilations: [1, 1], pad: [1, 1, 1, 1], groups: 1, activation: null, ...change };
    await evaluateFloat('conv2d', attributes, operands, 1).then(
      () => assert.unreachable('must throw'),
      (error: unknown) => {
        assert.instance(error, ShapeError);
        assert.match((error as Error).message, words);
      },
    );
  }
});

const INPUT_PLAN: ActivationPlan = { bits: 8, signed: true, scale: 0.05, zeroPoint: -20 };

/** The lowered convolution with random codes of weights; `padValues` in quanta of the input. */
function lowered(random: Random, [kernel, strides, dilations, pad]: (typeof WINDOWS)[number], quanta: readonly number[], arith: QuantizationPlan['arith']): IntegerGraph {
  const shape = [OUTPUTS, ...kernel, INPUT[2]];
  const codes = random.codes(new Int8Array(shape.reduce((n, d) => n * d, 1)), -127, 127) as Int8Array;
  const scale = Array.from({ length: OUTPUTS }, () => Math.fround(0.01 * (0.5 + random.next())));
  const b = newBuilder();
  const perChannel = codes.length / OUTPUTS;
  const w = b.constant('w', shape, Float32Array.from(codes, (code, k) => code * scale[Math.floor(k / perChannel)]!), origin('w'));
  const bias = b.constant('b', [OUTPUTS], Float32Array.from({ length: OUTPUTS }, () => 4 * random.next() - 2), origin('b'));
  const x = b.input('x', INPUT, 'float32');
  const y = b.apply('conv2d', [x, w, bias], { strides, dilations, pad, groups: 1, activation: null, padValues: quanta.map((q) => q * INPUT_PLAN.scale) }, origin('conv'), 'y');
  b.output('y', y);
  const graph = b.build();
  const activations = new Map([[graph.inputs[0]!.tensor, INPUT_PLAN], ['y', { bits: 8, signed: true, scale: 0.06, zeroPoint: 5 }]]);
  const integer = lowerGraph(graph, { arith, method: 'nearest', bits: 'w8a8', seed: 0, calibrationSha256: null, activations, weights: new Map([[graph.nodes[0]!.inputs[1]!, { bits: 8, scale, axis: 0, codes }]]), biases: new Map() });
  verifyIntegerGraph(integer);
  return integer;
}

/** The same node with codes of padding instead of classes of its bias. */
function withPadCodes(graph: IntegerGraph, quanta: readonly number[]): IntegerGraph {
  const [node] = graph.nodes;
  const { biasClasses: _classes, ...attributes } = node!.attributes;
  const bias = graph.tensors.get(node!.inputs[2]!)!;
  const inner = innerClass(node!.attributes['biasClasses'] as unknown as { rows: number[]; columns: number[] });
  const data = bias.constant!.data.slice(inner * OUTPUTS, (inner + 1) * OUTPUTS);
  const pad = { ...(attributes['pad'] as object), values: quanta.map((q) => q + INPUT_PLAN.zeroPoint) };
  const tensors = new Map(graph.tensors).set(bias.id, { ...bias, shape: [OUTPUTS], constant: { ...bias.constant!, data } });
  return { ...graph, tensors, nodes: [{ ...node!, attributes: { ...attributes, pad } }] } as IntegerGraph;
}

/** The class of a pixel in the middle. */
function innerClass({ rows, columns }: { rows: number[]; columns: number[] }): number {
  return rows[rows.length >> 1]! * (Math.max(...columns) + 1) + columns[columns.length >> 1]!;
}

test('where the values are codes, the borders are those of a convolution that reads these codes, bit for bit', () => {
  const random = new Random(11);
  const quanta = [-17, 0, 103];
  for (const window of WINDOWS.slice(0, 2)) {
    for (const arith of ['dyadic', 'tflite'] as const) {
      const graph = lowered(random, window, quanta, arith);
      const reference = withPadCodes(graph, quanta);
      for (let sample = 0; sample < 5; sample++) {
        const codes = random.codes(new Int8Array(126), -128, 127);
        assert.equal([...createSimulator(graph).run([codes])[0]!], [...createSimulator(reference).run([codes])[0]!], `pad ${window[3]} ${arith}`);
      }
    }
  }
});

test('between codes every accumulator is the real sum, but for the rounding of its bias', () => {
  const random = new Random(12);
  const quanta = [-17.37, 40.5, 131.81];
  for (const window of WINDOWS) {
    const graph = lowered(random, window, quanta, 'dyadic');
    const [node] = graph.nodes;
    const [x, w, b, y] = [...node!.inputs, ...node!.outputs].map((id) => graph.tensors.get(id)!);
    const { rows, columns } = node!.attributes['biasClasses'] as unknown as { rows: number[]; columns: number[] };
    const codes = random.codes(new Int8Array(126), -128, 127);
    const accumulators = createSimulator(graph).accumulators([codes], y!.id)!;
    const [, strides, dilations, pad] = window;
    const around = reader(Float64Array.from(codes, (code) => code - INPUT_PLAN.zeroPoint), x!.shape, (c) => quanta[c]!);
    const sums = convolve(around, w!.constant!.data, w!.shape, { strides, dilations, pad }, 1, y!.shape, () => 0);
    // One constant an output channel must be left: its bias.
    const constants = accumulators.map((sum, i) => sum - Math.round(sums[i]!));
    for (let i = OUTPUTS; i < sums.length; i++) assert.ok(Math.abs(constants[i]! - constants[i % OUTPUTS]!) <= 1, `pad ${pad}: element ${i}`);
    assert.is(b!.constant!.data.length, (Math.max(...rows) + 1) * (Math.max(...columns) + 1) * OUTPUTS);
  }
});

test('firmware equals the simulator', async () => {
  const random = new Random(13);
  const cases = WINDOWS.map((window, i) => ({ name: `padded ${i}`, graph: lowered(random, window, [-17.37, 40.5, 131.81], 'dyadic'), inputs: Array.from({ length: 3 }, () => [random.codes(new Int8Array(126), -128, 127)]) }));
  await expectFirmwareMatchesSimulator(cases, ['host', 'cortex-m7', 'cortex-m55', 'rv32imc']);
});

test.run();
