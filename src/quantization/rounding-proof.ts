/**
 * How far integer requantization can be from the real ratio of scales, exactly: fractions instead of doubles, over every
 * accumulator that the bounds allow. The only importer of mathjs, loaded when it is first needed.
 */
import { createRequire } from 'node:module';
import type * as MathJs from 'mathjs';
import { integerTensor, type IntegerGraph, type IntegerNode, type Requantize } from '../graph/integer.js';

type Fraction = MathJs.Fraction;

export interface RoundingProof {
  /** Layers whose requantization was examined. */
  readonly layers: number;
  /** The largest distance, in output codes, before the one half of rounding itself. */
  readonly worstCodes: number;
  /** The user's name of the layer where it occurs; null where there is none to examine. */
  readonly worstLayer: string | null;
}

let loaded: typeof MathJs | undefined;

function mathjs(): typeof MathJs {
  loaded ??= createRequire(import.meta.url)('mathjs') as typeof MathJs;
  return loaded;
}

/** A double is a whole number over a power of two. */
function exactFraction(value: number): Fraction {
  let [whole, shift] = [value, 0];
  while (!Number.isInteger(whole)) {
    whole *= 2;
    shift++;
  }
  return fractionOf(BigInt(whole), 1n << BigInt(shift));
}

function fractionOf(numerator: bigint, denominator: bigint): Fraction {
  return mathjs().fraction(numerator as never, denominator as never) as Fraction;
}

/** The ratio that channel c really multiplies with; null where the mode is no plain multiplication. */
function appliedRatio(requantize: Requantize, c: number): Fraction | null {
  const at = <T>(list: readonly T[]): T => list[list.length === 1 ? 0 : c]!;
  if (requantize.mode === 'dyadicHigh') return fractionOf(BigInt(at(requantize.multiplier)), 1n << 32n);
  if (requantize.mode === 'dyadic') return fractionOf(BigInt(at(requantize.multiplier)), 1n << BigInt(at(requantize.shift)));
  if (requantize.mode !== 'tfliteDouble' && requantize.mode !== 'tfliteSingle') return null;
  const shift = 31 - at(requantize.shift);
  return shift >= 0 ? fractionOf(BigInt(at(requantize.multiplier)), 1n << BigInt(shift)) : fractionOf(BigInt(at(requantize.multiplier)) << BigInt(-shift), 1n);
}

/** Scales of input, weights (one or one a channel) and output of a node with weights; null for other nodes. */
function scalesOf(node: IntegerNode, graph: IntegerGraph): { readonly input: number; readonly weights: readonly number[]; readonly output: number } | null {
  if (!node.requantize || !node.bounds || node.inputs.length < 3) return null;
  const [x, w] = [integerTensor(graph, node.inputs[0]!), integerTensor(graph, node.inputs[1]!)];
  const y = integerTensor(graph, node.outputs[0]!);
  if (!w.constant || x.real?.kind !== 'affine' || w.real?.kind !== 'affine' || y.real?.kind !== 'affine') return null;
  return { input: x.real.scale[0]!, weights: w.real.scale, output: y.real.scale[0]! };
}

/** |applied − real| times the largest accumulator of the channel that is not clamped anyway, in output codes. */
function worstOfNode(node: IntegerNode, graph: IntegerGraph): number | null {
  const scales = scalesOf(node, graph);
  if (!scales) return null;
  const span = 2 ** integerTensor(graph, node.outputs[0]!).type.bits;
  const common = exactFraction(scales.input).div(exactFraction(scales.output)) as Fraction;
  let worst = 0;
  for (const [c, [low, high]] of node.bounds!.accumulator.entries()) {
    const applied = appliedRatio(node.requantize!, c);
    if (!applied) return null;
    const real = common.mul(exactFraction(scales.weights[scales.weights.length === 1 ? 0 : c]!)) as Fraction;
    const largest = Math.min(Math.max(-low, high), Math.ceil(span / Math.abs(real.valueOf())));
    worst = Math.max(worst, (applied.sub(real).abs().mul(exactFraction(largest)) as Fraction).valueOf());
  }
  return worst;
}

/** Examines every layer with weights whose tensors carry real scales. */
export function proveRounding(graph: IntegerGraph): RoundingProof {
  let proof: RoundingProof = { layers: 0, worstCodes: 0, worstLayer: null };
  for (const node of graph.nodes) {
    const worst = worstOfNode(node, graph);
    if (worst === null) continue;
    const name = node.origin.nodeName || node.id;
    proof = worst >= proof.worstCodes ? { layers: proof.layers + 1, worstCodes: worst, worstLayer: name } : { ...proof, layers: proof.layers + 1 };
  }
  return proof;
}

/** For reports; nothing where there was nothing to examine. */
export function roundingText(proof: RoundingProof): readonly string[] {
  if (proof.layers === 0) return [];
  return [`requantization of ${proof.layers} layers: at most one half + ${proof.worstCodes.toExponential(1)} codes from the real ratio of scales, for every accumulator ('${proof.worstLayer}')`];
}
