/** A network that fits 8 KB of flash and 512 bytes of memory, on an 8-bit core without multiplication. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, type SampleSet } from '../../src/calibration/index.js';
import { emitProject, writeProject } from '../../src/emit/index.js';
import { BuildError, RunError } from '../../src/errors.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import type { Attributes } from '../../src/graph/float.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { lowerGraph, planQuantization } from '../../src/quantization/index.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { missingTools, requireTools } from '../../src/toolchains/index.js';
import { brokenPromises, chooseVectors, verifyProject, type VerifyResult } from '../../src/verify/index.js';
import { leftOut } from '../support/bench.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';
import { type CaseInput, lowerCase } from '../support/operator-cases.js';

const test = suite('attiny85');
const target = findTarget('attiny85');
const SAMPLES = 16;
const RELU = { min: 0, max: Number.POSITIVE_INFINITY };

type Shape = readonly number[];
type Builder = InstanceType<typeof FloatGraphBuilder>;

const random = new Random(3);
const values = (length: number) => Float32Array.from({ length }, () => 2 * random.next() - 1);
const origin = (nodeName: string) => ({ file: 'n.onnx', format: 'builder' as const, nodeName, opType: 'Conv' });
const window = (pad: number, stride: number) => ({ strides: [stride, stride], dilations: [1, 1], pad: [pad, pad, pad, pad], activation: RELU });
const constant = (b: Builder, name: string, shape: Shape) => b.constant(name, shape, values(shape.reduce((n, d) => n * d, 1)));

/** Quantized by what the layers make of a random input of that shape. */
async function quantized(input: Shape, layers: (b: Builder, x: string) => string): Promise<IntegerGraph> {
  const b = new FloatGraphBuilder('tiny', { file: 'n.onnx', format: 'builder', sha256: '0' });
  b.output('y', layers(b, b.input('x', input, 'float32')));
  const graph = b.build();
  const samples: SampleSet = { count: SAMPLES, inputs: new Map([['x', values(SAMPLES * input.reduce((n, d) => n * d, 1))]]), codes: new Map(), raw: new Map(), sha256: '0' };
  const calibration = await calibrate(graph, samples, { observer: 'min-max', bits: 8 });
  return lowerGraph(graph, planQuantization(graph, calibration, { arith: 'shift', method: 'nearest', bits: 'w8a8', seed: 0 }));
}

/** 3x3 convolution of stride 2, sum with a 1x1 convolution, mean of each channel, matrix. */
function convolutions(side: number): Promise<IntegerGraph> {
  return quantized([side, side, 1], (b, x) => {
    const first = b.apply('conv2d', [x, constant(b, 'w1', [4, 3, 3, 1]), constant(b, 'b1', [4])], { ...window(1, 2), groups: 1 }, origin('first'), 'first');
    const sum = b.apply('add', [first, first], { activation: null }, origin('sum'), 'sum');
    const half = side / 2;
    const pool = b.apply('average-pool2d', [sum], { kernel: [half, half], strides: [1, 1], pad: [0, 0, 0, 0], countIncludePad: false, activation: null }, origin('pool'), 'pool');
    const flat = b.apply('reshape', [pool], { shape: [4] }, origin('flat'), 'flat');
    return b.apply('dense', [flat, constant(b, 'w3', [3, 4]), constant(b, 'b3', [3])], { activation: null }, origin('head'), 'head');
  });
}

/** 3x3 depthwise convolution, softmax over the channels. */
function depthwise(): Promise<IntegerGraph> {
  return quantized([4, 4, 3], (b, x) => {
    const first = b.apply('depthwise-conv2d', [x, constant(b, 'w1', [3, 3, 3, 1]), constant(b, 'b1', [3])], window(1, 1), origin('first'), 'first');
    return b.apply('softmax', [first], { axis: 2, beta: 1 }, origin('soft'), 'soft');
  });
}

