/** ONNX bytes → a checked model: nodes in execution order, constants read, every name produced exactly once. */
import { ModelFormatError, type Origin } from '../../errors.js';
import type { ConstantArray } from '../constant-array.js';
import { inlineFunctions } from './inline-functions.js';
import { decodeModel, type AttributeMessage, type GraphMessage, type ModelMessage, type NodeMessage, type ValueInfoMessage } from './proto.js';
import { sortNodes } from './sort-nodes.js';
import { readTensor } from './tensor-data.js';

export const OLDEST_OPSET = 7;
export const NEWEST_OPSET = 21;

export interface OnnxNode {
  /** The file's name for it, or one made of its operator and first output. */
  readonly name: string;
  readonly opType: string;
  /** '' is ONNX's own domain. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeMessage>;
}

export interface OnnxPort {
  readonly name: string;
  readonly elementType: number;
  /** A number, a symbol, or '' where the file says nothing; null where it has no shape at all. */
  readonly dimensions: readonly (number | string)[] | null;
}

export interface OnnxModel {
  readonly file: string;
  /** The file's name without its ending (the graph's own name is 'main_graph' or 'torch_jit' in most files). */
  readonly name: string;
  readonly opset: number;
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, ConstantArray>;
  /** Without those that have an initializer. */
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

export function readOnnx(bytes: Uint8Array, file: string): OnnxModel {
  const message = decodeOrExplain(bytes, file);
  const graph = message.graph!;
  const opset = opsetOf(message, file);
  const constants = readConstants(graph, file);
  const inputs = (graph.input ?? []).map(readPort).filter((p) => !constants.has(p.name));
  const outputs = (graph.output ?? []).map(readPort);
  const nodes = inlineFunctions(graph.node ?? [], message.functions ?? [], file).map((node) => readNode(node, file));
  return { file, name: file.replace(/\.onnx$/i, ''), opset, constants, inputs, outputs, nodes: checkedOrder(nodes, constants, inputs, outputs, file) };
}

function readConstants(graph: GraphMessage, file: string): ReadonlyMap<string, ConstantArray> {
  if ((graph.sparseInitializer?.length ?? 0) > 0) throw new ModelFormatError(`${file}: sparse initializers are not read`, { hint: 'export the model with dense weights' });
  return new Map((graph.initializer ?? []).map((tensor) => [tensor.name ?? '', readTensor(tensor, `${file}: initializer '${tensor.name ?? ''}'`)]));
}

/** A branch of an If: a graph without inputs that reads the values around it. Its nodes stay in the file's order. */
export interface OnnxBranch {
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, ConstantArray>;
  readonly outputs: readonly string[];
}

export function readBranch(graph: GraphMessage, file: string): OnnxBranch {
  return {
    nodes: (graph.node ?? []).map((node) => readNode(node, file)),
    constants: readConstants(graph, file),
    outputs: (graph.output ?? []).map((port) => port.name ?? ''),
  };
}

/** Names that a node reads, those inside its branches included. */
export function readNames(node: OnnxNode, file: string): readonly string[] {
  const branches = [...node.attributes.values()].flatMap((a) => (a.g ? [readBranch(a.g, file)] : []));
  return [...node.inputs, ...branches.flatMap((b) => [...b.nodes.flatMap((n) => readNames(n, file)), ...b.outputs])];
}

function decodeOrExplain(bytes: Uint8Array, file: string): ModelMessage & { graph: GraphMessage } {
  const damaged = (why: string, cause?: unknown): never => {
    throw new ModelFormatError(`${file}: ${why}`, { hint: 'is it really an ONNX model, and was it copied whole?', cause });
  };
  if (bytes.length === 0) damaged('the file is empty');
  let message: ModelMessage;
  try {
    message = decodeModel(bytes);
  } catch (cause) {
    return damaged(`not an ONNX model, or truncated or corrupt (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  }
  if (!message.irVersion || !message.graph) damaged('not an ONNX model (no IR version or no graph)');
  if ((message.graph!.output?.length ?? 0) === 0) damaged('the graph has no output');
  return message as ModelMessage & { graph: GraphMessage };
}

function opsetOf(message: ModelMessage, file: string): number {
  const own = message.opsetImport?.find((o) => !o.domain || o.domain === 'ai.onnx');
  const version = own?.version ?? 0;
  if (version < OLDEST_OPSET || version > NEWEST_OPSET) {
    throw new ModelFormatError(`${file}: opset ${version || 'none'} is outside ${OLDEST_OPSET} to ${NEWEST_OPSET}`, {
      hint: `export with opset_version=17, or convert: onnx.version_converter.convert_version(model, 17)`,
    });
  }
  return version;
}

function readPort(info: ValueInfoMessage): OnnxPort {
  const tensor = info.type?.tensorType;
  const dimensions = tensor?.shape ? (tensor.shape.dim ?? []).map((d) => d.dimParam ?? d.dimValue ?? '') : null;
  return { name: info.name ?? '', elementType: tensor?.elemType ?? 0, dimensions };
}

function readNode(message: NodeMessage, file: string): OnnxNode {
  const outputs = message.output ?? [];
  const opType = message.opType ?? '';
  const name = message.name || `${opType}(${outputs[0] ?? ''})`;
  const attributes = new Map((message.attribute ?? []).map((a) => [a.name ?? '', a]));
  if (!opType) throw new ModelFormatError(`${file}: node '${name}' has no operator type`, { hint: 'the file is corrupt' });
  const domain = message.domain === 'ai.onnx' || !message.domain ? '' : message.domain;
  return { name, opType, domain, inputs: message.input ?? [], outputs, attributes };
}

function checkedOrder(nodes: readonly OnnxNode[], constants: ReadonlyMap<string, unknown>, inputs: readonly OnnxPort[], outputs: readonly OnnxPort[], file: string): readonly OnnxNode[] {
  const given = new Set([...constants.keys(), ...inputs.map((p) => p.name)]);
  const producers = new Map<string, OnnxNode>();
  for (const node of nodes) {
    for (const output of node.outputs.filter(Boolean)) {
      if (producers.has(output) || given.has(output)) {
        throw new ModelFormatError(`${file}: value '${output}' is produced twice, the second time by ${node.opType} '${node.name}'`, { origin: originOf(node, file) });
      }
      producers.set(output, node);
    }
  }
  for (const node of nodes) {
    const missing = node.inputs.find((name) => name && !given.has(name) && !producers.has(name));
    if (missing !== undefined) throw new ModelFormatError(`${file}: ${node.opType} '${node.name}' reads '${missing}', which nothing produces`, { origin: originOf(node, file) });
  }
  for (const { name } of outputs) {
    if (!given.has(name) && !producers.has(name)) throw new ModelFormatError(`${file}: nothing produces the output '${name}'`);
  }
  const sorted = sortNodes(nodes, producers);
  if (sorted.cycle) {
    const names = sorted.cycle.map((n) => `${n.opType} '${n.name}'`).join(' → ');
    throw new ModelFormatError(`${file}: the graph has a cycle: ${names}`, { origin: originOf(sorted.cycle[0]!, file), hint: 'the file is corrupt, or unroll the recurrence before export' });
  }
  return sorted.order;
}

function originOf(node: OnnxNode, file: string): Origin {
  return { file, format: 'onnx', nodeName: node.name, opType: node.opType };
}
