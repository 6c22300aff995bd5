/**
 * What a block's width costs the predictions, in two ways. Measured: the distance of the float network from itself with only
 * this block quantized. By the Hessian (HAWQ-V3, Yao et al., 2021): half its average trace times |Q(W) - W|^2, the second-order
 * estimate of the same distance.
 */
import { firstSamples } from '../../calibration/data/samples.js';
import type { SampleSet } from '../../calibration/types.js';
import { tensorOf, type FloatGraph, type TensorId } from '../../graph/float.js';
import { findOperator } from '../../operators/index.js';
import type { QuantizationPlan } from '../../operators/lower.js';
import { dequantizedWeights, fakeQuantTransform } from '../fake-quant.js';
import { correctBiases } from '../methods/bias-correction.js';
import { Prefix, regionGraph } from '../reconstruction/prefix.js';
import type { Block, MixedLayer } from './blocks.js';
import type { DivergenceKind } from './divergence.js';
import { FloatReference, Tail, type Changes } from './tail.js';
import { averageTrace } from './trace.js';

/** Width → how far the predictions move. */
export type ByWidth = ReadonlyMap<number, number>;

export interface BlockSensitivity {
  /** One a layer: mean second derivative of the distance. */
  readonly traces: readonly number[];
  readonly measured: ByWidth;
  readonly hessian: ByWidth;
}

export interface SensitivityContext {
  readonly graph: FloatGraph;
  readonly samples: SampleSet;
  readonly kind: DivergenceKind;
  /** Of the whole network with this width wherever it may be. */
  readonly plans: ReadonlyMap<number, QuantizationPlan>;
  /** Quantized layers get their corrected biases and weight scales, as they will in the end. */
  readonly corrected: boolean;
  readonly seed: number;
  readonly note?: (text: string) => void;
}

/** Samples that widths are measured with, and those of the traces. */
const MEASURED_SAMPLES = 256;
const TRACE_SAMPLES = 64;
const TRACE_PROBES = 8;

/** One a block. Deterministic: the same samples and seed give the same numbers. */
export async function blockSensitivities(blocks: readonly Block[], context: SensitivityContext): Promise<readonly BlockSensitivity[]> {
  const used = { ...context, samples: firstSamples(context.samples, MEASURED_SAMPLES) };
  const { graph, samples } = used;
  const changes = await quantizedConstants(blocks, used);
  const reference = await FloatReference.of(graph, samples, context.kind);
  const prefix = new Prefix(graph, samples);
  const results: BlockSensitivity[] = [];
  for (const [i, block] of blocks.entries()) {
    context.note?.(`sensitivity of '${block.layers[0]!.name}' (${i + 1} of ${blocks.length})`);
    const { node } = block.layers[0]!;
    await prefix.advanceTo([node], null);
    const tail = await Tail.behind(reference, prefix, node, samples.count);
    try {
      results.push(await sensitivityOf(block, tail, changes, used));
    } finally {
      tail.dispose();
    }
  }
  return results;
}

async function sensitivityOf(block: Block, tail: Tail, changes: QuantizedConstants, { graph, plans, samples, seed }: SensitivityContext): Promise<BlockSensitivity> {
  const measured = new Map<number, number>();
  for (const bits of block.widths) measured.set(bits, await tail.distance(changesOf(block, bits, changes, plans.get(bits)!)));
  const traces: number[] = [];
  for (const { weights } of block.layers) {
    const real = tensorOf(graph, weights).data as Float32Array;
    const loss = (moved: Float32Array) => tail.distance({ constants: new Map([[weights, moved]]) }, Math.min(TRACE_SAMPLES, samples.count));
    traces.push(await averageTrace(real, loss, { probes: TRACE_PROBES, seed: 1000 * seed + graph.nodes.indexOf(block.layers[0]!.node) }));
  }
  const perturbation = (bits: number) => block.layers.reduce((sum, { weights }, i) => sum + 0.5 * traces[i]! * squaredError(graph, plans.get(bits)!, weights), 0);
  return { traces, measured, hessian: new Map(block.widths.map((bits) => [bits, perturbation(bits)])) };
}

function changesOf(block: Block, bits: number, changes: QuantizedConstants, plan: QuantizationPlan): Changes {
  const constants = new Map(block.layers.flatMap((layer) => [...changes.get(layer)!.get(bits)!]));
  if (block.activations.length === 0) return { constants };
  const own = new Map(block.activations.map((id) => [id, plan.activations.get(id)!]));
  return { constants, transform: fakeQuantTransform({ ...plan, activations: own }) };
}

/** Layer → width → weights and bias as the float network would take them. */
type QuantizedConstants = ReadonlyMap<MixedLayer, ReadonlyMap<number, ReadonlyMap<TensorId, Float32Array>>>;

async function quantizedConstants(blocks: readonly Block[], context: SensitivityContext): Promise<QuantizedConstants> {
  const { graph, samples, plans } = context;
  const layers = blocks.flatMap((block) => block.layers.map((layer) => ({ layer, widths: block.widths })));
  const order = ({ layer }: (typeof layers)[number]) => graph.nodes.indexOf(layer.node);
  const prefix = new Prefix(graph, samples);
  const results = new Map<MixedLayer, ReadonlyMap<number, ReadonlyMap<TensorId, Float32Array>>>();
  for (const { layer, widths } of layers.sort((a, b) => order(a) - order(b))) {
    if (context.corrected) await prefix.advanceTo([layer.node], null);
    const byWidth = new Map<number, ReadonlyMap<TensorId, Float32Array>>();
    for (const bits of widths) byWidth.set(bits, await constantsOf(layer, plans.get(bits)!, prefix, context));
    results.set(layer, byWidth);
  }
  return results;
}

async function constantsOf({ node, weights: id }: MixedLayer, plan: QuantizationPlan, prefix: Prefix, { graph, samples, corrected, seed }: SensitivityContext): Promise<ReadonlyMap<TensorId, Float32Array>> {
  const weights = plan.weights.get(id)!;
  const alone = { ...plan, activations: new Map(), weights: new Map([[id, weights]]), biases: new Map() };
  if (!corrected) return new Map([[id, dequantizedWeights(graph, alone, id)!]]);
  const inputs = new Map(node.inputs.filter((input) => !tensorOf(graph, input).data).map((input) => [input, prefix.values(input)]));
  const region = regionGraph(graph, [node], new Set(inputs.keys()), () => true);
  const better = await correctBiases(alone, { graph: region, calibration: null, samples: { ...samples, inputs }, seed });
  const bias = biasOf(node);
  const real = bias !== undefined && better.biases.get(bias);
  return new Map([[id, dequantizedWeights(graph, better, id)!], ...(real && 'real' in real ? [[bias, Float32Array.from(real.real)] as const] : [])]);
}

function biasOf(node: MixedLayer['node']): TensorId | undefined {
  const role = findOperator(node.op)?.float?.weights?.bias;
  return role === undefined ? undefined : node.inputs[role];
}

function squaredError(graph: FloatGraph, plan: QuantizationPlan, id: TensorId): number {
  const real = tensorOf(graph, id).data as Float32Array;
  const quantized = dequantizedWeights(graph, plan, id)!;
  return real.reduce((sum, value, i) => sum + (value - quantized[i]!) ** 2, 0);
}