async function verified(graph: IntegerGraph, vectors: number): Promise<{ readonly result: VerifyResult; readonly header: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-attiny85-'));
  try {
    await writeProject(emitProject(buildSchedule(graph, target, { ...DEFAULT_SCHEDULE_OPTIONS, optimize: 'ram' }), { commandLine: 'test' }), folder);
    const inputs = chooseVectors(graph, vectors, null, 1).map((vector) => vector.inputs);
    return { result: await verifyProject(folder, graph, target, inputs), header: headerOf(folder) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Empty where a network has no constants. */
function headerOf(folder: string): string {
  const file = join(folder, 'tiny_weights.h');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function isMissing(): boolean {
  const missing = missingTools(target);
  if (missing.length === 0) return false;
  if (process.env['CI'] === 'true') requireTools(target);
  leftOut(1, `networks on attiny85: ${missing.map((tool) => tool.command).join(', ')} missing`);
  return true;
}

for (const [name, graphOf, tensors] of [['convolution, sum, pool and matrix', () => convolutions(6), 6], ['depthwise convolution and softmax', depthwise, 3]] as const) {
  test(`${name}: every bit is right in as many runs as the EEPROM takes, nothing multiplies, constants stay in flash`, async () => {
    if (isMissing()) return;
    const { result, header } = await verified(await graphOf(), 16);
    assert.is(result.mismatch, null);
    assert.is(result.report.vectors, 16);
    assert.is(result.report.tensorsCompared, 16 * tensors);
    assert.equal(brokenPromises(result.proofs!, true), []);
    assert.is(result.proofs?.noMultiply && result.proofs.noFloat && result.proofs.noHeap, true, result.proofs?.details.join('\n'));
    assert.equal(result.notes, []);
    // 8-bit registers: several cycles a multiply-accumulate of the whole network
    assert.ok(result.cycles && result.cycles > 5000 && result.cycles < 500_000, `${result.cycles} cycles`);
    const { sizes, stackBytes } = result;
    assert.ok(sizes && sizes.codeBytes > 1000 && sizes.codeBytes + sizes.constBytes < 8192 && sizes.constBytes > 200, `${sizes?.codeBytes} + ${sizes?.constBytes} bytes`);
    // one row of padding, and nothing else, is copied
    assert.ok(sizes.dataBytes <= 4, `${sizes.dataBytes} bytes of constants in memory`);
    assert.ok(stackBytes !== null && stackBytes > 20 && stackBytes < 256, `${stackBytes} bytes of stack`);
    assert.match(header, /extern const PTQ_FLASH uint8_t tiny_\w+_weights/);
  });
}

const byte = { bits: 8, signed: true, scale: 0.011, zeroPoint: -40 };
const image = { shape: [4, 5, 2], plan: byte };
const windows = { kernel: [3, 2], strides: [2, 1], pad: [1, 1, 0, 1], activation: null };
const OPERATORS: readonly (readonly [op: string, attributes: Attributes, inputs: readonly CaseInput[], output?: typeof byte])[] = [
  ['matmul', { transposeA: false, transposeB: false }, [{ shape: [3, 5], plan: byte }, { shape: [5, 4], plan: byte }]],
  ['layer-norm', { axis: 1, epsilon: 1e-5 }, [{ shape: [3, 9], plan: byte }]],
  ['group-norm', { groups: 2, epsilon: 1e-5 }, [{ shape: [4, 6], plan: byte }, ...[1, 2].map(() => ({ shape: [6], constant: true, plan: { ...byte, bits: 16, scale: 2 ** -13, zeroPoint: 0 } }) as const)]],
  ['mul', { activation: null }, [image, { shape: [5, 1], plan: byte }]],
  ['average-pool2d', { ...windows, countIncludePad: false }, [image]],
  ['resize', { mode: 'linear', sizes: [6, 7], coordinates: 'half-pixel', nearestMode: 'floor' }, [image]],
  ['gather', { axis: 0 }, [{ shape: [7, 6], constant: true, plan: byte }, { shape: [3], indices: 7 }], byte],
];

test('what else multiplies elsewhere: every bit is right, and nothing multiplies', async () => {
  if (isMissing()) return;
  for (const [op, attributes, inputs, output = { ...byte, scale: 0.0234 }] of OPERATORS) {
    const one = lowerCase({ name: op, op, attributes, inputs, output, arith: 'shift', naive: () => [] }, 3);
    const { result } = await verified({ ...one.graph, name: 'tiny' }, 3);
    assert.is(result.mismatch, null, op);
    assert.equal(brokenPromises(result.proofs!, true), [], op);
    assert.is(result.proofs!.noMultiply, true, op);
  }
});

/** Half of what came before and half of what comes: every output hangs on all vectors so far. */
function smoothing(): IntegerGraph {
  const builder = new IntegerGraphBuilder('tiny');
  const inputs = [builder.input('x', [40]), builder.input('before', [40])];
  const y = builder.node('add', 'after', inputs, {
    shape: [40],
    attributes: { variant: 'dyadic', inputMultipliers: [5, 3], offset: 0 },
    requantize: { mode: 'shift', shift: [3], rounding: 'halfUp', zeroPoint: 0, clamp: [-128, 127] },
  });
  const graph = builder.build([y]);
  return { ...graph, inputs: graph.inputs.filter(({ tensor }) => tensor === 'x'), states: [{ read: 'before', write: 'after', initial: 7 }], provenance: { ...graph.provenance, arith: 'shift' } };
}

test('a network that remembers goes on from run to run', async () => {
  if (isMissing()) return;
  const graph = smoothing();
  const { fittingFile } = await import('../../src/toolchains/simavr.js');
  assert.ok(fittingFile(Array.from({ length: 16 }, (_, index) => ({ index, inputs: [new Uint8Array(40)] })), 512, null).count < 16, 'one file would hold all vectors');
  const { result } = await verified(graph, 16);
  assert.is(result.mismatch, null);
  assert.is(result.report.vectors, 16);
  assert.equal(brokenPromises(result.proofs!, true), []);
});

test('cycles are read from the record of the emulator', async () => {
  const { runCycles } = await import('../../src/toolchains/simavr.js');
  const record = '$timescale 10ns $end\n$var wire 8 ! run $end\nbxxxxxxxx !\n#95425\nb00000001 !\n#166025\nb00000000 !\n#322375\nb00000001 !\n#322387\nb00000000 !\n';
  assert.equal(runCycles(record, 8_000_000), [5648, 1]);
});

test('a network that is too large is refused by name of the memory', async () => {
  if (isMissing()) return;
  const error = await verified(await convolutions(22), 1).then(() => null, (thrown: unknown) => thrown);
  assert.instance(error, BuildError);
  assert.match((error as BuildError).message, /attiny85: the program is (\d+ bytes )?too large for region data/);
});

test('a vector that the EEPROM cannot hold is an error that says so', async () => {
  if (isMissing()) return;
  const { fittingFile } = await import('../../src/toolchains/simavr.js');
  const vector = (bytes: number, index: number) => ({ index, inputs: [new Uint8Array(bytes)] });
  // 12 bytes of head, 8 a vector and its input, 4 at the end
  const { file, count } = fittingFile([vector(100, 0), vector(100, 1), vector(100, 2)], 12 + 2 * 108 + 4, null);
  assert.equal([file.length, count], [232, 2]);
  assert.throws(() => fittingFile([vector(500, 0)], 512, null), (thrown: unknown) => thrown instanceof RunError && /524 bytes.*512/.test(thrown.message));
});

test.run();
