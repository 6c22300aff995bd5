/** Depthwise convolutions on Helium: 16 channels at a time, one pointer a tap. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelArgument, KernelContext, KernelInstance } from '../kernel.js';
import { borderView } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { biasClassesOf, linearTensors, padCodes, padOf, type LinearTensors } from '../linear/integer.js';
import { activationArguments, foldedBias, linearStem } from '../linear/kernels.js';
import { type Access, mayShare, overlapDistance, slidingOverlap } from '../overlap.js';
import { cType } from '../views.js';
import { fitsVectors, StreamWriter, VECTOR, type VectorView, vectorView, writeConstants } from './products.js';
import type { VectorRequantize } from './requantize.js';

/** Registers that hold the pointers of the taps. */
const POINTERS = ['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r8', 'r12'];
/** Channels in the lanes of the four sums of 16 channels: VMULLB and VMOVLB take even elements, VMULLT and VMOVLT odd ones. */
const LANES = [0, 2, 1, 3].map((first) => [0, 4, 8, 12].map((lane) => first + lane));

export interface Layer {
  readonly t: LinearTensors;
  readonly g: Geometry;
  readonly taps: number;
}

export function read(node: IntegerNode, graph: IntegerGraph): Layer {
  const t = linearTensors(node, graph);
  const [height, width, channels, multiplier] = t.weights.shape as [number, number, number, number];
  const g = convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels: channels * multiplier, pad: padOf(node).amounts });
  return { t, g, taps: height * width };
}

/** Sums of two products hold 16 bits. */
function pairsFit(node: IntegerNode, { t, g, taps }: Layer): boolean {
  const largest = Math.max(...[...t.x.codeRange, ...padCodes(node, g.inputChannels)].map(Math.abs));
  for (let tap = 0; tap + 1 < taps; tap += 2) {
    for (let c = 0; c < g.outputChannels; c++) {
      const [a, b] = [t.weightCodes[tap * g.outputChannels + c]!, t.weightCodes[(tap + 1) * g.outputChannels + c]!];
      if ((Math.abs(a) + Math.abs(b)) * largest > 32767) return false;
    }
  }
  return true;
}

/** First channels of the blocks of 16; the last one ends with the last channel. */
function blocks(channels: number): readonly number[] {
  const count = Math.ceil(channels / VECTOR);
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(i * VECTOR, channels - VECTOR)));
}

/** Constants and weights of all blocks; `paired`: a last tap without a partner gets one with weights of zero. */
export function packStream(node: IntegerNode, { t, g, taps }: Layer, requantize: VectorRequantize, view: { readonly clamped: boolean; readonly repeats: boolean; readonly paired?: boolean }): Int8Array {
  const channels = g.outputChannels;
  const sums = Array.from({ length: channels }, (_, c) => Array.from({ length: taps }, (_v, tap) => t.weightCodes[tap * channels + c]!).reduce((a, b) => a + b, 0));
  const bias = foldedBias(node, t, sums);
  const stream = new StreamWriter();
  for (const first of blocks(channels)) {
    const channel = (lane: number) => (view.repeats ? lane % channels : first + lane);
    const lists = LANES.map((lanes) => lanes.map(channel));
    for (const list of lists) for (const c of list) stream.word(bias[c] ?? 0);
    for (let tap = 0; tap < (view.paired ? taps + (taps % 2) : taps); tap++) {
      for (let lane = 0; lane < VECTOR; lane++) stream.byte(channel(lane) < channels && tap < taps ? t.weightCodes[tap * channels + channel(lane)]! : 0);
    }
    for (const list of lists) writeConstants(stream, list, null, requantize);
    if (view.clamped) for (const end of requantize.clamp) for (let lane = 0; lane < VECTOR; lane++) stream.byte(end);
  }
  return stream.finish();
}

