/** What a FloatGraph must satisfy at every stage. */
import { ModelFormatError, type Origin } from '../errors.js';
import { findOperator } from '../operators/index.js';
import { elementCount, type FloatGraph, type FloatNode, type FloatTensor, type SourceQuantization } from './float.js';
import { portProblem, repeated } from './verify-ports.js';

/** Throws ModelFormatError (or the operator's own ShapeError) naming the first thing that is wrong. */
export function verifyFloatGraph(graph: FloatGraph): void {
  for (const [id, tensor] of graph.tensors) verifyTensor(id, tensor);
  const twice = repeated(graph.nodes.map((n) => n.id));
  if (twice !== undefined) fail(graph, `node id '${twice}' occurs twice`);
  const available = availableAtStart(graph);
  for (const node of graph.nodes) verifyNode(graph, node, available);
  for (const tensor of graph.tensors.values()) {
    if (!available.has(tensor.id)) fail(graph, `tensor '${tensor.name}' has no producer`, tensor.origin);
  }
  verifyPorts(graph, available);
}

function availableAtStart(graph: FloatGraph): Set<string> {
  const available = new Set<string>();
  for (const tensor of graph.tensors.values()) if (tensor.data) available.add(tensor.id);
  for (const port of graph.inputs) {
    if (available.has(port.tensor)) fail(graph, `input '${port.name}' is a constant or occurs twice`);
    available.add(port.tensor);
  }
  return available;
}

function verifyTensor(id: string, tensor: FloatTensor): void {
  const where = `tensor '${tensor.name}'`;
  const bad = (message: string): never => {
    throw new ModelFormatError(`${tensor.origin.file}: ${where} ${message}`, { origin: tensor.origin });
  };
  if (id !== tensor.id) bad(`is stored under the id '${id}' but says '${tensor.id}'`);
  if (!tensor.shape.every((d) => Number.isInteger(d) && d > 0)) bad(`has the shape [${tensor.shape.join(', ')}]`);
  if (tensor.data) {
    const count = elementCount(tensor.shape);
    if (tensor.data.length !== count) bad(`has ${tensor.data.length} values for ${count} elements`);
    if ((tensor.type === 'float32') !== tensor.data instanceof Float32Array) bad(`of type ${tensor.type} holds the wrong kind of array`);
    const index = firstNonFinite(tensor.data);
    if (index >= 0) bad(`holds ${tensor.data[index]} at element ${index}`);
  }
  const problem = tensor.quantization && quantizationProblem(tensor, tensor.quantization);
  if (problem) bad(problem);
}

function firstNonFinite(data: Float32Array | Int32Array): number {
  if (data instanceof Int32Array) return -1;
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i]!)) return i;
  return -1;
}

function quantizationProblem(tensor: FloatTensor, q: SourceQuantization): string | null {
  const channels = q.axis === null ? 1 : tensor.shape[q.axis];
  if (channels === undefined) return `has scales along axis ${q.axis}, which it does not have`;
  if (q.scale.length !== channels || q.zeroPoint.length !== channels) return `has ${q.scale.length} scales and ${q.zeroPoint.length} zero points for ${channels} channels`;
  if (!q.scale.every((s) => Number.isFinite(s) && s > 0)) return 'has a scale that is not a positive number';
  if (!q.zeroPoint.every(Number.isInteger)) return 'has a zero point that is no integer';
  if (q.codes && q.codes.length !== elementCount(tensor.shape)) return `has ${q.codes.length} codes for ${elementCount(tensor.shape)} elements`;
  return null;
}

function verifyNode(graph: FloatGraph, node: FloatNode, available: Set<string>): void {
  const float = findOperator(node.op)?.float;
  if (!float) fail(graph, `node '${node.id}' uses the unknown operator '${node.op}'`, node.origin);
  for (const id of node.inputs) {
    if (!graph.tensors.has(id)) fail(graph, `node '${node.id}' reads '${id}', which does not exist`, node.origin);
    if (!available.has(id)) fail(graph, `node '${node.id}' reads '${graph.tensors.get(id)!.name}' before anything writes it (a cycle, or a wrong order)`, node.origin);
  }
  const shaped = node.inputs.map((id) => graph.tensors.get(id)!);
  const shapes = float!.inferShapes(node, shaped);
  const type = float!.outputType?.(node, shaped) ?? 'float32';
  if (shapes.length !== node.outputs.length) fail(graph, `node '${node.id}' has ${node.outputs.length} outputs, '${node.op}' gives ${shapes.length}`, node.origin);
  node.outputs.forEach((id, i) => {
    const tensor = graph.tensors.get(id);
    if (!tensor) fail(graph, `node '${node.id}' writes '${id}', which does not exist`, node.origin);
    if (available.has(id)) fail(graph, `node '${node.id}' writes '${tensor!.name}', which already has a value`, node.origin);
    if (tensor!.shape.join() !== shapes[i]!.join() || tensor!.type !== type) {
      fail(graph, `'${tensor!.name}' is ${tensor!.type} [${tensor!.shape.join(', ')}], but '${node.op}' gives ${type} [${shapes[i]!.join(', ')}]`, node.origin);
    }
    available.add(id);
  });
}

function verifyPorts(graph: FloatGraph, available: ReadonlySet<string>): void {
  if (graph.outputs.length === 0) fail(graph, 'the graph has no output');
  for (const ports of [graph.inputs, graph.outputs]) {
    const twice = repeated(ports.map((p) => p.name));
    if (twice !== undefined) fail(graph, `the name '${twice}' stands for two ports`);
    for (const port of ports) {
      const tensor = graph.tensors.get(port.tensor);
      if (!tensor || !available.has(port.tensor)) fail(graph, `port '${port.name}' names the tensor '${port.tensor}', which does not exist`);
      const problem = portProblem(port, tensor!.shape);
      if (problem) fail(graph, `port '${port.name}': ${problem}`, tensor!.origin);
    }
  }
}

function fail(graph: FloatGraph, message: string, origin?: Origin): never {
  throw new ModelFormatError(`${graph.source.file}: ${message}`, origin && { origin });
}
