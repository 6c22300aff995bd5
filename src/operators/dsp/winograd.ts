/**
 * 3x3 convolutions of stride 1 as Winograd F(2x2, 3x3) in exact integers: 16 products instead of 36 for four outputs.
 *
 *     G = [1 0 0; 1 1 1; 1 -1 1; 0 0 1]   U = G g Gt   V = Bt d B   M = sum over channels of U V   acc = At M A
 *
 * The usual G halves its two middle rows. Here they stay whole, and At halves M1 + M2 and M1 - M2 instead, which are even:
 * (d1+d2)(g0+g1+g2) ± (d2-d1)(g0-g1+g2) is 2(d2(g0+g2) + d1 g1) or 2(d1(g0+g2) + d2 g1). The result is the accumulator itself,
 * so that its requantization stays as it is. A constant added to all inputs appears at the middle point alone, where four
 * times the folded bias goes as well.
 */
import type { IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelContext, KernelInstance, SupportText } from '../kernel.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { inputZeroPointOf, type LinearTensors, linearTensors, padOf } from '../linear/integer.js';
import { activationArguments, foldedBias, linearStem, rowSums } from '../linear/kernels.js';
import { padsWithZero } from '../linear/convolution.js';
import { type Access, mayShare, overlapDistance } from '../overlap.js';
import { cType } from '../views.js';
import { codeInstructions, predictProducts } from './predictions.js';
import { type FoldedRequantize, foldRequantize } from './requantize.js';
import { INT16 } from './storage.js';
import { loopOf, TILE_3X2 } from './tiles.js';
import { POINTS, transformedReach, transformWeights } from './winograd-transform.js';

/** Unrolled code and the offsets of its loads allow no more. */
const MOST_CHANNELS = 128;

interface Layer {
  readonly node: IntegerNode;
  readonly t: LinearTensors;
  readonly g: Geometry;
  readonly requantize: FoldedRequantize;
  /** U, doubled where the requantization wants twice the accumulator: [O, 16, C]. */
  readonly transformed: Int16Array;
  /** At the middle point. */
  readonly bias: Float64Array;
}

/** The layer in the transformed domain; null where it does not fit, does not pay, or a sum could leave 32 bits. */
function readLayer({ graph, group: [node], features }: KernelContext): Layer | null {
  if (!features.dsp || !node) return null;
  const t = linearTensors(node, graph);
  const g = geometryOf(node, t);
  if (!fitsWindow(node, t, g)) return null;
  const requantize = foldRequantize(node, g.outputChannels);
  if (!requantize || requantize.saturation.bits > 8 || predict(g, requantize) >= predictDirect(g, requantize)) return null;
  const scale = requantize.doubled ? 2 : 1;
  const transformed = transformWeights(t.weightCodes, g.outputChannels, g.inputChannels, scale);
  const folded = foldedBias(node, t, rowSums(t.weightCodes, g.outputChannels));
  const bias = Float64Array.from(folded, (b) => 4 * scale * b);
  const range = [Math.min(...t.x.codeRange, inputZeroPointOf(node)), Math.max(...t.x.codeRange, inputZeroPointOf(node))] as const;
  return transformedReach(transformed, bias, g, range) < 2 ** 31 ? { node, t, g, requantize, transformed, bias } : null;
}

function geometryOf(node: IntegerNode, t: LinearTensors): Geometry {
  const [outputChannels, height, width] = t.weights.shape as [number, number, number];
  return convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad: padOf(node).amounts });
}

/** 3x3, stride 1, at most one row and column of padding on each side that stands for zero, bytes in and out. */
function fitsWindow(node: IntegerNode, t: LinearTensors, g: Geometry): boolean {
  const plain = [g.strideHeight, g.strideWidth, g.dilationHeight, g.dilationWidth, node.attributes['groups'] ?? 1].every((n) => n === 1);
  const window = g.kernelHeight === 3 && g.kernelWidth === 3 && padOf(node).amounts.every((amount) => amount <= 1);
  const bytes = [t.x, t.y, t.weights].every(({ type }) => type.bits <= 8 && !type.packed);
  const channels = g.inputChannels % 4 === 0 && g.inputChannels <= MOST_CHANNELS && g.outputChannels % 2 === 0;
  return plain && window && bytes && channels && !node.attributes['biasClasses'] && padsWithZero(g, node);
}

