/** `ptq-gen inspect MODEL`: what a model is made of and what could be done with it. Runs nothing, starts no backend. */
import { readFile } from 'node:fs/promises';
import { FileError, type UnsupportedNode } from '../errors.js';
import { loadModel } from '../frontends/index.js';
import type { FloatGraph, FloatNode, FloatTensor, GraphPort, SourceQuantization } from '../graph/float.js';
import { INTEGER_GRAPH_SCHEMA, type IntegerGraph, type IntegerNode, type IntegerTensor } from '../graph/integer.js';
import { printFloatGraph, printIntegerGraph, typeText } from '../graph/print.js';
import { loadIntegerGraph } from '../graph/serialize.js';
import { operator } from '../operators/index.js';
import { optimizeFloatGraph } from '../passes/float/index.js';
import { table } from '../report/terminal.js';

export interface InspectOptions {
  /** Also the whole graph, one line a node. */
  readonly graph?: boolean;
}

/** One line of the table. */
interface Layer {
  readonly name: string;
  readonly op: string;
  readonly output: string;
  readonly parameters: number;
  readonly macs: number;
}

const number = new Intl.NumberFormat('en-US');

/** The text of the report. Throws what loading the model throws: UnsupportedOperatorError names every node at once. */
export async function inspectCommand(path: string, options: InspectOptions = {}): Promise<string> {
  return (await isIntegerGraph(path)) ? inspectInteger(loadIntegerGraph(path), options) : inspectFloat(await loadModel(path), options);
}

async function isIntegerGraph(path: string): Promise<boolean> {
  if (path.endsWith('.ptq.json')) return true;
  if (!path.endsWith('.json')) return false;
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new FileError(`cannot read '${path}'`, { cause, hint: 'is the path right?' });
  });
  return text.slice(0, 200).includes(INTEGER_GRAPH_SCHEMA);
}

function inspectFloat(imported: FloatGraph, options: InspectOptions): string {
  const { graph } = optimizeFloatGraph(imported);
  const tensor = (id: string): FloatTensor => graph.tensors.get(id)!;
  const seen = new Set<string>();
  const layers = graph.nodes.map((node): Layer => {
    const inputs = node.inputs.map(tensor);
    const outputs = node.outputs.map((id) => tensor(id).shape);
    const weights = node.inputs.filter((id) => tensor(id).type === 'float32' && tensor(id).data && !seen.has(id));
    weights.forEach((id) => seen.add(id));
    return {
      name: node.id,
      op: operatorText(node),
      output: outputs.map((s) => s.join('x')).join(' '),
      parameters: weights.reduce((sum, id) => sum + tensor(id).data!.length, 0),
      macs: operator(node.op).float!.macs?.(node, inputs, outputs) ?? 0,
    };
  });
  const lines = [
    `${graph.name}: ${graph.source.format} model, sha256 ${graph.source.sha256.slice(0, 16)}…, ${kindText(graph)}`,
    ...graph.inputs.map((port) => `input   ${portText(port, typeOf(tensor(port.tensor)), tensor(port.tensor).quantization)}`),
    ...graph.outputs.map((port) => `output  ${portText(port, typeOf(tensor(port.tensor)), tensor(port.tensor).quantization)}`),
    '',
    layerTable(layers),
    '',
    operatorLine(graph.nodes, imported.nodes.length),
    ...nominalLine(graph, layers),
    ...unquantizableLines(unquantizable(graph)),
  ];
  return `${lines.join('\n')}\n${options.graph ? `\n${printFloatGraph(graph)}` : ''}`;
}

/** Where fewer products are left than the imported model has. */
function nominalLine({ nominalMacs = 0 }: FloatGraph, layers: readonly Layer[]): string[] {
  const left = layers.reduce((sum, { macs }) => sum + macs, 0);
  return left < nominalMacs ? [`${number.format(nominalMacs)} nominal MACs of the imported model, of which ${number.format(nominalMacs - left)} make what nobody reads and are left out`] : [];
}

function kindText(graph: FloatGraph): string {
  if (graph.quantized) return 'already quantized (its scales and codes are kept)';
  const coded = [...graph.tensors.values()].some((t) => t.quantization?.codes);
  return coded ? 'float with quantized weights (their codes are kept)' : 'float';
}

/** What the firmware will take: codes where the file states them. */
function typeOf(tensor: FloatTensor): string {
  const q = tensor.quantization;
  return q ? `${q.signed ? 'i' : 'u'}${q.bits}` : tensor.type;
}

/** `unary` says little without its function. */
function operatorText(node: FloatNode): string {
  const name = node.attributes['function'];
  return typeof name === 'string' ? `${node.op} ${name}` : node.op;
}

/** Nodes whose operator computes in float only so far. */
function unquantizable(graph: FloatGraph): UnsupportedNode[] {
  return graph.nodes
    .filter((node) => !operator(node.op).float?.lower)
    .map((node) => ({ origin: node.origin, reason: `${operatorText(node)} has no integer form yet` }));
}

