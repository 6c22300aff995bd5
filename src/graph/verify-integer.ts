/** What an IntegerGraph must satisfy; bounds are proven again, never believed. */
import { AccumulatorOverflowError, IntegerGraphError } from '../errors.js';
import { findOperator } from '../operators/index.js';
import { elementCount, type AttributeValue } from './float.js';
import { INTEGER_GRAPH_SCHEMA, INTEGER_GRAPH_VERSION, type AccumulatorBounds, type IntegerGraph, type IntegerNode, type IntegerTensor, type RealMeaning } from './integer.js';
import { lanesFor, typeRange } from './lanes.js';
import { portProblem, repeated } from './verify-ports.js';
import { requantizeProblem } from './verify-requantize.js';

/** Throws IntegerGraphError, or AccumulatorOverflowError naming the layer, at the first thing that is wrong. */
export function verifyIntegerGraph(graph: IntegerGraph): void {
  if (graph.schema !== INTEGER_GRAPH_SCHEMA) throw new IntegerGraphError(`schema '${String(graph.schema)}' is not '${INTEGER_GRAPH_SCHEMA}'`);
  if (graph.version !== INTEGER_GRAPH_VERSION) throw new IntegerGraphError(`version ${String(graph.version)} is not ${INTEGER_GRAPH_VERSION}`);
  if (!(Number.isSafeInteger(graph.nominalMacs) && graph.nominalMacs >= 0)) throw new IntegerGraphError(`nominalMacs ${graph.nominalMacs} is no count`);
  for (const [id, tensor] of graph.tensors) verifyTensor(id, tensor);
  const twice = repeated(graph.nodes.map((n) => n.id));
  if (twice !== undefined) throw new IntegerGraphError(`node id '${twice}' occurs twice`);
  const available = availableAtStart(graph);
  for (const node of graph.nodes) {
    verifyFlow(graph, node, available);
    verifyNode(graph, node);
  }
  for (const tensor of graph.tensors.values()) {
    if (!available.has(tensor.id)) throw new IntegerGraphError(`tensor '${tensor.id}' has no producer`, { origin: tensor.origin });
  }
  verifyPorts(graph);
  verifyStates(graph);
}

function availableAtStart(graph: IntegerGraph): Set<string> {
  const available = new Set<string>();
  for (const tensor of graph.tensors.values()) if (tensor.constant) available.add(tensor.id);
  for (const id of [...graph.inputs.map((p) => p.tensor), ...graph.states.map((s) => s.read)]) {
    if (available.has(id)) throw new IntegerGraphError(`input tensor '${id}' is a constant or occurs twice`);
    available.add(id);
  }
  return available;
}

function verifyTensor(id: string, tensor: IntegerTensor): void {
  const bad = (message: string): never => {
    throw new IntegerGraphError(`tensor '${id}': ${message}`, { origin: tensor.origin });
  };
  if (id !== tensor.id) bad(`says that its id is '${tensor.id}'`);
  const { bits, signed, packed } = tensor.type;
  if (!(Number.isInteger(bits) && ((bits >= 2 && bits <= 16) || bits === 32))) bad(`type.bits ${bits} is not 2…16 or 32`);
  if (bits === 32 && !signed) bad('type.signed is false for 32 bits');
  if (packed && bits > 4) bad(`type.packed is true for ${bits} bits`);
  if (!tensor.shape.every((d) => Number.isSafeInteger(d) && d > 0)) bad(`shape [${tensor.shape.join(', ')}] has an axis that is no positive integer`);
  const [low, high] = tensor.codeRange;
  const [lowest, highest] = typeRange(tensor.type);
  if (!Number.isInteger(low) || !Number.isInteger(high) || low > high || low < lowest || high > highest) bad(`codeRange [${low}, ${high}] does not lie in [${lowest}, ${highest}]`);
  const problem = (tensor.real && realProblem(tensor, tensor.real)) ?? (tensor.constant && constantProblem(tensor));
  if (problem) bad(problem);
}