function instantiate(layer: Layer): KernelInstance {
  const { node, t, g, requantize } = layer;
  const zeroPoint = inputZeroPointOf(node);
  const inputSuffix = `${t.x.type.signed ? 's8' : 'u8'}_${g.inputChannels}`;
  const suffix = `${inputSuffix}_${codeSuffixOf(requantize)}`;
  const padding = new Uint8Array(6 * g.inputChannels).fill(zeroPoint & 255);
  return {
    family: 'dsp',
    template: 'dsp/winograd',
    stem: linearStem('conv2d', t, node, 'winograd'),
    view: { ...g, inputType: cType(t.x.type), outputType: cType(t.y.type), padCode: zeroPoint, suffix, inputSuffix, recordsWords: (POINTS * recordBytes(g)) / 4, weightsLength: layer.transformed.length },
    arguments: [
      ...activationArguments([node.inputs[0]!], node.outputs[0]!),
      { kind: 'constant', name: 'weights', data: packWeights(layer), alignment: 4 },
      { kind: 'constant', name: 'constants', data: packConstants(layer) },
      { kind: 'constant', name: 'padding', data: padding, alignment: 4 },
      { kind: 'scratch' },
    ],
    scratchBytes: POINTS * recordBytes(g),
    instructions: predict(g, requantize),
    scalars: [],
    support: supportOf(layer, inputSuffix, suffix),
    overlap: overlapOf(layer),
  };
}

/** A point's values of two tiles, then four sums. */
function recordBytes(g: Geometry): number {
  return 4 * g.inputChannels + 16;
}

function codeSuffixOf({ kind, unshifted, saturation }: FoldedRequantize): string {
  return `${kind}${unshifted ? '_high' : ''}_${saturation.signed ? 's' : 'u'}${saturation.bits}`;
}

function supportOf({ t, g, requantize }: Layer, inputSuffix: string, suffix: string): readonly SupportText[] {
  const channels = g.inputChannels;
  return [
    { template: 'dsp/assembly', view: {} },
    { template: 'dsp/winograd-types', view: {} },
    { template: 'dsp/winograd-place', view: { columnBytes: COLUMN_BYTES } },
    { template: 'dsp/winograd-input', view: inputView(inputSuffix, channels, t.x.type.signed) },
    { template: 'dsp/winograd-channels', view: { ...channelsView(g, requantize), suffix } },
  ];
}

/** Code of one column: 24 instructions of four bytes. */
const COLUMN_BYTES = 96;

/** Columns in the order in which the code may leave them out: the first, then from the last; the second never, it moves the pointers. */
function inputView(suffix: string, channels: number, signed: boolean): object {
  const columns = [0, 5, 4, 3, 2, 1].map((column) => ({
    first: column === 0,
    load: column === 1 ? '], #4' : `, #${(column - 1) * channels}]`,
    ...Object.fromEntries([0, 1, 2, 3].map((row) => [`row${row}`, 48 * row + 8 * column])),
  }));
  const bytes = 4 * channels + 16;
  return { suffix, channels, columns, extend: signed ? 'sxtb16' : 'uxtb16', recordBytes: bytes, step: bytes - 8 };
}

/** About 16 rounds of four channels unrolled. */
function channelsView(g: Geometry, { kind, unshifted, saturation }: FoldedRequantize): object {
  const channels = g.inputChannels;
  const steps = channels / 4;
  const unroll = [16, 8, 4, 2].find((points) => points * steps <= 16) ?? 1;
  const bytes = recordBytes(g);
  return {
    channels,
    unroll,
    moreSteps: steps - 1,
    loops: unroll < POINTS,
    recordBytes: bytes,
    recordsBytes: POINTS * bytes,
    secondRow: 4 * channels + 4 * bytes,
    rows: ROWS,
    constantRegisters: unshifted ? 'r9, r10, r12' : 'r9-r12',
    shifted: !unshifted,
    away: kind === 'away',
    multiply: kind === 'floor' ? 'smmla' : 'smmlar',
    saturate: saturation.signed ? 'ssat' : 'usat',
    bits: saturation.bits,
  };
}