/** Output columns whose windows lie inside the input. */
function insideOf(g: Geometry): { readonly first: number; readonly count: number } {
  const first = Math.ceil(g.padLeft / g.strideWidth);
  const last = Math.min(Math.floor((g.inputWidth - g.kernelWidth + g.padLeft) / g.strideWidth), g.outputWidth - 1);
  return last >= first ? { first, count: last - first + 1 } : { first: -1, count: 0 };
}

/**
 * How a run of pixels is computed. Side by side at stride 1, pixels of 1, 2, 4 or 8 channels are one sequence of bytes: 16 of
 * them are as good as 16 channels, with constants that repeat.
 */
function runOf({ g }: Layer, bodies: Bodies) {
  const channels = g.inputChannels;
  const { count } = insideOf(g);
  const bytes = count * channels;
  if (!bodies.repeats) {
    const advanced = bodies.border.few ? 0 : channels;
    return { body: bodies.border.suffix, channels, pixels: count, step: g.strideWidth * channels - advanced, overlap: 0, last: 0 };
  }
  const rest = bytes % VECTOR;
  return { body: bodies.run.suffix, channels: VECTOR, pixels: Math.floor(bytes / VECTOR), step: 0, overlap: rest === 0 ? 0 : VECTOR - rest, last: bytes - VECTOR };
}

/** Offsets from the first element of a window; `last`: of the last 16 bytes of a run. */
function tapsOf(g: Geometry, rowDepth: number, last: number) {
  return Array.from({ length: g.kernelHeight * g.kernelWidth }, (_, index) => {
    const [row, column] = [Math.floor(index / g.kernelWidth), index % g.kernelWidth];
    const offset = row * rowDepth + column * g.inputChannels;
    return { index, row, column, offset, last: offset + last };
  });
}

interface Bodies {
  readonly repeats: boolean;
  readonly border: BodyView;
  readonly run: BodyView;
}

function bodiesOf(layer: Layer, requantize: VectorRequantize): Bodies {
  const { g } = layer;
  const channels = g.outputChannels;
  const repeats = channels < VECTOR && VECTOR % channels === 0 && g.strideWidth === 1 && insideOf(g).count * channels >= VECTOR;
  return { repeats, border: bodyView(layer, requantize, channels < VECTOR), run: bodyView(layer, requantize, channels < VECTOR && !repeats) };
}

/** Pixels in the order of the kernel: a vector of several at once where their constants repeat, else block after block of one. */
function overlapOf({ g, t }: Layer, { repeats }: Bodies): KernelInstance['overlap'] {
  const channels = g.outputChannels;
  if (!repeats) return slidingOverlap(g, t.x, t.y, { block: channels % VECTOR === 0 ? VECTOR : channels % VECTOR });
  if (!mayShare(t.x, t.y)) return [];
  const inside = insideOf(g);
  const together = VECTOR / channels;
  const accesses: Access[] = [];
  const start = (y: number, x: number) => (Math.max(0, y * g.strideHeight - g.padTop) * g.inputWidth + Math.max(0, x * g.strideWidth - g.padLeft)) * channels;
  const pixels = (y: number, x: number, count: number) => accesses.push({ from: start(y, x), to: (y * g.outputWidth + x + count) * channels });
  for (let y = 0; y < g.outputHeight; y++) {
    const isInside = y * g.strideHeight >= g.padTop && y * g.strideHeight - g.padTop <= g.inputHeight - g.kernelHeight;
    for (let x = 0; x < g.outputWidth; x++) {
      if (!isInside || x !== inside.first) {
        pixels(y, x, 1);
        continue;
      }
      for (let i = 0; i < inside.count; i += together) pixels(y, x + Math.min(i, inside.count - together), together);
      x += inside.count - 1;
    }
  }
  return [{ input: 0, distanceBytes: overlapDistance(accesses, g.inputHeight * g.inputWidth * channels) }];
}

/** Not dilated, one output channel an input channel. */
export function fitsLayer(context: KernelContext, layer: Layer): boolean {
  const [node] = context.group as readonly [IntegerNode];
  const { g, t } = layer;
  const isPlain = g.dilationHeight === 1 && g.dilationWidth === 1 && g.inputChannels === g.outputChannels && !biasClassesOf(node);
  return isPlain && fitsVectors(context, t, g.outputChannels) !== null && pairsFit(node, layer);
}

