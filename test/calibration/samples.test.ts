/** The user's files and the inputs of a graph. */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { encode as encodeJpeg } from 'jpeg-js';
import { PNG } from 'pngjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadLabels, loadSamples, parsePreprocess, type LoadOptions } from '../../src/calibration/index.js';
import { CalibrationError, UsageError } from '../../src/errors.js';
import type { FloatGraph, SourceQuantization } from '../../src/graph/float.js';
import { newBuilder } from '../support/float-graphs.js';
import { float32Npy, npyBytes } from '../support/npy-bytes.js';

const test = suite('calibration samples');
const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-samples-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));
let serial = 0;

function file(bytes: Uint8Array | string, name = `${serial++}.npy`): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** A graph with one image input, stored [1, C, H, W] in the file and [H, W, C] in the graph. */
function imageGraph(channels = 2, height = 2, width = 3): FloatGraph {
  const builder = newBuilder();
  const x = builder.input('image', [height, width, channels], 'float32', { sourceShape: [1, channels, height, width], batchAxis: 0, permutation: [1, 2, 0] });
  builder.output('y', x);
  return builder.build();
}

function plainGraph(shape: readonly number[], options: { readonly type?: 'float32' | 'int32'; readonly quantization?: SourceQuantization } = {}): FloatGraph {
  const builder = newBuilder();
  const { type = 'float32', quantization } = options;
  builder.output('y', builder.input('x', shape, type, quantization ? { quantization } : {}));
  return builder.build({ quantized: quantization !== undefined });
}

async function values(paths: string | readonly string[], graph: FloatGraph, options: LoadOptions = {}): Promise<number[]> {
  const samples = await loadSamples(paths, graph, options);
  return [...samples.inputs.values()].flatMap((array) => [...array]);
}

async function fails(promise: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await promise.then(() => undefined, (e: unknown) => e);
  assert.ok(error instanceof CalibrationError, `expected a CalibrationError, got ${String(error)}`);
  assert.match((error as Error).message, message);
}

test('the file\'s order of axes becomes the graph\'s', async () => {
  const path = file(float32Npy([1, 2, 2, 3], (i) => i));
  assert.equal(await values(path, imageGraph()), [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]);
});

test('data stored the other way round need the layout, and the error says so', async () => {
  const path = file(float32Npy([1, 2, 3, 2], (i) => i));
  await fails(loadSamples(path, imageGraph()), /shape \[1, 2, 3, 2\], but input 'image' wants \[samples, 2, 2, 3\]/);
  const hint = await loadSamples(path, imageGraph()).catch((error: CalibrationError) => error.hint);
  assert.match(String(hint), /"layout": "nhwc"/);
  assert.equal(await values(path, imageGraph(), { preprocess: parsePreprocess('{"layout":"nhwc"}') }), Array.from({ length: 12 }, (_, i) => i));
});

test('mean and std go by channel, whatever the layout', async () => {
  const preprocess = { ...parsePreprocess('{"scale":"1/2","mean":[1,2],"std":[1,"1/2"]}') };
  const expected = [-1, -4, -0.5, -3, 0, -2];
  const first = file(float32Npy([1, 2, 1, 3], (i) => i % 3));
  assert.equal(await values(first, imageGraph(2, 1, 3), { preprocess }), expected);
  const last = file(float32Npy([1, 1, 3, 2], (i) => Math.floor(i / 2)));
  assert.equal(await values(last, imageGraph(2, 1, 3), { preprocess: { ...preprocess, layout: 'nhwc' } }), expected);
});

test('missing singleton axes, a single sample, a limit', async () => {
  const flat = file(float32Npy([4, 2, 3], (i) => i));
  assert.is((await loadSamples(flat, plainGraph([1, 2, 3, 1]))).count, 4);
  assert.is((await loadSamples(file(float32Npy([2, 3], (i) => i)), plainGraph([2, 3]))).count, 1);
  const limited = await loadSamples(flat, plainGraph([2, 3]), { limit: 3 });
  assert.is(limited.count, 3);
  assert.equal([...limited.inputs.get('x')!], Array.from({ length: 18 }, (_, i) => i));
});