function constantProblem(tensor: IntegerTensor): string | null {
  const { data, encoding } = tensor.constant!;
  const lanes = lanesFor(tensor.type);
  if (!(data instanceof lanes)) return `constant is stored as ${data.constructor.name}, its type needs ${lanes.name}`;
  if (data.length !== elementCount(tensor.shape)) return `constant has ${data.length} codes for ${elementCount(tensor.shape)} elements`;
  const [low, high] = tensor.codeRange;
  for (let i = 0; i < data.length; i++) {
    if (data[i]! < low || data[i]! > high) return `code ${data[i]} at element ${i} leaves codeRange [${low}, ${high}]`;
  }
  if (encoding.kind === 'shift' && encoding.perChannelShift && !encoding.perChannelShift.every(Number.isSafeInteger)) return 'perChannelShift holds something else than integers';
  return null;
}

function realProblem(tensor: IntegerTensor, real: RealMeaning): string | null {
  if (real.kind === 'table') return real.values.length === 2 ** tensor.type.bits ? null : `real.values has ${real.values.length} entries for ${tensor.type.bits} bits`;
  if (real.kind === 'twin') return real.negativeScale > 0 && real.positiveScale > 0 ? null : 'real has a scale that is not positive';
  const channels = real.axis === null ? 1 : tensor.shape[real.axis];
  if (channels === undefined) return `real.axis ${real.axis} is no axis of the tensor`;
  if (real.scale.length !== channels || real.zeroPoint.length !== channels) return `real has ${real.scale.length} scales and ${real.zeroPoint.length} zero points for ${channels} channels`;
  // A weight channel whose codes are flipped has a negative scale.
  if (!real.scale.every((s) => Number.isFinite(s) && (tensor.constant ? s !== 0 : s > 0))) return `real.scale holds something that is no ${tensor.constant ? 'number but 0' : 'positive number'}`;
  return real.zeroPoint.every(Number.isSafeInteger) ? null : 'real.zeroPoint holds something that is no integer';
}

function verifyFlow(graph: IntegerGraph, node: IntegerNode, available: Set<string>): void {
  const bad = (message: string): never => {
    throw new IntegerGraphError(`node '${node.id}': ${message}`, { origin: node.origin });
  };
  for (const id of node.inputs) {
    if (!graph.tensors.has(id)) bad(`reads '${id}', which does not exist`);
    if (!available.has(id)) bad(`reads '${id}' before anything writes it`);
  }
  if (node.outputs.length === 0) bad('has no output');
  for (const id of node.outputs) {
    if (!graph.tensors.has(id)) bad(`writes '${id}', which does not exist`);
    if (available.has(id)) bad(`writes '${id}', which already has a value`);
    available.add(id);
  }
}

function verifyNode(graph: IntegerGraph, node: IntegerNode): void {
  const bad = (message: string): never => {
    throw new IntegerGraphError(`node '${node.id}': ${message}`, { origin: node.origin });
  };
  const integer = findOperator(node.op)?.integer;
  if (!integer) bad(`unknown integer operator '${node.op}'`);
  const attribute = Object.entries(node.attributes).map(([key, value]) => attributeProblem(`attributes.${key}`, value)).find((p) => p !== null);
  if (attribute) bad(attribute);
  const output = graph.tensors.get(node.outputs[0]!)!;
  const problem = node.requantize && requantizeProblem(node.requantize, output.shape.at(-1) ?? 1, output.type);
  if (problem) bad(`requantize.${problem}`);
  integer!.verify(node, graph);
  verifyBounds(node, integer!.bounds?.(node, graph));
}

function attributeProblem(field: string, value: AttributeValue): string | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? null : `${field} is ${value}, not an integer`;
  if (typeof value === 'boolean' || typeof value === 'string') return null;
  if (value === null) return `${field} is null`;
  for (const [key, entry] of Object.entries(value)) {
    const problem = attributeProblem(`${field}.${key}`, entry as AttributeValue);
    if (problem) return problem;
  }
  return null;
}