/** A pixel of padding comes last, where some window meets it. */
export function depthwiseArguments(node: IntegerNode, { g }: Layer, stream: Int8Array): readonly KernelArgument[] {
  const padding: KernelArgument = { kind: 'constant', name: 'padding', data: Int8Array.from(padCodes(node, g.inputChannels)) };
  return [
    ...activationArguments([node.inputs[0]!], node.outputs[0]!),
    { kind: 'constant', name: 'stream', data: stream, alignment: 4 },
    ...(borderView(g, node).padded ? [padding] : []),
  ];
}

const windows: Kernel = {
  family: 'mve',
  when(context) {
    const [node] = context.group as readonly [IntegerNode];
    const layer = read(node, context.graph);
    return layer.taps <= POINTERS.length && fitsLayer(context, layer);
  },
  instantiate(context) {
    const [node] = context.group as readonly [IntegerNode];
    const layer = read(node, context.graph);
    const { g, t } = layer;
    const requantize = fitsVectors(context, t, g.outputChannels)!;
    const bodies = bodiesOf(layer, requantize);
    const { padded } = borderView(g, node);
    const rowDepth = g.inputWidth * g.inputChannels;
    const run = runOf(layer, bodies);
    const view = {
      ...g,
      padded,
      run,
      border: bodies.border.suffix,
      outputType: cType(t.y.type),
      zeroPoint: requantize.zeroPoint,
      rowDepth,
      lastTop: g.inputHeight - g.kernelHeight,
      firstInside: insideOf(g).first,
      insideCount: insideOf(g).count,
      rows: Array.from({ length: g.kernelHeight }, (_, i) => i),
      columns: Array.from({ length: g.kernelWidth }, (_, i) => i),
      taps: tapsOf(g, rowDepth, run.last),
    };
    const stream = packStream(node, layer, requantize, { clamped: bodies.border.clamped, repeats: bodies.repeats });
    const used = [...(padded || !bodies.repeats ? [bodies.border] : []), ...(bodies.repeats ? [bodies.run] : [])];
    return {
      family: 'mve',
      template: 'mve/depthwise-conv2d',
      stem: linearStem('depthwise_conv2d', t, node, 'mve'),
      view,
      arguments: depthwiseArguments(node, layer, stream),
      scratchBytes: 0,
      scalars: [],
      overlap: overlapOf(layer, bodies),
      support: [{ template: 'mve/depthwise-job', view: {} }, ...used.map((body) => ({ template: 'mve/depthwise-block', view: body }))],
    };
  },
};

export interface BodyView extends VectorView {
  readonly tapCount: number;
  /** Fewer than 16 channels. */
  readonly few: boolean;
  readonly pointers: readonly string[];
  /** Registers of the taps whose products are summed in 16 bits; the last one may have no second. */
  readonly sums: readonly { readonly first: string; readonly second: string }[];
  /** What requantizes each of the four vectors of sums. */
  readonly ends: readonly object[];
}

/** Fields of the shared body; its name tells them all. */
export function bodyView({ t, taps }: Layer, requantize: VectorRequantize, few: boolean): BodyView {
  const vectors = vectorView(requantize, t.y);
  const pointers = POINTERS.slice(0, taps);
  return {
    ...vectors,
    suffix: `${vectors.suffix}_${taps}${few ? '_few' : ''}`,
    tapCount: taps,
    few,
    pointers,
    sums: Array.from({ length: Math.ceil(taps / 2) }, (_, i) => ({ first: pointers[2 * i]!, second: pointers[2 * i + 1] ?? '' })),
    ends: ['q4', 'q5', 'q6', 'q7'].map((vector) => ({ ...vectors, vectors: [vector], multipliers: 'q1', shifts: 'q2' })),
  };
}

export const mveDepthwiseWindows: readonly Kernel[] = [windows];
