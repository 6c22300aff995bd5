/** Depthwise convolutions on Helium: 16 channels at a time, one pointer a tap. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel } from '../kernel.js';
import { borderView } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { biasClassesOf, linearTensors, padCodes, padOf, type LinearTensors } from '../linear/integer.js';
import { foldedBias, linearStem } from '../linear/kernels.js';
import { cType } from '../views.js';
import { fitsVectors, StreamWriter, VECTOR, vectorView, writeConstants } from './products.js';
import type { VectorRequantize } from './requantize.js';

/** Registers that hold the pointers of the taps. */
const POINTERS = ['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r8', 'r12'];
/** Channels in the lanes of the four sums of 16 channels: VMULLB and VMOVLB take even elements, VMULLT and VMOVLT odd ones. */
const LANES = [0, 2, 1, 3].map((first) => [0, 4, 8, 12].map((lane) => first + lane));

interface Layer {
  readonly t: LinearTensors;
  readonly g: Geometry;
  readonly taps: number;
}

function read(node: IntegerNode, graph: IntegerGraph): Layer {
  const t = linearTensors(node, graph);
  const [height, width, channels, multiplier] = t.weights.shape as [number, number, number, number];
  const g = convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels: channels * multiplier, pad: padOf(node).amounts });
  return { t, g, taps: height * width };
}

/** Sums of two products hold 16 bits. */
function pairsFit({ t, g, taps }: Layer): boolean {
  const largest = Math.max(...t.x.codeRange.map(Math.abs));
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

function packStream(node: IntegerNode, { t, g, taps }: Layer, requantize: VectorRequantize, clamped: boolean): Int8Array {
  const channels = g.outputChannels;
  const sums = Array.from({ length: channels }, (_, c) => Array.from({ length: taps }, (_v, tap) => t.weightCodes[tap * channels + c]!).reduce((a, b) => a + b, 0));
  const bias = foldedBias(node, t, sums);
  const stream = new StreamWriter();
  for (const first of blocks(channels)) {
    const lists = LANES.map((lanes) => lanes.map((lane) => first + lane));
    for (const list of lists) for (const c of list) stream.word(bias[c] ?? 0);
    for (let tap = 0; tap < taps; tap++) {
      for (let lane = 0; lane < VECTOR; lane++) stream.byte(first + lane < channels ? t.weightCodes[tap * channels + first + lane]! : 0);
    }
    for (const list of lists) writeConstants(stream, list, null, requantize);
    if (clamped) for (const end of requantize.clamp) for (let lane = 0; lane < VECTOR; lane++) stream.byte(end);
  }
  return stream.finish();
}

const windows: Kernel = {
  family: 'mve',
  when(context) {
    const [node] = context.group as readonly [IntegerNode];
    const layer = read(node, context.graph);
    const { g, t, taps } = layer;
    const isPlain = g.dilationHeight === 1 && g.dilationWidth === 1 && g.inputChannels === g.outputChannels && !biasClassesOf(node);
    return isPlain && taps <= POINTERS.length && fitsVectors(context, t, g.outputChannels) !== null && pairsFit(layer);
  },
  instantiate(context) {
    const [node] = context.group as readonly [IntegerNode];
    const layer = read(node, context.graph);
    const { g, t, taps } = layer;
    const requantize = fitsVectors(context, t, g.outputChannels)!;
    const body = bodyView(layer, requantize);
    const { padded } = borderView(g, node);
    const rowDepth = g.inputWidth * g.inputChannels;
    const firstInside = Math.ceil(g.padLeft / g.strideWidth);
    const lastInside = Math.min(Math.floor((g.inputWidth - g.kernelWidth + g.padLeft) / g.strideWidth), g.outputWidth - 1);
    const view = {
      ...g,
      padded,
      suffix: body.suffix,
      outputType: cType(t.y.type),
      zeroPoint: requantize.zeroPoint,
      rowDepth,
      step: (g.strideWidth - (body.few ? 0 : 1)) * g.inputChannels,
      lastTop: g.inputHeight - g.kernelHeight,
      firstInside: lastInside >= firstInside ? firstInside : -1,
      insideCount: lastInside - firstInside + 1,
      taps: Array.from({ length: taps }, (_, index) => ({ index, offset: Math.floor(index / g.kernelWidth) * rowDepth + (index % g.kernelWidth) * g.inputChannels })),
    };
    const stream = packStream(node, layer, requantize, body.clamped);
    const padding = { kind: 'constant', name: 'padding', data: Int8Array.from(padCodes(node, g.inputChannels)) } as const;
    return {
      family: 'mve',
      template: 'mve/depthwise-conv2d',
      stem: linearStem('depthwise_conv2d', t, node, 'mve'),
      view,
      arguments: [
        { kind: 'input', tensor: node.inputs[0]! },
        { kind: 'output', tensor: node.outputs[0]! },
        { kind: 'constant', name: 'stream', data: stream, alignment: 4 },
        ...(padded ? [padding] : []),
      ],
      scratchBytes: 0,
      scalars: [],
      support: [
        { template: 'mve/depthwise-job', view: {} },
        { template: 'mve/depthwise-block', view: body },
      ],
    };
  },
};

/** Fields of the shared body; its name tells them all. */
function bodyView({ t, g, taps }: Layer, requantize: VectorRequantize) {
  const vectors = vectorView(requantize, t.y);
  const few = g.outputChannels < VECTOR;
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

export const mveDepthwiseConv2d: readonly Kernel[] = [windows];
