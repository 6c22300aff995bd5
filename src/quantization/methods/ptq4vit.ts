/**
 * PTQ4ViT (Yuan et al., 2022): scales searched for the prediction, two ranges for activations behind softmax and GELU. Its
 * halves are methods of their own, so that each can be measured without the other.
 */
import { createExecutor } from '../../calibration/executor.js';
import { firstSamples } from '../../calibration/data/samples.js';
import type { SampleSet } from '../../calibration/types.js';
import { CalibrationError, UsageError } from '../../errors.js';
import { elementCount, tensorOf, type FloatGraph, type TensorId } from '../../graph/float.js';
import type { QuantizationPlan } from '../../operators/lower.js';
import { outputGradients } from '../transformers/gradients.js';
import { searchScales } from '../transformers/hessian-search.js';
import type { FloatValues } from '../transformers/product-errors.js';
import { twinText } from '../transformers/twin-ranges.js';
import { activationInputs, isProduct, parseBits } from '../widths.js';
import type { MethodContext, QuantizationMethod } from './method.js';

/** The paper takes 32 images; fewer where operands and outputs of all products would not fit. */
const MOST_SAMPLES = 32;
const MOST_ELEMENTS = 2 ** 26;

interface Parts {
  readonly scales: boolean;
  readonly twins: boolean;
}

async function refine(plan: QuantizationPlan, { graph, calibration, samples, seed, note }: MethodContext, parts: Parts): Promise<QuantizationPlan> {
  if (!samples) throw new CalibrationError(`--method ${plan.method} needs calibration samples`, { hint: 'give them with --calib' });
  if (plan.arith !== 'dyadic') throw new UsageError(`--method ${plan.method} has no form for --arith ${plan.arith}`, { hint: 'use --arith dyadic' });
  const { activationBits } = parseBits(plan.bits);
  if (activationBits > 8) throw new UsageError(`--method ${plan.method} is for activations of at most 8 bits`, { hint: 'more bits need no search: use --method nearest' });
  note?.('gradients');
  const float = await floatValues(graph, samples, seed, parts.scales);
  const found = searchScales(graph, plan, calibration, float, { ...parts, twinBits: activationBits, ...(note && { note }) });
  const hasTwins = [...found.activations.values()].some(({ twin }) => twin);
  return hasTwins ? { ...found, remarks: [...(found.remarks ?? []), twinText(found.activations)] } : found;
}

/** Operands and outputs of every product, with gradients where scales are searched for the prediction. */
async function floatValues(graph: FloatGraph, samples: SampleSet, seed: number, isWeighted: boolean): Promise<FloatValues> {
  const products = graph.nodes.filter(isProduct);
  const outputs = [...new Set(products.flatMap((node) => node.outputs))];
  const keep = [...new Set([...products.flatMap(activationInputs), ...outputs])].filter((id) => !tensorOf(graph, id).data);
  const used = firstSamples(samples, Math.max(1, Math.min(MOST_SAMPLES, Math.floor(MOST_ELEMENTS / elements(graph, [...keep, ...outputs])))));
  const executor = await createExecutor(graph);
  try {
    const values = await executor.run(used.inputs, used.count, { keep });
    return { count: used.count, values, gradients: isWeighted ? await outputGradients(graph, used, outputs, seed) : null };
  } finally {
    executor.dispose();
  }
}

function elements(graph: FloatGraph, ids: readonly TensorId[]): number {
  return ids.reduce((sum, id) => sum + elementCount(tensorOf(graph, id).shape), 0);
}

export const ptq4vit: readonly QuantizationMethod[] = [
  { name: 'ptq4vit', summary: 'scales searched for the prediction, two ranges behind softmax and GELU', isCorrected: true, refine: (plan, context) => refine(plan, context, { scales: true, twins: true }) },
  { name: 'ptq4vit-search', summary: 'the search of ptq4vit without its two ranges', isCorrected: true, refine: (plan, context) => refine(plan, context, { scales: true, twins: false }) },
  { name: 'ptq4vit-twin', summary: 'the two ranges of ptq4vit, without its search', isCorrected: true, refine: (plan, context) => refine(plan, context, { scales: false, twins: true }) },
];
