/** Scales and codes of every tensor: from calibration, or verbatim from a file that is already quantized. */
import type { CalibrationTable } from '../calibration/types.js';
import { observedRange, type ObserverName } from '../calibration/observers/index.js';
import { observedFrom } from '../calibration/observers/histogram.js';
import { CalibrationError, UsageError } from '../errors.js';
import { tensorOf, type FloatGraph, type FloatTensor, type TensorId } from '../graph/float.js';
import { findOperator } from '../operators/index.js';
import { isTflite } from '../operators/codes.js';
import type { ActivationPlan, Arithmetic, QuantizationPlan } from '../operators/lower.js';
import { requireMethod } from './methods/index.js';
import { planWeights } from './plan-weights.js';
import { scaleGroups, type ScaleGroup } from './rules.js';
import { activationPlan, BYTE_BITS } from './scales.js';
import { planShiftWeights, termsText, type TermsOf } from './shift/plan.js';
import { fitAccumulators } from './wide.js';
import { parseBits, planWidths, type WidthOptions, type Widths } from './widths.js';

export interface QuantizationOptions {
  /** Absent: 'tflite' for an already quantized TFLite file, else 'dyadic'. */
  readonly arith?: Arithmetic;
  readonly method: string;
  /** `w8a8`; weights of 2…8 bits, activations of 2…16. */
  readonly bits: string;
  /** What departs from them: first and last layers, single layers. */
  readonly widths?: WidthOptions;
  readonly seed: number;
  readonly biasCorrection?: boolean;
  /** Powers of two a weight, for the arithmetic 'shift'; 1 unless said. */
  readonly terms?: TermsOf;
}

/** CalibrationError where a float model comes without ranges. */
export function planQuantization(graph: FloatGraph, calibration: CalibrationTable | null, options: QuantizationOptions): QuantizationPlan {
  const widths = planWidths(graph, parseBits(options.bits), options.widths);
  const { keepsScalesPositive } = requireMethod(options.method);
  const arith = chooseArithmetic(graph, options.arith);
  if (options.terms && arith !== 'shift') throw new UsageError('--terms says how many powers of two a weight takes', { hint: 'it goes with --arith shift' });
  if (isTflite(arith) && !graph.quantized && asksForWide(options)) throw new UsageError(`--arith ${arith} has activations of at most 8 bits`, { hint: "TFLite's 16-bit kernels need 64-bit accumulators; use --arith dyadic" });
  const activations = graph.quantized ? sourceActivations(graph, calibration, arith) : calibratedActivations(graph, calibration, widths, arith);
  const { weights, biases } =
    arith === 'shift'
      ? { weights: planShiftWeights(graph, activations, options.terms ?? (() => 1), widths.weights), biases: new Map() }
      : planWeights(graph, activations, { bits: widths.weights, arith, search: calibration?.observer === 'min-max' ? 'max' : 'mse', flips: arith === 'dyadic' && !keepsScalesPositive });
  const plan = {
    arith,
    method: options.method,
    bits: graph.quantized ? 'w8a8' : options.bits,
    seed: options.seed,
    calibrationSha256: graph.quantized ? null : (calibration?.sha256 ?? null),
    activations,
    weights,
    biases,
    ...(arith === 'shift' && { remarks: [termsText(weights)] }),
  };
  return graph.quantized ? plan : fitAccumulators(graph, plan);
}

function asksForWide({ bits, widths }: QuantizationOptions): boolean {
  return [bits, ...Object.values(widths?.layers ?? {})].some((text) => parseBits(text).activationBits > BYTE_BITS);
}

const ARITHMETICS: readonly Arithmetic[] = ['dyadic', 'tflite', 'tflite-single', 'shift'];

function chooseArithmetic(graph: FloatGraph, wanted: Arithmetic | undefined): Arithmetic {
  if (wanted === undefined) return graph.quantized && graph.source.format === 'tflite' ? 'tflite' : 'dyadic';
  if (!ARITHMETICS.includes(wanted)) throw new UsageError(`--arith ${wanted} is not available`, { hint: `available: ${ARITHMETICS.join(', ')}` });
  return wanted;
}