/** Sums of the second tile's right and left column, then of the first's, and the registers that point to their places. */
const OUTPUTS = [{ sum: 'r8', pointer: 'r3' }, { sum: 'r2', pointer: 'r4' }, { sum: 'r7', pointer: 'r5' }, { sum: 'r1', pointer: 'r6' }];

const row = (index: number, what: object, [left0, left1, right0, right1]: readonly string[] = ['r1', 'r2', 'r7', 'r8']) => ({
  row: index,
  withBias: false,
  middle: false,
  lower: false,
  upper: false,
  codes: false,
  pointers: 0,
  morePointers: 0,
  outputs: OUTPUTS,
  left0,
  left1,
  right0,
  right1,
  ...what,
});

/** Rows of M in the order in which registers suffice. */
const ROWS = [
  row(1, { withBias: true }, ['r9', 'r10', 'r11', 'r12']),
  row(2, { middle: true }),
  row(3, { lower: true, codes: true, pointers: 20, morePointers: 28 }),
  row(0, { upper: true, codes: true, pointers: 36, morePointers: 44 }),
];

/** For every two output channels and every point: of every four input channels, a word of each for 0 and 2, then for 1 and 3. */
function packWeights({ g, transformed }: Layer): Int16Array {
  const { inputChannels, outputChannels } = g;
  const out = new Int16Array(transformed.length);
  let at = 0;
  for (let o = 0; o < outputChannels; o += 2) {
    for (let point = 0; point < POINTS; point++) {
      for (let c = 0; c < inputChannels; c += 4) {
        for (const first of [c, c + 1]) {
          for (const channel of [o, o + 1]) {
            for (const input of [first, first + 2]) out[at++] = transformed[(channel * POINTS + point) * inputChannels + input]!;
          }
        }
      }
    }
  }
  return out;
}

/** Bias at the middle point, multiplier, addend, shift (unless no channel shifts) and index of every output channel. */
function packConstants({ bias, requantize }: Layer): Int32Array {
  const words = requantize.channels.map(({ multiplier, addend, shift }, channel) => [bias[channel]!, multiplier, addend, ...(requantize.unshifted ? [] : [shift]), channel]);
  return Int32Array.from(words.flat());
}

/** Counted in the templates: input transforms, sums of products, output transforms of two tiles. */
function predict(g: Geometry, requantize: FoldedRequantize): number {
  const rounds = g.inputChannels / 4;
  const input = 265 * rounds + 170;
  const products = POINTS * (10 * rounds + 1) + 3 * Math.ceil(rounds) + 8;
  const codes = 2 * (92 + 8 * codeInstructions(requantize));
  return Math.ceil(g.outputHeight / 2) * Math.ceil(g.outputWidth / 4) * (input + (g.outputChannels / 2) * (products + codes));
}

/** The same layer as sums of products with int16 weights: few outputs leave too many of a tile unused. */
function predictDirect(g: Geometry, requantize: FoldedRequantize): number {
  const size = { rows: g.outputHeight * g.outputWidth, depth: 9 * g.inputChannels, channels: g.outputChannels };
  return predictProducts({ ...size, tile: TILE_3X2, loop: loopOf(TILE_3X2, INT16) }, requantize);
}

/** Two tiles read their rows, then write two rows of the output. */
function overlapOf({ t, g }: Layer): KernelInstance['overlap'] {
  if (!mayShare(t.x, t.y)) return [];
  const accesses: Access[] = [];
  for (let y = 0; y < g.outputHeight; y += 2) {
    for (let x = 0; x < g.outputWidth; x += 4) {
      const from = (Math.max(0, y - g.padTop) * g.inputWidth + Math.max(0, x - g.padLeft)) * g.inputChannels;
      const lastRow = Math.min(y + 1, g.outputHeight - 1);
      accesses.push({ from, to: (lastRow * g.outputWidth + Math.min(x + 4, g.outputWidth)) * g.outputChannels });
    }
  }
  return [{ input: 0, distanceBytes: overlapDistance(accesses, g.inputHeight * g.inputWidth * g.inputChannels) }];
}

export const winogradConv2d: Kernel = {
  family: 'dsp',
  when: (context) => context.winograd && readLayer(context) !== null,
  instantiate: (context) => instantiate(readLayer(context)!),
};
