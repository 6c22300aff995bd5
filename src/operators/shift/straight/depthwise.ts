/** depthwise-conv2d without multiplication in straight-line code: neighbouring outputs share the words that they read. */
import { inPlaceInputs } from '../../binary.js';
import type { KernelContext, KernelInstance } from '../../kernel.js';
import { borderView } from '../../linear/convolution.js';
import { cType, typeName } from '../../views.js';
import { type DepthwiseLayer, depthwiseLayer, type Plane, planeArguments, planeOf, tapPlaces } from '../plane.js';
import { type Core, coreOf } from './core.js';
import { DEPTHWISE_CHANNEL_BYTES, depthwiseInstructions, FRAME_BYTES, modelledCore } from './predict.js';
import { type Program, programOf } from './program.js';
import { planSegments } from './rows.js';
import { straightSupport } from './support.js';

/** Outputs of a block: more share more of what they read, and take more code. */
const BLOCK_WORDS = 4;

interface DepthwisePrograms {
  readonly plane: Plane;
  /** One a channel, of a block for each segment. */
  readonly programs: readonly Program[];
  readonly exponents: readonly number[];
  /** Of all channels. */
  readonly bytes: number;
}

function depthwisePrograms({ graph, group, features }: Pick<KernelContext, 'graph' | 'group' | 'features'>): DepthwisePrograms {
  const layer = depthwiseLayer(group[0]!, graph);
  const plane = planeOf(layer.g, BLOCK_WORDS);
  const core = coreOf(features);
  const segments = planSegments(byChannel(layer), layer.g.outputChannels, layer.room, core);
  const places = tapPlaces(layer.g, plane);
  const programs = Array.from({ length: layer.g.outputChannels }, (_, o) => programOf(segments.map(({ rows }) => shifted(rows[o]!, places)), core));
  return { plane, programs, exponents: segments.map(({ exponent }) => exponent), bytes: programs.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** One row of taps for each output of a block. */
function shifted(row: Parameters<typeof programOf>[0][number][number], places: readonly number[]): Parameters<typeof programOf>[0][number] {
  return Array.from({ length: BLOCK_WORDS }, (_, word) => row.map((digit) => ({ ...digit, column: places[digit.column]! + word })));
}

/** [height][width][outputs] → [outputs][taps]. */
function byChannel({ t, g }: DepthwiseLayer): Int16Array {
  const taps = g.kernelHeight * g.kernelWidth;
  return Int16Array.from({ length: t.weightCodes.length }, (_, i) => t.weightCodes[(i % taps) * g.outputChannels + Math.floor(i / taps)]!);
}

/** Channels have nothing to share. */
export function straightDepthwise({ graph, group, features }: KernelContext): KernelInstance {
  const { plane, programs, exponents, bytes } = depthwisePrograms({ graph, group, features });
  const node = group[0]!;
  const layer = depthwiseLayer(node, graph);
  const { t, g } = layer;
  const [clampMin, clampMax] = node.requantize!.clamp;
  const core: Core | null = modelledCore(features);
  const steps = Math.ceil(plane.runWords / BLOCK_WORDS);
  const segmentWords = plane.runs * steps * BLOCK_WORDS;
  const multiplier = g.outputChannels / g.inputChannels;
  return {
    family: 'shift',
    template: 'shift/depthwise-conv2d-straight',
    stem: `depthwise_conv2d_${typeName(t.x.type)}_shift_unrolled`,
    view: {
      inputType: cType(t.x.type),
      outputType: cType(t.y.type),
      classes: borderView(g, node).classes,
      channels: programs.map(({ blocks }, o) => ({ blocks, gathers: o % multiplier === 0, input: Math.floor(o / multiplier) })),
      outputChannels: g.outputChannels,
      runs: plane.runs,
      steps,
      words: BLOCK_WORDS,
      runGap: g.strideHeight * plane.pitch - steps * BLOCK_WORDS,
      columns: g.outputWidth,
      // One run holds all rows, or each run holds one.
      rowGap: (plane.runs === 1 ? plane.wrap : steps * BLOCK_WORDS) - g.outputWidth,
      halfRows: plane.halfRows,
      lowerRows: g.outputHeight - plane.halfRows,
      lowerOffset: plane.halfRows * g.outputWidth * g.outputChannels,
      planeWords: plane.words,
      segments: exponents.map((exponent, i) => ({ offset: i * segmentWords, shift: exponent > 0 ? ` << ${exponent}` : '' })),
      clampMin,
      clampMax,
    },
    arguments: [
      { kind: 'input', tensor: node.inputs[0]! },
      { kind: 'output', tensor: node.outputs[0]! },
      { kind: 'constant', name: 'places', data: Uint8Array.from(layer.requantize!.places) },
      ...planeArguments(node, layer, plane),
    ],
    scratchBytes: 4 * (plane.words + exponents.length * segmentWords),
    ...(core && { instructions: depthwiseInstructions(g, plane, { programs, segments: exponents.length, steps }, core) }),
    codeBytes: bytes + programs.length * DEPTHWISE_CHANNEL_BYTES + FRAME_BYTES,
    scalars: ['clamp'],
    support: [straightSupport(coreOf(features))],
    inPlace: inPlaceInputs({ ...node, inputs: [node.inputs[0]!] }, graph),
  };
}
