/** The only list of quantization methods. */
import { UsageError } from '../../errors.js';
import type { QuantizationPlan } from '../../operators/lower.js';
import { fitAccumulators } from '../wide.js';
import type { MethodContext, QuantizationMethod } from './method.js';
import { adaround } from './adaround.js';
import { correctBiases } from './bias-correction.js';
import { brecq } from './brecq.js';
import { flexround } from './flexround.js';
import { nearest } from './nearest.js';
import { osPlus } from './os-plus.js';
import { pdQuant } from './pd-quant.js';
import { ptq4dm } from './ptq4dm.js';
import { ptq4vit } from './ptq4vit.js';
import { qdrop } from './qdrop.js';

export type { MethodContext, QuantizationMethod } from './method.js';

const methods: readonly QuantizationMethod[] = [nearest, adaround, brecq, qdrop, flexround, pdQuant, osPlus, ptq4dm, ...ptq4vit];

export function availableMethods(): readonly QuantizationMethod[] {
  return methods;
}

/** UsageError that lists what there is. */
export function requireMethod(name: string): QuantizationMethod {
  const method = methods.find((m) => m.name === name);
  if (!method) throw new UsageError(`quantization method '${name}' is not available`, { hint: `available: ${methods.map((m) => m.name).join(', ')}` });
  return method;
}

/** Applies the plan's own method, then bias correction where it is asked for; the codes that come out decide again how many bits fit. */
export async function refinePlan(plan: QuantizationPlan, context: MethodContext): Promise<QuantizationPlan> {
  const refined = await requireMethod(plan.method).refine(plan, context);
  const corrected = context.biasCorrection ? await correctBiases(refined, context) : refined;
  return context.graph.quantized ? corrected : fitAccumulators(context.graph, corrected);
}
