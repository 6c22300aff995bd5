/** A node with channels left out: constants, attributes and requantization follow. */
import { constantCodes, integerTensor, type Attributes, type Codes, type IntegerGraph, type IntegerNode, type IntegerTensor, type Requantize, type TensorId } from '../../graph/integer.js';
import type { FoldedBias } from './border-bias.js';
import { padAttribute } from './linear-weights.js';

export type Live = ReadonlyMap<TensorId, readonly number[]>;

/** Adds a constant to the new graph and returns its id. */
export type AddConstant = (source: IntegerTensor, shape: readonly number[], data: Codes, axes: readonly (readonly number[] | null)[]) => TensorId;

/** Everything of `indices[axis]` along every axis (null: all), row-major. */
export function sliceCodes(codes: Codes, shape: readonly number[], indices: readonly (readonly number[] | null)[]): Codes {
  const lists = shape.map((d, axis) => indices[axis] ?? Array.from({ length: d }, (_, i) => i));
  const result = new (codes.constructor as new (n: number) => Codes)(lists.reduce((n, list) => n * list.length, 1));
  let at = 0;
  const walk = (axis: number, base: number): void => {
    if (axis === shape.length) {
      result[at++] = codes[base];
      return;
    }
    for (const i of lists[axis]) walk(axis + 1, base * shape[axis] + i);
  };
  walk(0, 0);
  return result;
}

export function sliceRequantize(requantize: Requantize, kept: readonly number[]): Requantize {
  const pick = <T>(list: readonly T[]): readonly T[] => (list.length === 1 ? list : kept.map((c) => list[c]));
  switch (requantize.mode) {
    case 'dyadicHigh':
      return { ...requantize, multiplier: pick(requantize.multiplier) };
    case 'shift':
      return { ...requantize, shift: pick(requantize.shift) };
    case 'csd':
      return { ...requantize, digits: pick(requantize.digits), shift: pick(requantize.shift) };
    default:
      return { ...requantize, multiplier: pick(requantize.multiplier), shift: pick(requantize.shift) };
  }
}

/** conv2d or dense: weights [O, …, C]. */
export function sliceLinear(node: IntegerNode, graph: IntegerGraph, live: Live, bias: FoldedBias, add: AddConstant): IntegerNode {
  const outputs = live.get(node.outputs[0])!;
  const inputs = live.get(node.inputs[0])!;
  const weights = integerTensor(graph, node.inputs[1]);
  const axes = weights.shape.map((_, axis) => (axis === 0 ? outputs : axis === weights.shape.length - 1 ? inputs : null));
  const shape = axes.map((list, axis) => list?.length ?? weights.shape[axis]);
  const biasShape = bias.classes ? [bias.codes.length / outputs.length, outputs.length] : [outputs.length];
  const newWeights = add(weights, shape, sliceCodes(weights.constant!.data, weights.shape, axes), axes);
  const newBias = add(integerTensor(graph, node.inputs[2]), biasShape, bias.codes, biasShape.map((_, axis) => (axis === biasShape.length - 1 ? outputs : null)));
  return {
    ...node,
    inputs: [node.inputs[0], newWeights, newBias],
    attributes: withClasses(slicePad(node, inputs), bias),
    requantize: sliceRequantize(node.requantize!, outputs),
  };
}

/** Weights [kh, kw, C, multiplier], bias [O] or [classes, O]. */
export function sliceDepthwise(node: IntegerNode, graph: IntegerGraph, live: Live, add: AddConstant): IntegerNode {
  const outputs = live.get(node.outputs[0])!;
  const inputs = live.get(node.inputs[0])!;
  const weights = integerTensor(graph, node.inputs[1]);
  const bias = integerTensor(graph, node.inputs[2]);
  const weightAxes = [null, null, inputs, null];
  const biasAxes = bias.shape.length === 1 ? [outputs] : [null, outputs];
  const newWeights = add(weights, [weights.shape[0], weights.shape[1], inputs.length, weights.shape[3]], sliceCodes(weights.constant!.data, weights.shape, weightAxes), weightAxes);
  const newBias = add(bias, biasAxes.map((list, axis) => list?.length ?? bias.shape[axis]), sliceCodes(bias.constant!.data, bias.shape, biasAxes), biasAxes);
  return { ...node, inputs: [node.inputs[0], newWeights, newBias], attributes: slicePad(node, inputs), requantize: sliceRequantize(node.requantize!, outputs) };
}

/** Every other operator whose channels are tied: constants that run along the channels shrink with them. */
export function sliceTied(node: IntegerNode, graph: IntegerGraph, live: Live, channels: number, add: AddConstant): IntegerNode {
  const outputs = live.get(node.outputs[0])!;
  const isElementwise = node.op === 'add' || node.op === 'sub' || node.op === 'mul';
  const inputs = node.inputs.map((id) => {
    const tensor = integerTensor(graph, id);
    if (!isElementwise || !tensor.constant || tensor.shape[tensor.shape.length - 1] !== channels || channels === 1) return id;
    const axes = tensor.shape.map((_, axis) => (axis === tensor.shape.length - 1 ? outputs : null));
    return add(tensor, [...tensor.shape.slice(0, -1), outputs.length], sliceCodes(constantCodes(graph, id), tensor.shape, axes), axes);
  });
  const shape = integerTensor(graph, node.outputs[0]).shape;
  const attributes = node.op === 'reshape' && 'shape' in node.attributes ? { ...node.attributes, shape: [...shape.slice(0, -1), outputs.length] } : node.attributes;
  return { ...node, inputs, attributes, ...(node.requantize && { requantize: sliceRequantize(node.requantize, outputs) }) };
}

function slicePad(node: IntegerNode, inputs: readonly number[]): Attributes {
  const pad = padAttribute(node);
  if (!pad || typeof pad.values === 'number') return node.attributes;
  const values = pad.values;
  return { ...node.attributes, pad: { amounts: pad.amounts, values: inputs.map((c) => values[c]) } };
}

function withClasses({ biasClasses: _old, ...attributes }: Attributes, bias: FoldedBias): Attributes {
  return bias.classes ? { ...attributes, biasClasses: { rows: bias.classes.rows, columns: bias.classes.columns } } : attributes;
}
