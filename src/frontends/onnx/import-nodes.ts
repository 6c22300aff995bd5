/** Imports nodes one after the other: folds what is constant, calls importers, collects what is not supported. */
import { ModelFormatError, PtqError } from '../../errors.js';
import type { ConstantArray } from '../constant-array.js';
import type { ImportContext } from '../import-context.js';
import { OnnxCall } from './call.js';
import { constantAttribute } from './constant-node.js';
import { foldElementwise, type Folder } from './fold-elementwise.js';
import { foldMovement } from './fold-movement.js';
import { importers, refusalOf } from './importers/index.js';
import { readBranch, type OnnxNode } from './reader.js';

export const folders: Readonly<Record<string, Folder>> = { ...foldElementwise, ...foldMovement, Constant: (call) => [constantAttribute(call)] };

export interface NodeScope {
  readonly context: ImportContext;
  readonly opset: number;
  /** Whether anything reads the value of this name. */
  readonly isUsed: (name: string) => boolean;
}

export function importNodes(nodes: readonly OnnxNode[], scope: NodeScope): void {
  for (const node of nodes) importNode(node, scope);
}

function importNode(node: OnnxNode, scope: NodeScope): void {
  const { context } = scope;
  const call = new OnnxCall(context, node, scope.opset, scope.isUsed);
  const key = node.domain ? `${node.domain}:${node.opType}` : node.opType;
  const done = context.attempt(call.origin, () => {
    const importer = importers[key] ?? (node.domain === 'com.microsoft' ? importers[microsoftAlias(node.opType)] : undefined);
    if (withOrigin(call, () => foldConstants(call, key))) return;
    if (key === 'If' && importBranch(call, scope)) return;
    if (!importer) {
      const { reason, nearest } = refusalOf(key);
      context.report(call.origin, reason, nearest);
    } else if (node.inputs.every((name) => !name || context.lookup(name))) {
      withOrigin(call, () => importer(call));
      return;
    }
    for (const output of node.outputs) context.define(output, null);
  });
  if (!done) for (const output of node.outputs) context.define(output, null);
}

/** An If whose condition is known at import: the nodes of the branch it takes stand in its place. */
function importBranch(call: OnnxCall, scope: NodeScope): boolean {
  const condition = scope.context.lookup(call.node.inputs[0] ?? '')?.constant;
  const graph = condition && call.node.attributes.get(condition.data[0] ? 'then_branch' : 'else_branch')?.g;
  if (!graph) return false;
  const branch = readBranch(graph, call.origin.file);
  for (const [name, constant] of branch.constants) scope.context.define(name, scope.context.constant(name, constant));
  importNodes(branch.nodes, scope);
  call.node.outputs.forEach((output, i) => scope.context.define(output, scope.context.lookup(branch.outputs[i] ?? '') ?? null));
  return true;
}

/** Operators of Microsoft's domain that mean what ONNX's own of that name mean. */
function microsoftAlias(opType: string): string {
  return ['QuantizeLinear', 'DequantizeLinear'].includes(opType) ? opType : '';
}

/** Evaluates a node whose inputs are all constants; false where it is none or has no evaluation. */
function foldConstants(call: OnnxCall, key: string): boolean {
  const folder = folders[key];
  const values = call.node.inputs.filter(Boolean).map((name) => call.context.lookup(name));
  if (!folder || values.some((v) => !v?.constant)) return false;
  if (values.length === 0 && key !== 'Constant') return false;
  const inputs = values.map((v) => v!.constant as ConstantArray);
  const results = folder(call, inputs);
  results?.forEach((constant, i) => call.defineConstant(constant, i));
  return results !== null;
}

/** Errors about shapes name the node even where the shape rule did not; so do arrays too large to exist. */
function withOrigin<T>(call: OnnxCall, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const explained = error instanceof PtqError ? !error.origin : error instanceof RangeError;
    if (!explained) throw error;
    const { message, hint } = error as PtqError;
    throw new ModelFormatError(`${call.origin.file}: ${call.node.opType} '${call.node.name}': ${message}`, { origin: call.origin, ...(hint && { hint }), cause: error });
  }
}
