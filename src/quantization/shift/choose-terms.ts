/**
 * `--terms auto`: two powers of two a weight where one costs too much. Starts with two everywhere, measures at the output
 * what one term in a single layer would cost, and gives up second terms from the cheapest layer (noise for the work it
 * saves) on, as long as the noise of the whole network stays within a tolerance. Noise of layers adds up, nearly.
 */
import { scoringTensor } from '../../calibration/accuracy.js';
import { firstSamples } from '../../calibration/data/samples.js';
import { createExecutor, type FloatExecutor } from '../../calibration/executor.js';
import type { SampleSet } from '../../calibration/types.js';
import { CalibrationError } from '../../errors.js';
import { tensorOf, type FloatGraph, type FloatNode } from '../../graph/float.js';
import { findOperator } from '../../operators/index.js';
import type { QuantizationPlan } from '../../operators/lower.js';
import { fakeQuantConstants, fakeQuantTransform } from '../fake-quant.js';
import { correctBiases } from '../methods/bias-correction.js';
import { divergence } from '../mixed/divergence.js';
import { shiftLayers, type TermsOf } from './plan.js';

/** Noise at the output beside that of two terms everywhere, at most: half a decibel more, three where learning follows and takes most of it back. */
const TOLERANCE = { nearest: 10 ** 0.05, learned: 10 ** 0.3 };
const MOST_SAMPLES = 128;

export interface TermsContext {
  readonly graph: FloatGraph;
  readonly samples: SampleSet | null;
  /** The plan with so many terms in each layer. */
  readonly plan: (terms: TermsOf) => QuantizationPlan;
  /** A method that learns follows. */
  readonly learns?: boolean;
  readonly note?: (text: string) => void;
}

/** Layers with one term; all others take two. Deterministic. */
export async function chooseTerms(context: TermsContext): Promise<TermsOf> {
  const { graph, samples, plan, note } = context;
  if (!samples) throw new CalibrationError('--terms auto needs calibration samples', { hint: 'give them with --calib, or a number of terms' });
  const executor = await createExecutor(graph);
  try {
    const noise = await Noise.of(executor, samples);
    const single = new Set<FloatNode>();
    const termsOf: TermsOf = (node) => (single.has(node) ? 1 : 2);
    const least = await noise.behind(plan(() => 2));
    const most = least * (context.learns ? TOLERANCE.learned : TOLERANCE.nearest);
    const costs: { readonly node: FloatNode; readonly added: number; readonly work: number }[] = [];
    const layers = shiftLayers(graph);
    for (const [i, { node }] of layers.entries()) {
      note?.(`terms of '${node.origin.nodeName}' (${i + 1} of ${layers.length})`);
      costs.push({ node, added: Math.max(0, (await noise.behind(plan((n) => (n === node ? 1 : 2)))) - least), work: workOf(graph, node) });
    }
    costs.sort((a, b) => a.added / a.work - b.added / b.work);
    for (const { node, added } of costs) {
      const already = costs.reduce((sum, cost) => sum + (single.has(cost.node) ? cost.added : 0), 0);
      if (already + added + least > most) continue;
      single.add(node);
      if ((await noise.behind(plan(termsOf))) > most) single.delete(node);
    }
    return termsOf;
  } finally {
    executor.dispose();
  }
}

/** Squared error of the first output, before a softmax, over its energy; biases corrected, as they will be in the end. */
class Noise {
  private constructor(
    private readonly executor: FloatExecutor,
    private readonly samples: SampleSet,
    private readonly wanted: Float32Array,
  ) {}

  static async of(executor: FloatExecutor, samples: SampleSet): Promise<Noise> {
    const used = firstSamples(samples, MOST_SAMPLES);
    const judged = judgedOf(executor);
    return new Noise(executor, used, (await executor.run(used.inputs, used.count, { keep: [judged] })).get(judged)!);
  }

  async behind(plan: QuantizationPlan): Promise<number> {
    const judged = judgedOf(this.executor);
    const { graph } = this.executor;
    const corrected = await correctBiases(plan, { graph, samples: this.samples, calibration: null, seed: 0 });
    const actual = await this.executor.run(this.samples.inputs, this.samples.count, { keep: [judged], transform: fakeQuantTransform(corrected), constants: fakeQuantConstants(graph, corrected) });
    return divergence('error', this.wanted, actual.get(judged)!, this.wanted.length / this.samples.count);
  }
}

function judgedOf({ graph }: FloatExecutor): string {
  return scoringTensor(graph, graph.outputs[0]!.tensor);
}

function workOf(graph: FloatGraph, node: FloatNode): number {
  const inputs = node.inputs.map((id) => tensorOf(graph, id));
  const outputs = node.outputs.map((id) => tensorOf(graph, id).shape);
  return Math.max(1, findOperator(node.op)?.float?.macs?.(node, inputs, outputs) ?? 0);
}