/** One scale a group: the union of its members' ranges, or the scale that an operator prescribes. */
function calibratedActivations(graph: FloatGraph, calibration: CalibrationTable | null, widths: Widths, arith: Arithmetic): Map<TensorId, ActivationPlan> {
  const plans = new Map<TensorId, ActivationPlan>();
  for (const group of scaleGroups(graph, arith)) {
    const bits = widths.activations(group);
    const plan = group.fixed ? fixedPlan(group.fixed, bits) : rangePlan(group, graph, calibration, bits);
    const { scale, zeroPoint, signed } = plan;
    for (const id of group.members) plans.set(id, { bits, signed, scale, zeroPoint });
  }
  for (const tensor of activationConstants(graph)) if (!plans.has(tensor.id)) plans.set(tensor.id, activationPlan(...constantRange(tensor), widths.constants(tensor.id)));
  return plans;
}

function fixedPlan({ scale, zeroPoint, largest }: NonNullable<ScaleGroup['fixed']>, bits: number): ActivationPlan {
  return bits > BYTE_BITS ? { bits, signed: true, scale: largest! / 2 ** (bits - 1), zeroPoint: 0 } : { bits, signed: true, scale, zeroPoint };
}

function rangePlan(group: ScaleGroup, graph: FloatGraph, calibration: CalibrationTable | null, bits: number): ActivationPlan {
  let low = 0;
  let high = 0;
  for (const id of group.members) {
    const [memberLow, memberHigh] = memberRange(tensorOf(graph, id), calibration, bits);
    low = Math.min(low, memberLow);
    high = Math.max(high, memberHigh);
  }
  return activationPlan(low, high, bits);
}

/** The table holds the ranges for 8 bits; fewer bits ask the observer again, who chooses another range for them. */
function memberRange(tensor: FloatTensor, calibration: CalibrationTable | null, bits: number): readonly [number, number] {
  if (tensor.data) return constantRange(tensor);
  const range = calibration?.ranges.get(tensor.id);
  if (range && bits === 8) return [range.low, range.high];
  if (range) {
    const { low, high } = observedRange(observedFrom(range), { observer: calibration!.observer as ObserverName, bits });
    return [low, high];
  }
  const hint = 'give calibration samples with --calib';
  throw new CalibrationError(calibration ? `calibration saw no values of '${tensor.name}'` : `a float model needs calibration data: '${tensor.name}' has no range`, { origin: tensor.origin, hint });
}

function constantRange(tensor: FloatTensor): readonly [number, number] {
  let low = 0;
  let high = 0;
  for (const value of tensor.data!) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** Float constants that nodes read like activations: neither weights nor biases. */
function activationConstants(graph: FloatGraph): readonly FloatTensor[] {
  const found: FloatTensor[] = [];
  for (const node of graph.nodes) {
    const roles = findOperator(node.op)?.float?.weights;
    node.inputs.forEach((id, i) => {
      const tensor = tensorOf(graph, id);
      if (tensor.data && tensor.type === 'float32' && i !== roles?.input && i !== roles?.bias) found.push(tensor);
    });
  }
  return found;
}

/** Scales of the file itself. Where a file leaves a tensor out, its group or the calibration must say it. */
function sourceActivations(graph: FloatGraph, calibration: CalibrationTable | null, arith: Arithmetic): Map<TensorId, ActivationPlan> {
  const plans = new Map<TensorId, ActivationPlan>();
  for (const tensor of graph.tensors.values()) {
    const plan = sourcePlan(tensor);
    if (plan) plans.set(tensor.id, plan);
  }
  for (const group of scaleGroups(graph, arith)) {
    const known = group.members.map((id) => plans.get(id)).find((plan) => plan !== undefined);
    for (const id of group.members) if (!plans.has(id)) plans.set(id, known ?? (group.fixed ? { bits: 8, signed: true, scale: group.fixed.scale, zeroPoint: group.fixed.zeroPoint } : rangePlan(group, graph, calibration, 8)));
  }
  for (const tensor of activationConstants(graph)) if (!plans.has(tensor.id)) plans.set(tensor.id, activationPlan(...constantRange(tensor), 8));
  return plans;
}

function sourcePlan({ quantization, type }: FloatTensor): ActivationPlan | null {
  if (!quantization || type !== 'float32' || quantization.axis !== null) return null;
  const { bits, signed, scale, zeroPoint } = quantization;
  return bits > 16 ? null : { bits, signed, scale: scale[0], zeroPoint: zeroPoint[0] };
}
