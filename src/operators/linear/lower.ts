/** Lowering shared by every operator with weights: codes of weights and bias at Sx·Sw, requantization to the output. */
import type { FloatNode } from '../../graph/float.js';
import type { Attributes, IntegerTensor } from '../../graph/integer.js';
import type { LowerContext, WeightPlan } from '../lower.js';
import { activationAttribute } from '../attributes.js';
import type { BorderBias } from './padded-values.js';

interface LinearLowering {
  readonly outputChannels: number;
  /** Integer attributes besides the zero point of the input. */
  attributes(inputZeroPoint: number): Attributes;
  /** One scale an output channel from the plan's scales (one, one a channel of the weights' axis, or one an output channel). */
  outputScales?(scales: readonly number[]): readonly number[];
  /** The bias by classes of output rows and columns, where borders add to it. */
  border?(bias: Int32Array, weights: WeightPlan['codes'], inputScale: number): BorderBias;
}

/** Emits the integer node of the same operator. Inputs of `node`: x, constant weights, constant bias (optional). */
export function lowerLinear(node: FloatNode, context: LowerContext, lowering: LinearLowering): void {
  if (!isConstant(context, node.inputs[1]) || (node.inputs[2] !== undefined && !isConstant(context, node.inputs[2]))) {
    context.unsupported(node, 'weights or bias are computed by the network', 'constant weights; matmul for a product of two activations');
    return;
  }
  const { outputChannels } = lowering;
  const x = context.integer(node.inputs[0]);
  const input = context.activation(node.inputs[0]);
  const plan = context.weight(node.inputs[1]);
  const weightScales = lowering.outputScales?.(plan.scale) ?? plan.scale;
  const scales = weightScales.map((scale) => input.scale * scale);
  const everyScale = scales.length === 1 ? new Array<number>(outputChannels).fill(scales[0]) : scales;
  const bias = context.biasCodes(node.inputs[2], everyScale, outputChannels);
  const border = lowering.border?.(bias, plan.codes, input.scale);
  const y = context.output(node.outputs[0]);
  context.emit({
    op: node.op,
    inputs: [x.id, addWeights(node, context, plan), addBias(node, context, border?.codes ?? bias, scales, outputChannels)],
    outputs: [y.id],
    attributes: { ...lowering.attributes(input.zeroPoint), inputZeroPoint: input.zeroPoint, ...(border && { biasClasses: { ...border.classes } }) },
    requantize: context.requantize(scales, context.activation(node.outputs[0]), activationAttribute(node) ?? undefined),
    from: node,
  });
}

function isConstant(context: LowerContext, id: string): boolean {
  return context.float(id).data !== undefined;
}

function addWeights(node: FloatNode, context: LowerContext, plan: WeightPlan): string {
  const weights = context.float(node.inputs[1]);
  const real: IntegerTensor['real'] = { kind: 'affine', scale: plan.scale, zeroPoint: plan.scale.map(() => 0), axis: plan.scale.length === 1 ? null : plan.axis };
  return context.constant(weights.name, weights.shape, plan.bits, true, plan.codes, real, plan.encoding);
}

function addBias(node: FloatNode, context: LowerContext, codes: Int32Array, scales: readonly number[], channels: number): string {
  const name = node.inputs[2] === undefined ? `${node.id}/bias` : context.float(node.inputs[2]).name;
  const shape = codes.length === channels ? [channels] : [codes.length / channels, channels];
  return context.constant(name, shape, 32, true, codes, { kind: 'affine', scale: scales, zeroPoint: scales.map(() => 0), axis: scales.length === 1 ? null : shape.length - 1 });
}
