/**
 * Instructions of a whole layer in each form. Steps of straight-line code are counted; what the compiler makes of the loops
 * around them was measured on the layers of KWS and ResNet-8, and a test holds it within 15 % of what the emulators count.
 */
import type { TargetFeatures } from '../../../targets/target.js';
import type { Geometry } from '../../linear/geometry.js';
import type { Plane } from '../plane.js';
import type { StreamCounts } from '../stream.js';
import { type Core, coreOf } from './core.js';
import type { Program } from './program.js';
import type { StraightSums } from './sums.js';

/** Windows are gathered two at a time. */
const GATHERED_WORD = 9;

interface LoopCosts {
  /** Windows side by side: a tap that may lie outside, and what each pair of windows takes besides. */
  readonly paddedTap: number;
  readonly pair: number;
}

interface ListCosts extends LoopCosts {
  readonly channel: number;
  readonly segment: number;
  readonly plane: number;
  readonly tap: number;
}

interface StraightCosts extends LoopCosts {
  readonly channel: number;
  readonly segment: number;
}

/** Of eight windows at a time. */
const LISTS: Readonly<Record<Core['name'], ListCosts>> = {
  riscv: { paddedTap: 60, pair: 76, channel: 168, segment: 81, plane: 11, tap: 13 },
  thumb: { paddedTap: 59, pair: 125, channel: 185, segment: 69, plane: 25, tap: 14 },
};

const STRAIGHT: Readonly<Record<Core['name'], StraightCosts>> = {
  riscv: { paddedTap: 46, pair: 156, channel: 10, segment: 14 },
  thumb: { paddedTap: 55, pair: 246, channel: 7, segment: 14 },
};

/** Code around the sums of one layer, in bytes. */
export const FRAME_BYTES = 700;

/** The core whose instructions are known; null for one that is no target of networks without multiplication. */
export function modelledCore(features: TargetFeatures): Core | null {
  return features.lowRegisters || (features.riscv && !features.hardwareMultiplier) ? coreOf(features) : null;
}

function gathering(g: Geometry, padded: boolean, { paddedTap, pair }: LoopCosts): number {
  const taps = g.kernelHeight * g.kernelWidth;
  return taps * g.inputChannels * GATHERED_WORD + (padded ? taps * paddedTap : 0) + pair;
}

/** `words`: pairs of windows at a time. */
export function listInstructions(g: Geometry, { padded, words }: { readonly padded: boolean; readonly words: number }, { segments, planes, taps }: StreamCounts, core: Core): number {
  const costs = LISTS[core.name];
  const channels = g.outputChannels * costs.channel + segments * costs.segment + planes * costs.plane + taps * costs.tap;
  const rounds = Math.ceil((g.outputHeight * g.outputWidth) / (2 * words));
  return rounds * (words * gathering(g, padded, costs) + channels);
}

export function straightInstructions(g: Geometry, padded: boolean, { program, exponents }: StraightSums, core: Core): number {
  const costs = STRAIGHT[core.name];
  const channels = g.outputChannels * (costs.channel + costs.segment * exponents.length);
  return Math.ceil((g.outputHeight * g.outputWidth) / 2) * (gathering(g, padded, costs) + program.instructions + channels);
}

/** Code around the sums of one channel of a depthwise layer, in bytes. */
export const DEPTHWISE_CHANNEL_BYTES = 100;

interface PlaneCosts {
  readonly channel: number;
  readonly gatheredRow: number;
  readonly gatheredWord: number;
}

interface DepthwiseListCosts extends PlaneCosts {
  readonly step: number;
  readonly segment: number;
  readonly plane: number;
  readonly tap: number;
}

interface DepthwiseStraightCosts extends PlaneCosts {
  readonly step: number;
  readonly word: number;
  readonly segment: number;
}

/** Of eight outputs at a time. */
const DEPTHWISE_LISTS: Readonly<Record<Core['name'], DepthwiseListCosts>> = {
  riscv: { channel: 60, gatheredRow: 40, gatheredWord: 17, step: 225, segment: 81, plane: 11, tap: 13 },
  thumb: { channel: 80, gatheredRow: 50, gatheredWord: 20, step: 260, segment: 69, plane: 25, tap: 14 },
};

const DEPTHWISE_STRAIGHT: Readonly<Record<Core['name'], DepthwiseStraightCosts>> = {
  riscv: { channel: 100, gatheredRow: 40, gatheredWord: 17, step: 8, word: 17, segment: 9 },
  thumb: { channel: 120, gatheredRow: 50, gatheredWord: 20, step: 12, word: 30, segment: 9 },
};

function planeInstructions(g: Geometry, plane: Plane, { channel, gatheredRow, gatheredWord }: PlaneCosts): number {
  return g.outputChannels * channel + g.inputChannels * plane.rows * (gatheredRow * g.strideWidth + gatheredWord * plane.phaseColumns * g.strideWidth);
}

/** `counts`: of all channels. */
export function depthwiseListInstructions(g: Geometry, plane: Plane, { segments, planes, taps }: StreamCounts, core: Core): number {
  const costs = DEPTHWISE_LISTS[core.name];
  const walked = g.outputChannels * costs.step + segments * costs.segment + planes * costs.plane + taps * costs.tap;
  return planeInstructions(g, plane, costs) + plane.runs * Math.ceil(plane.runWords / 4) * walked;
}

export function depthwiseInstructions(g: Geometry, plane: Plane, { programs, segments, steps }: { readonly programs: readonly Program[]; readonly segments: number; readonly steps: number }, core: Core): number {
  const costs = DEPTHWISE_STRAIGHT[core.name];
  const sums = programs.reduce((sum, { instructions }) => sum + instructions + segments * costs.step, 0);
  return planeInstructions(g, plane, costs) + plane.runs * steps * sums + plane.halfRows * g.outputWidth * g.outputChannels * (costs.word + segments * costs.segment);
}