test('uint8 data mean their value and stay available raw', async () => {
  const path = file(npyBytes('|u1', [2, 2], Uint8Array.of(0, 255, 3, 4)));
  const samples = await loadSamples(path, plainGraph([2]), { preprocess: parsePreprocess('{"scale":"1/255"}') });
  assert.equal([...samples.inputs.get('x')!], [...Float32Array.of(0, 1, 3 / 255, 4 / 255)]);
  assert.equal([...samples.raw.get('x')!], [0, 255, 3, 4]);
});

test('several inputs: an archive by name, or name=path', async () => {
  const builder = newBuilder();
  builder.output('y', builder.input('a', [2], 'float32'));
  builder.input('b:0', [1], 'int32');
  const graph = builder.build();
  const a = float32Npy([3, 2], (i) => i);
  const b = npyBytes('<i8', [3], BigInt64Array.of(7n, 8n, 9n));
  const zipped = await loadSamples(file(zipSync({ 'a.npy': a, 'b_0.npy': b }), 'both.npz'), graph);
  const named = await loadSamples([`a=${file(a)}`, `b:0=${file(b)}`], graph);
  for (const samples of [zipped, named]) {
    assert.equal([...samples.inputs.get('a')!], [0, 1, 2, 3, 4, 5]);
    assert.equal([...samples.inputs.get('b:0')!], [7, 8, 9]);
  }
  await fails(loadSamples(file(a), graph), /2 inputs, and it is not said which/);
  await fails(loadSamples(`a=${file(a)}`, graph), /no data for input 'b:0'/);
  await fails(loadSamples(`c=${file(a)}`, graph), /no input called 'c'/);
  await fails(loadSamples([`a=${file(a)}`, `b:0=${file(npyBytes('<i4', [2], Int32Array.of(1, 2)))}`], graph), /different numbers of samples/);
});

test('folders: arrays one after another, images sorted by name', async () => {
  const arrays = join(folder, 'arrays');
  mkdirSync(arrays);
  writeFileSync(join(arrays, '1.npy'), float32Npy([2], () => 1));
  writeFileSync(join(arrays, '2.npy'), float32Npy([2, 2], () => 2));
  assert.equal(await values(arrays, plainGraph([2])), [1, 1, 2, 2, 2, 2]);
  const images = join(folder, 'images');
  mkdirSync(images);
  for (const [name, red] of [['b.png', 20], ['a.png', 10]] as const) {
    const png = new PNG({ width: 2, height: 1 });
    png.data.set([red, 1, 2, 255, red, 3, 4, 255]);
    writeFileSync(join(images, name), PNG.sync.write(png));
  }
  const expected = [10, 1, 2, 10, 3, 4, 20, 1, 2, 20, 3, 4];
  assert.equal(await values(images, imageGraph(3, 1, 2)), expected);
  assert.equal(await values(images, plainGraph([1, 2, 3])), expected);
  await fails(loadSamples(images, imageGraph(3, 4, 4)), /a\.png is 1x2x3 .* wants \[3, 4, 4\]/);
});

test('JPEG files and grey inputs', async () => {
  const grey = { width: 8, height: 8, data: Buffer.alloc(256, 128) };
  const path = file(encodeJpeg(grey, 100).data, 'grey.jpg');
  const [first] = await values(path, plainGraph([8, 8, 1]));
  assert.ok(Math.abs(first! - 128) <= 2);
  const colour = { width: 8, height: 8, data: Buffer.from(Array.from({ length: 256 }, (_, i) => (i % 4 === 0 ? 250 : 5))) };
  await fails(loadSamples(file(encodeJpeg(colour, 100).data, 'red.jpg'), plainGraph([8, 8, 1])), /has colours, but the input has one channel/);
});