function unquantizableLines(nodes: readonly UnsupportedNode[]): string[] {
  if (nodes.length === 0) return ['every operator can be quantized'];
  return [`${nodes.length} node(s) cannot be quantized yet:`, ...nodes.map((n) => `  ${n.origin.opType} '${n.origin.nodeName}': ${n.reason}`)];
}

function inspectInteger(graph: IntegerGraph, options: InspectOptions): string {
  const tensor = (id: string): IntegerTensor => graph.tensors.get(id)!;
  const seen = new Set<string>();
  const layers = graph.nodes.map((node): Layer => {
    const constants = node.inputs.filter((id) => tensor(id).constant && !seen.has(id));
    constants.forEach((id) => seen.add(id));
    return {
      name: node.id,
      op: node.op,
      output: node.outputs.map((id) => `${typeText(tensor(id).type)} ${tensor(id).shape.join('x')}`).join(' '),
      parameters: constants.reduce((sum, id) => sum + tensor(id).constant!.data.length, 0),
      macs: operator(node.op).integer?.macs?.(node, graph) ?? 0,
    };
  });
  const { provenance } = graph;
  const bytes = [...graph.tensors.values()].reduce((sum, t) => sum + (t.constant?.data.byteLength ?? 0), 0);
  const lines = [
    `${graph.name}: integer graph of ${graph.origin.file}, method ${provenance.method}, bits ${provenance.bits}, arithmetic ${provenance.arith}, seed ${provenance.seed}`,
    ...graph.inputs.map((port) => `input   ${portText(port, typeText(tensor(port.tensor).type), affineOf(tensor(port.tensor)))}`),
    ...graph.outputs.map((port) => `output  ${portText(port, typeText(tensor(port.tensor).type), affineOf(tensor(port.tensor)))}`),
    '',
    layerTable(layers),
    '',
    `${number.format(bytes)} bytes of constants; ${number.format(graph.nominalMacs)} nominal MACs of the imported model; ${accumulatorText(graph.nodes)}`,
    operatorLine(graph.nodes, null),
  ];
  return `${lines.join('\n')}\n${options.graph ? `\n${printIntegerGraph(graph)}` : ''}`;
}

function affineOf(tensor: IntegerTensor): Pick<SourceQuantization, 'scale' | 'zeroPoint' | 'axis'> | undefined {
  return tensor.real?.kind === 'affine' ? tensor.real : undefined;
}

/** The widest proven accumulator, in bits. */
function accumulatorText(nodes: readonly IntegerNode[]): string {
  const limits = nodes.flatMap((n) => n.bounds?.accumulator.flat() ?? []);
  const widest = limits.reduce((m, v) => Math.max(m, v < 0 ? -v - 1 : v), 0);
  return `accumulators of at most ${Math.ceil(Math.log2(widest + 1)) + 1} bits`;
}

function portText(port: GraphPort, type: string, quantization: Pick<SourceQuantization, 'scale' | 'zeroPoint' | 'axis'> | undefined): string {
  const scale = quantization && quantization.axis === null ? `, scale ${Number(quantization.scale[0]!.toPrecision(7))}, zero point ${quantization.zeroPoint[0]}` : '';
  return `${port.name} [${port.sourceShape.join(', ')}] ${type}${scale}`;
}

function layerTable(layers: readonly Layer[]): string {
  const total = layers.reduce((sum, l) => ({ parameters: sum.parameters + l.parameters, macs: sum.macs + l.macs }), { parameters: 0, macs: 0 });
  const share = (macs: number): string => (total.macs === 0 || macs === 0 ? '' : `${((100 * macs) / total.macs).toFixed(1)} %`);
  const count = (n: number): string => (n === 0 ? '' : number.format(n));
  const rows = layers.map((l) => [shorten(l.name), l.op, l.output, count(l.parameters), count(l.macs), share(l.macs)]);
  rows.push(['total', '', '', number.format(total.parameters), number.format(total.macs), '']);
  return table(['layer', 'operator', 'output', 'parameters', 'MACs', 'share'], rows, [3, 4, 5]);
}

/** Long scoped names keep their end, which tells them apart. */
function shorten(name: string, length = 44): string {
  return name.length <= length ? name : `…${name.slice(name.length - length + 1)}`;
}

function operatorLine(nodes: readonly { readonly op: string }[], imported: number | null): string {
  const counts = new Map<string, number>();
  for (const node of nodes) counts.set(node.op, (counts.get(node.op) ?? 0) + 1);
  const list = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([op, n]) => `${op} ${n}`);
  const from = imported === null || imported === nodes.length ? '' : ` (from ${imported} imported)`;
  return `${nodes.length} nodes${from}: ${list.join(', ')}`;
}