function verifyBounds(node: IntegerNode, proven: AccumulatorBounds | undefined): void {
  const stored = node.bounds;
  if (!proven && !stored) return;
  const layer = `layer '${node.origin.nodeName || node.id}' (${node.op})`;
  if (proven) verifyAccumulators(layer, node, proven);
  if (!proven || !stored) throw new IntegerGraphError(`node '${node.id}': bounds are ${stored ? 'stored, but this operator has none' : 'missing'}`, { origin: node.origin });
  if (stored.accumulatorBits !== proven.accumulatorBits || stored.accumulator.length !== proven.accumulator.length) {
    throw new IntegerGraphError(`node '${node.id}': bounds are stored for ${stored.accumulator.length} accumulators of ${stored.accumulatorBits} bits, proven for ${proven.accumulator.length} of ${proven.accumulatorBits}`, { origin: node.origin });
  }
  proven.accumulator.forEach(([low, high], channel) => {
    const [storedLow, storedHigh] = stored.accumulator[channel]!;
    if (storedLow !== low || storedHigh !== high) {
      throw new IntegerGraphError(`node '${node.id}': bounds.accumulator[${channel}] is [${storedLow}, ${storedHigh}], but the weights give [${low}, ${high}]`, { origin: node.origin });
    }
  });
}

/** No accumulator may leave its integer type for any input. 64-bit bounds must also be exact as numbers. */
function verifyAccumulators(layer: string, node: IntegerNode, bounds: AccumulatorBounds): void {
  const limit = bounds.accumulatorBits === 32 ? 2 ** 31 : Number.MAX_SAFE_INTEGER;
  bounds.accumulator.forEach(([low, high], channel) => {
    if (low >= -limit && high <= limit - 1 && low <= high) return;
    throw new AccumulatorOverflowError(`${layer}: the accumulator of output channel ${channel} can reach [${low}, ${high}], which ${bounds.accumulatorBits} bits do not hold`, {
      origin: node.origin,
      hint: 'use fewer weight or activation bits for this layer, or split its input channels',
    });
  });
}

function verifyPorts(graph: IntegerGraph): void {
  if (graph.outputs.length === 0) throw new IntegerGraphError('the graph has no output');
  for (const [kind, ports] of [['inputs', graph.inputs], ['outputs', graph.outputs]] as const) {
    const twice = repeated(ports.map((p) => p.name));
    if (twice !== undefined) throw new IntegerGraphError(`${kind}: the name '${twice}' occurs twice`);
    for (const port of ports) {
      const tensor = graph.tensors.get(port.tensor);
      if (!tensor) throw new IntegerGraphError(`${kind}: port '${port.name}' names the tensor '${port.tensor}', which does not exist`);
      const problem = portProblem(port, tensor.shape);
      if (problem) throw new IntegerGraphError(`${kind}: port '${port.name}': ${problem}`);
    }
  }
}

function verifyStates(graph: IntegerGraph): void {
  for (const state of graph.states) {
    const read = graph.tensors.get(state.read);
    const write = graph.tensors.get(state.write);
    if (!read || !write) throw new IntegerGraphError(`state '${state.read}' ← '${state.write}' names a tensor that does not exist`);
    if (write.constant || read.shape.join() !== write.shape.join() || JSON.stringify(read.type) !== JSON.stringify(write.type)) {
      throw new IntegerGraphError(`state '${state.read}' ← '${state.write}': the two tensors differ in shape or type, or one is a constant`);
    }
    if (!(Number.isInteger(state.initial) && state.initial >= read.codeRange[0] && state.initial <= read.codeRange[1])) throw new IntegerGraphError(`state '${state.read}': initial ${state.initial} leaves its codeRange`);
    if (write.codeRange[0] < read.codeRange[0] || write.codeRange[1] > read.codeRange[1]) throw new IntegerGraphError(`state '${state.read}': '${state.write}' can leave its codeRange`);
  }
}