test('a quantized input takes codes of its own type, anything else as real values', async () => {
  const quantization = { scale: [0.5], zeroPoint: [-3], axis: null, bits: 8, signed: true };
  const graph = plainGraph([2], { quantization });
  const codes = await loadSamples(file(npyBytes('|i1', [1, 2], Int8Array.of(-3, 5))), graph);
  assert.equal([...codes.codes.get('x')!], [-3, 5]);
  assert.equal([...codes.inputs.get('x')!], [0, 4]);
  const real = await loadSamples(file(npyBytes('|u1', [1, 2], Uint8Array.of(0, 4))), graph);
  assert.is(real.codes.size, 0);
  assert.equal([...real.inputs.get('x')!], [0, 4]);
  const bare = await loadSamples(file(Uint8Array.of(253, 5, 0, 0), 'codes.bin'), graph);
  assert.equal([...bare.codes.get('x')!], [-3, 5, 0, 0]);
  await fails(loadSamples(file(Uint8Array.of(1, 2, 3), 'odd.bin'), graph), /3 bytes, not a multiple of the 2 bytes/);
  await fails(loadSamples(file(Uint8Array.of(1, 2), 'float.bin'), plainGraph([2])), /not quantized/);
});

test('bad data are named', async () => {
  await fails(loadSamples(file(float32Npy([2, 2], (i) => (i === 3 ? Number.NaN : i))), plainGraph([2])), /holds NaN at flat index 3/);
  await fails(loadSamples(file(float32Npy([0, 2], () => 0)), plainGraph([2])), /is empty/);
  await fails(loadSamples(file(float32Npy([2, 2], () => 0)), plainGraph([2], { type: 'int32' })), /takes integers/);
  await fails(loadSamples(file(npyBytes('<i8', [1, 2], BigInt64Array.of(1n, 1n << 40n))), plainGraph([2], { type: 'int32' })), /does not fit int32/);
  await fails(loadSamples(join(folder, 'nowhere'), plainGraph([2])), /cannot read/);
  await fails(loadSamples(file('hello', 'notes.txt'), plainGraph([2])), /'\.txt' are not read/);
  await fails(loadSamples(file('hello', 'broken.npz'), plainGraph([2])), /not a readable \.npz/);
  await fails(loadSamples(file('hello', 'broken.png'), plainGraph([1, 1, 3])), /broken\.png cannot be decoded/);
  await fails(loadSamples(file(float32Npy([1, 2], () => 0)), plainGraph([2]), { preprocess: parsePreprocess('{"mean":[1,2,3]}') }), /3 channels, but .* has 2/);
});

test('the digest follows the data and the preprocess', async () => {
  const path = file(float32Npy([2, 2], (i) => i));
  const plain = await loadSamples(path, plainGraph([2]));
  const scaled = await loadSamples(path, plainGraph([2]), { preprocess: parsePreprocess('{"scale":2}') });
  assert.is(plain.sha256, (await loadSamples(path, plainGraph([2]))).sha256);
  assert.is.not(plain.sha256, scaled.sha256);
  assert.match(plain.sha256, /^[0-9a-f]{64}$/);
});

test('preprocess: fractions, files, and what is wrong with it', () => {
  const path = file('{"scale":"1/255","layout":"nchw"}', 'preprocess.json');
  assert.equal(parsePreprocess(path), { scale: 1 / 255, mean: [0], std: [1], layout: 'nchw' });
  assert.equal(parsePreprocess('{"mean":"1/2"}').mean, [0.5]);
  for (const bad of ['{', 'nowhere.json', '{"sclae":1}', '{"scale":"x"}', '{"std":0}', '{"layout":"hwc"}', '{"mean":[1,2],"std":[1,2,3]}', '{"mean":[]}']) {
    assert.throws(() => parsePreprocess(bad), (error: Error) => error instanceof UsageError, bad);
  }
});

test('labels: .npy and text', async () => {
  assert.equal([...(await loadLabels(file(npyBytes('|u1', [3], Uint8Array.of(1, 2, 3))))).data], [1, 2, 3]);
  assert.equal([...(await loadLabels(file('4\n5\n', 'labels.txt'))).data], [4, 5]);
  await fails(loadLabels(file('cat\n', 'words.txt')), /'cat' is not a label/);
  await fails(loadLabels(join(folder, 'none.npy')), /cannot read the labels/);
});

test.run();
