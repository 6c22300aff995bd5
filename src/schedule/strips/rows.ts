/** Which rows of its inputs a node needs for rows of its output, and the same node on a strip of rows. */
import { type IntegerGraph, type IntegerNode, integerTensor, laneBytes, type TensorId } from '../../graph/integer.js';

/** Rows [strideₕ·y − padTop, … + window) of every activation give row y of the output. */
export interface RowRule {
  readonly stride: number;
  /** Rows that one output row sees. */
  readonly window: number;
  readonly padTop: number;
  readonly padBottom: number;
  /** Byte that fills rows above and below the input; null where none is ever read. */
  readonly padByte: number | null;
  /** Input activations. */
  readonly inputs: readonly TensorId[];
}

/** Null where the node cannot be computed strip by strip. */
export function rowRule(node: IntegerNode, graph: IntegerGraph): RowRule | null {
  const output = integerTensor(graph, node.outputs[0]!);
  const inputs = [...new Set(node.inputs)].filter((id) => !integerTensor(graph, id).constant);
  const isImage = (id: TensorId) => integerTensor(graph, id).shape.length === 3 && !integerTensor(graph, id).type.packed;
  if (node.outputs.length !== 1 || inputs.length === 0 || ![...inputs, output.id].every(isImage)) return null;
  switch (node.op) {
    case 'conv2d':
      return windowRule(node, graph, inputs, integerTensor(graph, node.inputs[1]!).shape[1]!);
    case 'depthwise-conv2d':
      return windowRule(node, graph, inputs, integerTensor(graph, node.inputs[1]!).shape[0]!);
    case 'max-pool2d':
    case 'average-pool2d':
      return poolRule(node, inputs);
    case 'add':
    case 'sub':
    case 'mul':
    case 'clamp':
    case 'requantize':
    case 'unary':
    case 'input-table':
      return elementRule(node, graph, inputs, output.shape);
    default:
      return null;
  }
}

function list(node: IntegerNode, name: string): readonly number[] {
  return node.attributes[name] as unknown as readonly number[];
}

function windowRule(node: IntegerNode, graph: IntegerGraph, inputs: readonly TensorId[], taps: number): RowRule | null {
  const { amounts, values } = node.attributes['pad'] as unknown as { readonly amounts: readonly number[]; readonly values: number | readonly number[] };
  const classes = node.attributes['biasClasses'] as unknown as { readonly rows: readonly number[] } | null | undefined;
  // Rows of different biases would need a strip kernel each.
  if (inputs.length !== 1 || (classes && new Set(classes.rows).size > 1)) return null;
  const [padTop, padBottom] = amounts as [number, number];
  const codes = [...new Set(typeof values === 'number' ? [values] : values)];
  const padByte = codes.length === 1 ? repeatedByte(codes[0]!, laneBytes(integerTensor(graph, inputs[0]!).type)) : null;
  if ((padTop > 0 || padBottom > 0) && padByte === null) return null;
  const window = list(node, 'dilations')[0]! * (taps - 1) + 1;
  return { stride: list(node, 'strides')[0]!, window, padTop, padBottom, padByte: padTop > 0 || padBottom > 0 ? padByte : null, inputs };
}

/** The byte that fills lanes of `code`; null where its bytes differ. */
function repeatedByte(code: number, lane: number): number | null {
  return lane === 1 || code === 0 || code === -1 ? code & 255 : null;
}

function poolRule(node: IntegerNode, inputs: readonly TensorId[]): RowRule | null {
  const [padTop, padBottom] = list(node, 'pad') as [number, number];
  // Pools count the rows inside the image.
  if (padTop > 0 || padBottom > 0) return null;
  return { stride: list(node, 'strides')[0]!, window: list(node, 'kernel')[0]!, padTop, padBottom, padByte: null, inputs };
}

/** Element by element; a constant may repeat over the rows. */
function elementRule(node: IntegerNode, graph: IntegerGraph, inputs: readonly TensorId[], shape: readonly number[]): RowRule | null {
  const repeats = (id: TensorId) => {
    const tensor = integerTensor(graph, id);
    return !tensor.constant || tensor.shape.length < 3 || tensor.shape[0] === 1;
  };
  const whole = inputs.every((id) => integerTensor(graph, id).shape.join() === shape.join());
  // Other constants of a node (tables) have fewer axes.
  if (!whole || !node.inputs.every(repeats)) return null;
  return { stride: 1, window: 1, padTop: 0, padBottom: 0, padByte: null, inputs };
}

/** The node on a strip: `rows` rows of output from a window of rows that needs no padding above or below. */
export function stripNode(node: IntegerNode, graph: IntegerGraph, rule: RowRule, rows: number): { readonly graph: IntegerGraph; readonly node: IntegerNode } {
  const tensors = new Map(graph.tensors);
  const resize = (id: TensorId, height: number) => {
    const tensor = integerTensor(graph, id);
    // Rows of padding become rows of the input.
    const pads = rule.padByte === null || id === node.outputs[0] ? [] : padCode(node);
    tensors.set(id, { ...tensor, shape: [height, ...tensor.shape.slice(1)], codeRange: [Math.min(tensor.codeRange[0], ...pads), Math.max(tensor.codeRange[1], ...pads)] });
  };
  for (const id of rule.inputs) resize(id, (rows - 1) * rule.stride + rule.window);
  resize(node.outputs[0]!, rows);
  const { pad, biasClasses } = node.attributes as { readonly pad?: unknown; readonly biasClasses?: { readonly rows: readonly number[]; readonly columns: readonly number[] } | null };
  const attributes = {
    ...node.attributes,
    ...(node.op.endsWith('conv2d') && { pad: withoutRows(pad as { readonly amounts: readonly number[] }) }),
    ...(biasClasses && { biasClasses: { ...biasClasses, rows: new Array<number>(rows).fill(biasClasses.rows[0]!) } }),
  } as IntegerNode['attributes'];
  const strip = { ...node, attributes };
  return { graph: { ...graph, tensors, nodes: [strip], inputs: [], outputs: rule.inputs.map((tensor) => windowPort(tensor)), states: [] }, node: strip };
}

/** A window outlives the call of the kernel: the next pass reads most of its rows again. */
function windowPort(tensor: TensorId): IntegerGraph['outputs'][number] {
  return { name: tensor, tensor, sourceShape: [], batchAxis: null, permutation: null };
}

function padCode(node: IntegerNode): readonly number[] {
  const { values } = node.attributes['pad'] as unknown as { readonly values: number | readonly number[] };
  return typeof values === 'number' ? [values] : values;
}

function withoutRows(pad: { readonly amounts: readonly number[] }): object {
  return { ...pad, amounts: [0, 0, ...pad.amounts.slice(2)] };
}
