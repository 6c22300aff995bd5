/** Hex files for hardware: a Verilog circuit of shifts and additions computes from them what the simulator says. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exportCommand } from '../../src/commands/export.js';
import { hexLines } from '../../src/emit/readmemh.js';
import { UsageError } from '../../src/errors.js';
import type { IntegerGraph, IntegerTensor } from '../../src/graph/integer.js';
import { saveIntegerGraph } from '../../src/graph/serialize.js';
import { shiftGrid } from '../../src/operators/shift/weights.js';
import { findProgram } from '../../src/toolchains/index.js';
import { leftOut, repositoryRoot } from '../support/bench.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';

const test = suite('export');
const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-export-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** 7x6x3 → 3x3 convolution of two terms a weight, stride 2, padded → 4x3x5 → 3x3 depthwise of two terms, two outputs a channel → 4x3x10 → dense of one term to 4. */
function network(): IntegerGraph {
  const random = new Random(31);
  const builder = new IntegerGraphBuilder('steps');
  const weights = (name: string, shape: readonly number[], terms: number): string => {
    const values = [...shiftGrid({ terms, exponentBits: 3 })];
    return builder.constant(name, shape, Int16Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.pick(values)), 11);
  };
  const shift = (least: number, channels: number) => ({ mode: 'shift' as const, shift: Array.from({ length: channels }, () => random.integer(least, least + 2)), rounding: 'halfUp' as const, zeroPoint: -3, clamp: [-120, 127] as const });
  builder.input('image', [7, 6, 3]);
  builder.node('conv2d', 'first', ['image', weights('w1', [5, 3, 3, 3], 2), builder.constant('b1', [5], random.codes(new Int32Array(5), -2000, 2000))], {
    attributes: { strides: [2, 2], dilations: [1, 1], groups: 1, pad: { amounts: [1, 1, 1, 0], values: -7 } as never, inputZeroPoint: -7 },
    requantize: shift(8, 5),
    shape: [4, 3, 5],
  });
  builder.node('depthwise-conv2d', 'middle', ['first', weights('wd', [3, 3, 5, 2], 2), builder.constant('bd', [10], random.codes(new Int32Array(10), -500, 500))], {
    attributes: { strides: [1, 1], dilations: [1, 1], pad: { amounts: [1, 1, 1, 1], values: -3 } as never, inputZeroPoint: -3 },
    requantize: shift(7, 10),
    shape: [4, 3, 10],
  });
  builder.node('reshape', 'flat', ['middle'], { attributes: { shape: [120] }, shape: [120] });
  builder.node('dense', 'second', ['flat', weights('w2', [4, 120], 1), builder.constant('b2', [4], random.codes(new Int32Array(4), -99, 99))], {
    attributes: { inputZeroPoint: -3 },
    requantize: shift(6, 4),
    shape: [4],
  });
  return encoded(builder.build(['second']), new Map([['w1', 2], ['wd', 2], ['w2', 1]]));
}

/** The same graph, whose weights say that they are sums of so many terms. */
function encoded(graph: IntegerGraph, terms: ReadonlyMap<string, number>): IntegerGraph {
  const marked = (tensor: IntegerTensor): IntegerTensor =>
    terms.has(tensor.id) ? { ...tensor, constant: { ...tensor.constant!, encoding: { kind: 'shift', terms: terms.get(tensor.id)!, exponentBits: 3, perChannelShift: null } } } : tensor;
  return { ...graph, tensors: new Map([...graph.tensors].map(([id, tensor]) => [id, marked(tensor)])) };
}

interface File {
  readonly file: string;
  readonly shape: readonly number[];
  readonly bits: number;
}

interface Layer {
  readonly operator: string;
  readonly terms: number;
  readonly exponentBits: number;
  readonly window: { readonly strides: readonly number[]; readonly padding: { readonly amounts: readonly number[]; readonly values: number } } | null;
  readonly requantize: { readonly zeroPoint: number; readonly clamp: readonly [number, number] };
  readonly files: Record<'codes' | 'bias' | 'shift', File>;
  readonly vectors: readonly Record<'input' | 'accumulators' | 'output', File>[];
}

async function exported(name: string, vectors = 2): Promise<{ readonly out: string; readonly layers: readonly Layer[] }> {
  const path = join(folder, `${name}.ptq.json`);
  saveIntegerGraph(network(), path);
  const out = join(folder, name);
  const write = process.stdout.write;
  process.stdout.write = () => true;
  try {
    await exportCommand(path, { out, vectors });
  } finally {
    process.stdout.write = write;
  }
  return { out, layers: JSON.parse(readFileSync(join(out, 'layers.json'), 'utf8')).layers };
}

