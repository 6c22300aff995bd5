/** Both graphs as text, one line a node, for reading and for `diff`. */
import type { AttributeValue, FloatGraph, FloatTensor, GraphPort } from './float.js';
import type { IntegerGraph, IntegerNode, IntegerTensor, IntegerType, Requantize } from './integer.js';

/** `conv_1: conv2d(x float32[32,32,3], weights, bias) -> y float32[32,32,16] {pad=[1,1,1,1], strides=[1,1]}  # Conv` */
export function printFloatGraph(graph: FloatGraph): string {
  const tensor = (id: string): FloatTensor => graph.tensors.get(id)!;
  const lines = [`float graph ${graph.name} (${graph.source.format} ${graph.source.file}${graph.quantized ? ', quantized' : ''})`];
  for (const port of graph.inputs) lines.push(`input ${portText(port)}: ${floatTensorText(tensor(port.tensor))}`);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((id) => (tensor(id).data ? `const ${floatTensorText(tensor(id))}` : id)).join(', ');
    const outputs = node.outputs.map((id) => floatTensorText(tensor(id))).join(', ');
    lines.push(`${node.id}: ${node.op}(${inputs}) -> ${outputs}${attributesText(node.attributes)}  # ${node.origin.opType}`);
  }
  for (const port of graph.outputs) lines.push(`output ${portText(port)}: ${floatTensorText(tensor(port.tensor))}`);
  return `${lines.join('\n')}\n`;
}

/** As printFloatGraph, with types, code ranges, requantization and the widest accumulator. */
export function printIntegerGraph(graph: IntegerGraph): string {
  const tensor = (id: string): IntegerTensor => graph.tensors.get(id)!;
  const { provenance } = graph;
  const lines = [
    `integer graph ${graph.name} (${graph.origin.format} ${graph.origin.file})`,
    `provenance: method ${provenance.method}, bits ${provenance.bits}, arith ${provenance.arith}, seed ${provenance.seed}; ${graph.nominalMacs} nominal MACs`,
  ];
  for (const port of graph.inputs) lines.push(`input ${portText(port)}: ${integerTensorText(tensor(port.tensor))}${realText(tensor(port.tensor))}`);
  for (const state of graph.states) lines.push(`state ${state.read} <- ${state.write}, initially ${state.initial}`);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((id) => (tensor(id).constant ? `const ${integerTensorText(tensor(id))}` : id)).join(', ');
    const outputs = node.outputs.map((id) => integerTensorText(tensor(id))).join(', ');
    lines.push(`${node.id}: ${node.op}(${inputs}) -> ${outputs}${attributesText(node.attributes)}${requantizeText(node.requantize)}${boundsText(node)}`);
  }
  for (const port of graph.outputs) lines.push(`output ${portText(port)}: ${integerTensorText(tensor(port.tensor))}${realText(tensor(port.tensor))}`);
  return `${lines.join('\n')}\n`;
}

function portText(port: GraphPort): string {
  const order = port.permutation === null ? '' : ` order [${port.permutation.join(',')}]`;
  return `${port.name} [${port.sourceShape.join(',')}]${order}`;
}

function floatTensorText(t: FloatTensor): string {
  return `${t.id} ${t.type}[${t.shape.join(',')}]${t.quantization ? sourceScaleText(t.quantization) : ''}`;
}

function sourceScaleText(q: NonNullable<FloatTensor['quantization']>): string {
  const scale = q.axis === null ? `scale ${shortNumber(q.scale[0]!)} zero ${q.zeroPoint[0]}` : `${q.scale.length} scales`;
  return ` <${q.signed ? 'i' : 'u'}${q.bits} ${scale}>`;
}

/** `i8[10,12]` with the codes it can take, or the sum of a constant (which tells two of them apart). */
function integerTensorText(t: IntegerTensor): string {
  const [low, high] = t.codeRange;
  const range = t.constant ? ` sum ${sum(t.constant.data)}` : ` in ${low}..${high}`;
  return `${t.id} ${typeText(t.type)}[${t.shape.join(',')}]${range}`;
}

export function typeText(type: IntegerType): string {
  return `${type.signed ? 'i' : 'u'}${type.bits}${type.packed ? 'p' : ''}`;
}

function realText(t: IntegerTensor): string {
  if (t.real?.kind !== 'affine' || t.real.axis !== null) return '';
  return ` scale ${shortNumber(t.real.scale[0]!)} zero ${t.real.zeroPoint[0]}`;
}

function attributesText(attributes: { readonly [key: string]: AttributeValue }): string {
  const keys = Object.keys(attributes).sort();
  return keys.length === 0 ? '' : ` {${keys.map((key) => `${key}=${valueText(attributes[key]!)}`).join(', ')}}`;
}

function valueText(value: AttributeValue): string {
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map((v) => valueText(v as AttributeValue)).join(',')}]`;
  return `{${Object.entries(value).map(([key, v]) => `${key}=${valueText(v as AttributeValue)}`).join(',')}}`;
}

function requantizeText(r: Requantize | undefined): string {
  if (!r) return '';
  const multiplier = 'multiplier' in r ? ` multiplier ${span(r.multiplier)}` : '';
  const shift = 'shift' in r ? ` shift ${span(r.shift)}` : '';
  const rounding = r.mode === 'shift' ? ` ${r.rounding}` : '';
  return ` | ${r.mode}${multiplier}${shift}${rounding} +${r.zeroPoint} clamp ${r.clamp.join('..')}`;
}

function boundsText(node: IntegerNode): string {
  if (!node.bounds) return '';
  const low = node.bounds.accumulator.reduce((m, [a]) => Math.min(m, a), Infinity);
  const high = node.bounds.accumulator.reduce((m, [, b]) => Math.max(m, b), -Infinity);
  return ` | accumulator i${node.bounds.accumulatorBits} in ${low}..${high}`;
}

/** One value, or `first…last (n)`. */
function span(values: readonly number[]): string {
  return values.length === 1 ? String(values[0]) : `${Math.min(...values)}..${Math.max(...values)} (${values.length})`;
}

function shortNumber(value: number): string {
  return String(Number(value.toPrecision(7)));
}


function sum(codes: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < codes.length; i++) total += codes[i]!;
  return total;
}
