import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../src/errors.js';
import { exactTaps, nearestIndices } from '../../src/operators/resize-coordinates.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { fill } from '../support/naive.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase } from '../support/operator-cases.js';

const resize = suite('resize');
const plan = { bits: 8, signed: true, scale: 0.02, zeroPoint: -40 };
const coordinates = ['half-pixel', 'pytorch-half-pixel', 'asymmetric', 'align-corners'] as const;
const nearestModes = ['round-prefer-floor', 'round-prefer-ceil', 'floor', 'ceil'] as const;
type Coordinates = (typeof coordinates)[number];

/** ONNX's formulas in floating point, written out. */
function position(o: number, input: number, output: number, mode: Coordinates): number {
  const scale = output / input;
  if (mode === 'half-pixel') return (o + 0.5) / scale - 0.5;
  if (mode === 'pytorch-half-pixel') return output > 1 ? (o + 0.5) / scale - 0.5 : 0;
  if (mode === 'asymmetric') return o / scale;
  return output === 1 ? 0 : (o * (input - 1)) / (output - 1);
}

interface Options {
  readonly shape: readonly [number, number, number];
  readonly sizes: readonly [number, number];
  readonly coordinates: Coordinates;
  readonly nearestMode?: (typeof nearestModes)[number];
  readonly arith?: 'tflite';
}

function linearCase({ shape, sizes, coordinates: mode, arith }: Options, seed: number) {
  const [h, w, c] = shape;
  const naive = ([x]: readonly ArrayLike<number>[]) =>
    fill([...sizes, c], ([y, z, channel]) => {
      const at = [position(y!, h, sizes[0], mode), position(z!, w, sizes[1], mode)].map((p, i) => Math.min(Math.max(p, 0), shape[i]! - 1));
      const [low, high] = [at.map(Math.floor), at.map((p, i) => Math.min(Math.floor(p) + 1, shape[i]! - 1))];
      const pixel = (a: number, b: number) => x![(a * w + b) * c + channel!]!;
      const [fy, fx] = at.map((p) => p - Math.floor(p)) as [number, number];
      return (pixel(low[0]!, low[1]!) * (1 - fx) + pixel(low[0]!, high[1]!) * fx) * (1 - fy) + (pixel(high[0]!, low[1]!) * (1 - fx) + pixel(high[0]!, high[1]!) * fx) * fy;
    });
  const attributes = { mode: 'linear', sizes, coordinates: mode, nearestMode: 'floor' };
  return lowerCase({ name: `linear ${mode} ${seed}`, op: 'resize', attributes, inputs: [{ shape, plan }], output: arith ? plan : { ...plan, scale: 0.023 }, ...(arith && { arith }), naive }, seed);
}

function nearestCase({ shape, sizes, coordinates: mode, nearestMode = 'round-prefer-floor' }: Options, seed: number) {
  const [h, w, c] = shape;
  const pick = (p: number, size: number) => {
    const rounded = { floor: Math.floor(p), ceil: Math.ceil(p), 'round-prefer-floor': Math.ceil(p - 0.5), 'round-prefer-ceil': Math.floor(p + 0.5) }[nearestMode];
    return Math.min(Math.max(rounded, 0), size - 1);
  };
  const naive = ([x]: readonly ArrayLike<number>[]) => fill([...sizes, c], ([y, z, channel]) => x![(pick(position(y!, h, sizes[0], mode), h) * w + pick(position(z!, w, sizes[1], mode), w)) * c + channel!]!);
  const attributes = { mode: 'nearest', sizes, coordinates: mode, nearestMode };
  return lowerCase({ name: `nearest ${mode} ${nearestMode}`, op: 'resize', attributes, inputs: [{ shape, plan }], output: plan, naive }, seed);
}

// Sizes whose ratios are exact in binary, so that the formulas in floating point meet no rounding of their own.
const linear = coordinates.flatMap((mode, i) => [
  linearCase({ shape: [4, 3, 3], sizes: [8, 12], coordinates: mode }, 1700 + i),
  linearCase({ shape: [5, 7, 2], sizes: [1, 3], coordinates: mode }, 1710 + i),
  linearCase({ shape: [3, 3, 1], sizes: [101, 67], coordinates: mode }, 1720 + i),
]);
const tflite = coordinates.map((mode, i) => linearCase({ shape: [4, 5, 3], sizes: [9, 10], coordinates: mode, arith: 'tflite' }, 1730 + i));
const nearest = coordinates.flatMap((mode, i) => nearestModes.map((nearestMode, k) => nearestCase({ shape: [4, 8, 3], sizes: [8, 4], coordinates: mode, nearestMode }, 1740 + 4 * i + k)));

resize('float equals the plain loops', async () => {
  for (const one of [...linear, ...nearest]) await checkFloat(one);
});

resize('linear rounds once, TFLite within the error of its 10-bit positions, nearest copies', () => {
  for (const one of linear) checkSimulator(one, one.one.name.endsWith('2') ? 0.8 : 0.5 + 2 ** -7);
  for (const one of tflite) checkSimulator(one, 2.1);
  for (const one of nearest) checkSimulator(one, 1e-9);
});

resize('weights are exact fractions', () => {
  assert.equal(exactTaps(2, 4, 'half-pixel'), { units: 4, taps: [[0, 1, 0], [0, 1, 1], [0, 1, 3], [1, 1, 0]] });
  assert.equal(nearestIndices(3, 7, 'asymmetric', 'floor'), [0, 0, 0, 1, 1, 2, 2]);
});

resize('sizes below one are a ShapeError', () => {
  assert.throws(() => nearestCase({ shape: [2, 2, 1], sizes: [0, 2], coordinates: 'asymmetric' }, 1), (e: unknown) => e instanceof ShapeError && e.message.includes("'layer'"));
});

resize('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator([...linear, ...tflite, ...nearest.slice(0, 6)].map(firmwareCase), ['host', 'cortex-m7']);
});

resize.run();