/** What the circuit prints for one vector of a layer; a matrix is a convolution of one pixel. */
function simulate(out: string, layer: Layer, vector: number): string {
  const { input, accumulators, output } = layer.vectors[vector]!;
  const [height, width, depth] = layer.window ? (input.shape as [number, number, number]) : [1, 1, input.shape[0]!];
  const [outHeight, outWidth] = layer.window ? output.shape : [1, 1];
  const isDepthwise = layer.operator === 'depthwise-conv2d';
  const kernel = layer.window ? layer.files.codes.shape.slice(isDepthwise ? 0 : 1) : [1, 1];
  const parameters = {
    HEIGHT: height, WIDTH: width, DEPTH: depth, OUT_HEIGHT: outHeight, OUT_WIDTH: outWidth, CHANNELS: output.shape.at(-1),
    KERNEL_HEIGHT: kernel[0], KERNEL_WIDTH: kernel[1], STRIDE_Y: layer.window?.strides[0] ?? 1, STRIDE_X: layer.window?.strides[1] ?? 1,
    TOP: layer.window?.padding.amounts[0] ?? 0, LEFT: layer.window?.padding.amounts[2] ?? 0, PAD: layer.window?.padding.values ?? 0,
    DEPTHWISE: isDepthwise ? 1 : 0, MULTIPLIER: isDepthwise ? kernel[3] : 1,
    TERMS: layer.terms, EXPONENT_BITS: layer.exponentBits, INPUT_BITS: input.bits, OUTPUT_BITS: output.bits,
    ZERO_POINT: layer.requantize.zeroPoint, LOW: layer.requantize.clamp[0], HIGH: layer.requantize.clamp[1],
    CODES: `"${layer.files.codes.file}"`, BIAS: `"${layer.files.bias.file}"`, SHIFT: `"${layer.files.shift.file}"`,
    INPUTS: `"${input.file}"`, SUMS: `"${accumulators.file}"`, OUTPUTS: `"${output.file}"`,
  };
  const program = join(out, 'circuit');
  const compiled = spawnSync('iverilog', [...Object.entries(parameters).map(([key, value]) => `-Pshift_layer.${key}=${value}`), '-o', program, join(repositoryRoot(), 'test/support/shift-layer.v')], { cwd: out, encoding: 'utf8' });
  assert.is(compiled.status, 0, compiled.stderr);
  return spawnSync('vvp', ['-n', program], { cwd: out, encoding: 'utf8' }).stdout;
}

test('a circuit of shifts and additions gives every accumulator and every code', async () => {
  if (!hasVerilog()) return;
  const { out, layers } = await exported('circuit');
  assert.equal(layers.map((layer) => layer.operator), ['conv2d', 'depthwise-conv2d', 'dense']);
  for (const layer of layers) {
    for (const vector of layer.vectors.keys()) {
      const elements = layer.vectors[vector]!.output.shape.reduce((a, b) => a * b);
      assert.match(simulate(out, layer, vector), new RegExp(`^${elements} right, 0 wrong$`, 'm'), `${layer.operator}, vector ${vector}`);
    }
  }
});

test('and one changed code shows', async () => {
  if (!hasVerilog()) return;
  const { out, layers } = await exported('changed', 1);
  const file = join(out, layers[2]!.files.codes.file);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/^([0-9a-f])$/m, (code) => (Number.parseInt(code, 16) ^ 8).toString(16)));
  assert.match(simulate(out, layers[2]!, 0), /^3 right, 1 wrong$/m);
});

function hasVerilog(): boolean {
  if (findProgram('iverilog') !== null) return true;
  if (process.env['CI'] === 'true') throw new Error('iverilog is not installed: sudo apt-get install -y iverilog');
  leftOut(1, 'circuit of a shift layer: iverilog missing');
  return false;
}

test('every file holds as many values as its shape says, of as many bits', async () => {
  const { out, layers } = await exported('files');
  const files = layers.flatMap((layer) => [...Object.values(layer.files), ...layer.vectors.flatMap((vector) => Object.values(vector))]);
  assert.is(files.length, 3 * (3 + 2 * 3));
  for (const { file, shape, bits } of files) {
    const lines = readFileSync(join(out, file), 'utf8').trimEnd().split('\n').filter((line) => !line.startsWith('//'));
    assert.is(lines.length, shape.reduce((a, b) => a * b), file);
    assert.ok(lines.every((line) => line.length === Math.ceil(bits / 4) && Number.parseInt(line, 16) < 2 ** bits), file);
  }
  assert.is(readdirSync(out).length, 4);
  assert.equal(layers[0]!.files.codes.shape, [5, 3, 3, 3, 2]);
});

test("two's complement", () => {
  assert.is(hexLines([0, 1, -1, 127, -128], 8), '00\n01\nff\n7f\n80\n');
  assert.is(hexLines([-1, 7], 4), 'f\n7\n');
  assert.is(hexLines([-(2 ** 31)], 32), '80000000\n');
});

test('a graph without such layers is refused', async () => {
  const path = join(folder, 'plain.ptq.json');
  const graph = network();
  const plain = [...graph.tensors].map(([id, tensor]) => [id, tensor.constant ? { ...tensor, constant: { ...tensor.constant, encoding: { kind: 'affine' as const } } } : tensor] as const);
  saveIntegerGraph({ ...graph, tensors: new Map(plain) }, path);
  const error = await exportCommand(path, { out: folder }).then(() => null, (thrown: unknown) => thrown);
  assert.instance(error, UsageError);
  assert.match((error as UsageError).hint ?? '', /--arith shift/);
});

test.run();
