/** Every read and write of a kernel, byte for byte, with input and output at the declared distance. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IntegerTensor } from '../../src/graph/integer.js';
import { rowsOverlap, slidingOverlap } from '../../src/operators/overlap.js';

const test = suite('operators/overlap');

interface Case {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pad: readonly [number, number, number, number];
  readonly blocks: number;
  readonly block: number;
  readonly lanes: readonly [1 | 2 | 4, 1 | 2 | 4];
}

const size = (max: number) => fc.integer({ min: 1, max });
const random: fc.Arbitrary<Case> = fc
  .record({
    height: size(9), width: size(9), channels: size(4), blocks: size(3), block: size(4),
    kernel: fc.tuple(size(4), size(4)), strides: fc.tuple(size(3), size(3)), dilations: fc.tuple(size(2), size(2)),
    pad: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
    lanes: fc.constantFrom<Case['lanes']>([1, 1], [1, 2], [2, 1], [2, 2], [1, 4], [4, 1], [4, 4]),
  })
  .filter((c) => outputSize(c, 0) > 0 && outputSize(c, 1) > 0);

function outputSize(c: Case, axis: 0 | 1): number {
  const input = axis === 0 ? c.height : c.width;
  return Math.floor((input + c.pad[2 * axis]! + c.pad[2 * axis + 1]! - (c.dilations[axis] * (c.kernel[axis] - 1) + 1)) / c.strides[axis]) + 1;
}

function tensor(shape: readonly number[], lane: number): IntegerTensor {
  return { id: 't', name: 't', shape, type: { bits: 8 * lane, signed: true, packed: false }, real: null, codeRange: [-128, 127], origin: { file: 't', format: 'builder', nodeName: 't', opType: 't' } };
}

function geometry(c: Case) {
  return {
    inputHeight: c.height, inputWidth: c.width, inputChannels: c.channels, strideHeight: c.strides[0], strideWidth: c.strides[1], padTop: c.pad[0], padLeft: c.pad[2],
    outputHeight: outputSize(c, 0), outputWidth: outputSize(c, 1), outputChannels: c.blocks * c.block,
  };
}

/** Replays a convolution, block by block; true where no read finds a byte of the output. */
function isSafe(c: Case, distance: number): boolean {
  const g = geometry(c);
  const [inputLane, outputLane] = c.lanes;
  const start = 100_000;
  const overwritten = new Set<number>();
  for (let y = 0; y < g.outputHeight; y++) {
    for (let x = 0; x < g.outputWidth; x++) {
      for (let block = 0; block < c.blocks; block++) {
        for (const at of windowBytes(c, y, x, inputLane)) if (overwritten.has(start + at)) return false;
        const at = ((y * g.outputWidth + x) * g.outputChannels + block * c.block) * outputLane;
        for (let i = 0; i < c.block * outputLane; i++) overwritten.add(start - distance + at + i);
      }
    }
  }
  return true;
}

test('windows: at the declared distance and beyond, nothing is overwritten before its last read', () => {
  let tight = 0;
  fc.assert(
    fc.property(random, fc.nat(40), (c, more) => {
      const g = geometry(c);
      const [overlap] = slidingOverlap(g, tensor([c.height, c.width, c.channels], c.lanes[0]), tensor([g.outputHeight, g.outputWidth, g.outputChannels], c.lanes[1]), { block: c.block });
      assert.is(overlap!.input, 0);
      assert.ok(isSafe(c, overlap!.distanceBytes));
      assert.ok(isSafe(c, overlap!.distanceBytes + more));
      if (!isSafe(c, overlap!.distanceBytes - 1)) tight++;
    }),
    { seed: 21, numRuns: 2000 },
  );
  assert.ok(tight > 1000, `one byte closer loses a value in only ${tight} of 2000 cases: the distances are not exact`);
});

/** Replays a kernel that reads the windows of a group before it writes their pixels; a short last group starts earlier. */
function isSafeInGroups(c: Case, pixels: number, distance: number): boolean {
  const g = geometry(c);
  const [inputLane, outputLane] = c.lanes;
  const start = 100_000;
  const overwritten = new Set<number>();
  const outputs = g.outputHeight * g.outputWidth;
  for (let done = 0; done < outputs; done += pixels) {
    const first = Math.min(done, outputs - pixels);
    for (let pixel = first; pixel < first + pixels; pixel++) {
      for (const at of windowBytes(c, Math.floor(pixel / g.outputWidth), pixel % g.outputWidth, inputLane)) if (overwritten.has(start + at)) return false;
    }
    for (let i = first * g.outputChannels * outputLane; i < (first + pixels) * g.outputChannels * outputLane; i++) overwritten.add(start - distance + i);
  }
  return true;
}

function windowBytes(c: Case, y: number, x: number, lane: number): readonly number[] {
  const bytes: number[] = [];
  for (let ky = 0; ky < c.kernel[0]; ky++) {
    for (let kx = 0; kx < c.kernel[1]; kx++) {
      const row = y * c.strides[0] - c.pad[0] + ky * c.dilations[0];
      const column = x * c.strides[1] - c.pad[2] + kx * c.dilations[1];
      if (row < 0 || row >= c.height || column < 0 || column >= c.width) continue;
      for (let i = 0; i < c.channels * lane; i++) bytes.push((row * c.width + column) * c.channels * lane + i);
    }
  }
  return bytes;
}

test('groups of pixels, the last of which overlaps the one before', () => {
  fc.assert(
    fc.property(random, size(4), fc.nat(20), (c, pixels, more) => {
      const g = geometry(c);
      fc.pre(g.outputHeight * g.outputWidth >= pixels);
      const [overlap] = slidingOverlap(g, tensor([c.height, c.width, c.channels], c.lanes[0]), tensor([g.outputHeight, g.outputWidth, g.outputChannels], c.lanes[1]), { pixels, overlappingTail: true });
      assert.ok(isSafeInGroups(c, pixels, overlap!.distanceBytes));
      assert.ok(isSafeInGroups(c, pixels, overlap!.distanceBytes + more));
    }),
    { seed: 22, numRuns: 1000 },
  );
});

test('rows of a matrix: growing rows need room, shrinking ones none', () => {
  const overlap = (depth: number, channels: number, block: number) => rowsOverlap(10, depth, channels, tensor([10, depth], 1), tensor([10, channels], 1), { block })[0]!.distanceBytes;
  assert.is(overlap(8, 16, 16), 16 * 9 - 8 * 9);
  assert.is(overlap(8, 16, 4), 16 * 10 - 4 - 8 * 9);
  assert.is(overlap(8, 4, 4), -4);
});

test('lanes of different types share no memory, except with bytes', () => {
  assert.equal(rowsOverlap(4, 4, 4, tensor([4, 4], 2), tensor([4, 4], 4)), []);
  assert.is(rowsOverlap(4, 4, 4, tensor([4, 4], 1), tensor([4, 4], 4)).length, 1);
});

test.run();
