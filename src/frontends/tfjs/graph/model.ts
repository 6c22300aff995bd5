/** GraphModel: a frozen TensorFlow graph as nodes of a float graph. */
import { ModelFormatError } from '../../../errors.js';
import type { ConstantArray } from '../../constant-array.js';
import type { ImportContext, SourceValue } from '../../import-context.js';
import { foldShapes } from '../../tensorflow/fold.js';
import type { JsonObject } from '../json.js';
import { NodeCall, type NodeImporter } from './call.js';
import { linearNodes } from './linear.js';
import { GraphNode, parseOutput, type NodeOutput } from './node.js';
import { otherNodes } from './others.js';

const importers: Readonly<Record<string, NodeImporter>> = { ...linearNodes, ...otherNodes };

/** Names of the operators that are imported. */
export function graphOperators(): readonly string[] {
  return Object.keys(importers);
}

/** Adds the graph's nodes, inputs and outputs to `context`. */
export function importGraphModel(context: ImportContext, model: JsonObject, weights: ReadonlyMap<string, ConstantArray>): void {
  const { file } = context.origin('', '');
  const nodes = model.object('modelTopology').objects('node').map((json) => new GraphNode(json, file));
  const byName = new Map(nodes.map((n) => [n.name, n]));
  const outputs = outputsOf(model, nodes);
  const importer = new GraphImporter(context, byName, weights, file);
  for (const node of nodes) if (node.op === 'Placeholder') importer.placeholder(node);
  for (const [name, output] of outputs) {
    const value = importer.value(output);
    if (value) context.output(name, value);
  }
}

/** The signature's outputs where there is one, else the nodes that nobody reads. */
function outputsOf(model: JsonObject, nodes: readonly GraphNode[]): ReadonlyMap<string, NodeOutput> {
  const topology = model.object('modelTopology');
  const holder = [model, topology].find((o) => o.has('signature')) ?? null;
  const signature = holder?.object('signature');
  if (signature?.has('outputs')) {
    const stated = signature.object('outputs');
    return new Map(stated.keys().map((key) => [key, parseOutput(stated.object(key).text('name', key))]));
  }
  const read = new Set(nodes.flatMap((n) => n.inputs.map((i) => i.node)));
  return new Map(nodes.filter((n) => !read.has(n.name) && n.op !== 'NoOp' && n.op !== 'Const').map((n) => [n.name, { node: n.name, index: 0 }]));
}

class GraphImporter {
  private readonly open = new Set<string>();
  private readonly done = new Set<string>();

  constructor(
    private readonly context: ImportContext,
    private readonly nodes: ReadonlyMap<string, GraphNode>,
    private readonly weights: ReadonlyMap<string, ConstantArray>,
    private readonly file: string,
  ) {}

  placeholder(node: GraphNode): void {
    const stated = node.shape('shape') ?? node.fail('shape', 'stated, which it must be for an input');
    if (stated.slice(1).some((d) => d < 1)) node.fail('shape', 'fixed on all axes but the batch');
    const shape = stated.map((d) => (d === -1 ? 1 : d));
    const type = node.type('dtype') === 'DT_FLOAT' ? 'float32' : 'int32';
    this.context.define(`${node.name}:0`, this.context.input(node.name, shape, type, { batchAxis: shape[0] === 1 ? 0 : null }));
    this.done.add(node.name);
  }

  /** Null = a value that cannot be imported. Nodes are imported when they are first asked for. */
  value({ node: name, index }: NodeOutput): SourceValue | null {
    const node = this.nodes.get(name);
    if (!node) throw new ModelFormatError(`${this.file}: node '${name}' is used, but not defined`);
    if (!this.done.has(name)) this.run(node);
    const value = this.context.lookup(`${name}:${index}`);
    if (value === undefined) throw new ModelFormatError(`${this.file}: ${node.op} '${name}' has no output ${index}`);
    return value;
  }

  /**
   * Depth first over an explicit stack, because real graphs are deeper than a call stack may be: a node is imported
   * when all of its inputs are.
   */
  private run(target: GraphNode): void {
    const stack = [target];
    while (stack.length > 0) {
      const node = stack.at(-1)!;
      const missing = node.inputs.map((i) => this.nodes.get(i.node)).filter((n) => n !== undefined && !this.done.has(n.name)) as GraphNode[];
      if (missing.length === 0) {
        this.importNode(stack.pop()!);
        continue;
      }
      this.open.add(node.name);
      const cycle = missing.find((n) => this.open.has(n.name));
      if (cycle) throw new ModelFormatError(`${this.file}: node '${cycle.name}' is part of a cycle`);
      stack.push(missing[0]!);
    }
  }

  private importNode(node: GraphNode): void {
    if (this.done.has(node.name)) return;
    this.done.add(node.name);
    this.open.delete(node.name);
    if (node.op === 'Const') {
      const weight = this.weights.get(node.name);
      if (!weight) throw new ModelFormatError(`${this.file}: Const '${node.name}' is missing from the weights`);
      this.context.define(`${node.name}:0`, this.context.constant(node.name, weight));
      return;
    }
    const inputs = node.inputs.map((i) => this.value(i));
    const count = outputCount(node);
    const giveUp = (): void => Array.from({ length: count }).forEach((_, i) => this.context.define(`${node.name}:${i}`, null));
    if (inputs.includes(null)) return giveUp();
    const importer = importers[node.op];
    const origin = this.context.origin(node.name, node.op);
    if (!importer) {
      this.context.report(origin, 'this operator is not imported', 'the operators listed in docs/tensorflow-operators.md');
      return giveUp();
    }
    const call = new NodeCall(this.context, node, origin, inputs as readonly SourceValue[], count);
    if (!this.context.attempt(origin, () => void (foldShapes(call) || importer(call)))) giveUp();
  }
}

/** Only the splitting operators have more than one output that anybody reads. */
function outputCount(node: GraphNode): number {
  if (node.op === 'Split' || node.op === 'SplitV') return node.int('num_split', 1);
  return node.op === 'Unpack' ? node.int('num', 1) : 1;
}
