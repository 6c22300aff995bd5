/**
 * How many bits every tensor gets. Operands of products (convolutions, dense layers, matmul) get the asked width; what
 * only sums, pools or tables read keeps 8 bits, as the papers leave it wide. First and last layers keep 8 bits: their
 * weights, the network's inputs, the last layers' inputs, and everything after them. Widths above 8 bits go to every
 * activation instead, ports included, save what softmax reads and writes.
 */
import { UsageError } from '../errors.js';
import { tensorOf, type FloatGraph, type FloatNode, type TensorId } from '../graph/float.js';
import { findOperator } from '../operators/index.js';
import type { ScaleGroup } from './rules.js';
import { BYTE_BITS } from './scales.js';
import { canBeWide, reachedFrom } from './wide.js';

export interface BitWidths {
  readonly weightBits: number;
  readonly activationBits: number;
}

export interface WidthOptions {
  /** Bits of first and last layers, 8 unless given. */
  readonly edgeBits?: number;
  /**
   * Layer (its name in the model file) → `wNaM`: its weights and the activation that it reads. Wins over every rule. More than
   * 8 bits of a last layer are also those of what it writes: a regression head.
   */
  readonly layers?: Readonly<Record<string, string>>;
}

export interface Widths {
  weights(node: FloatNode): number;
  activations(group: ScaleGroup): number;
  /** Of a constant that stands where an activation may. */
  constants(id: TensorId): number;
}

const WIDTHS = 'available: w8a8, or any of w2…w8 with a2…a16, for instance w4a8, w4a4 or w8a16';

/** `w8a8` → 8 and 8. */
export function parseBits(bits: string): BitWidths {
  const match = /^w([2-8])a([2-9]|1[0-6])$/.exec(bits);
  if (!match) throw new UsageError(`--bits ${bits} is not available`, { hint: WIDTHS });
  return { weightBits: Number(match[1]), activationBits: Number(match[2]) };
}

export function planWidths(graph: FloatGraph, bits: BitWidths, { edgeBits = BYTE_BITS, layers = {} }: WidthOptions = {}): Widths {
  const own = layerWidths(graph, layers);
  const products = graph.nodes.filter(isProduct);
  const { first, last } = edges(graph, products);
  const fed = new Set(graph.inputs.map((port) => port.tensor));
  const atEdge = Math.max(edgeBits, bits.activationBits);
  const heads = headWidths(graph, last, own);
  const forcedBits = (readers: readonly FloatNode[], members: readonly TensorId[]): number =>
    Math.max(0, ...readers.flatMap((node) => own.get(node)?.activationBits ?? []), ...members.flatMap((id) => heads.get(id) ?? []));
  return {
    weights: (node) => own.get(node)?.weightBits ?? (first.has(node) || last.has(node) ? Math.max(edgeBits, bits.weightBits) : bits.weightBits),
    activations({ members, fixed }) {
      const group = new Set(members);
      const readers = products.filter((node) => activationInputs(node).some((id) => group.has(id)));
      const forced = forcedBits(readers, members);
      const asked = forced || bits.activationBits;
      if (asked > BYTE_BITS) return canBeWide(graph, group, fixed, forced > 0) ? asked : BYTE_BITS;
      if (forced > 0 && !fixed) return forced;
      if (fixed || readers.length === 0 || members.some((id) => fed.has(id))) return BYTE_BITS;
      return readers.some((node) => last.has(node)) ? atEdge : bits.activationBits;
    },
    constants: (id) => (bits.activationBits > BYTE_BITS && !products.some((node) => node.inputs.includes(id)) ? bits.activationBits : BYTE_BITS),
  };
}

function layerWidths(graph: FloatGraph, layers: Readonly<Record<string, string>>): ReadonlyMap<FloatNode, BitWidths> {
  const widths = new Map<FloatNode, BitWidths>();
  for (const [name, bits] of Object.entries(layers)) {
    const found = graph.nodes.filter((node) => isProduct(node) && (node.origin.nodeName === name || node.id === name));
    const names = graph.nodes.filter(isProduct).map((node) => node.origin.nodeName);
    if (found.length === 0) throw new UsageError(`bit widths are given for '${name}', which is no layer with weights`, { hint: `layers: ${names.join(', ')}` });
    for (const node of found) widths.set(node, parseBits(bits));
  }
  return widths;
}

/** First and last layers of products. */
export function edgeLayers(graph: FloatGraph): { readonly first: ReadonlySet<FloatNode>; readonly last: ReadonlySet<FloatNode> } {
  return edges(graph, graph.nodes.filter(isProduct));
}

/** Weighted layers that no weighted layer comes before, and those that none comes after. */
function edges(graph: FloatGraph, products: readonly FloatNode[]): { readonly first: ReadonlySet<FloatNode>; readonly last: ReadonlySet<FloatNode> } {
  const behind = reached(graph.nodes, (node) => node.inputs, (node) => node.outputs);
  const ahead = reached([...graph.nodes].reverse(), (node) => node.outputs, (node) => node.inputs);
  return { first: new Set(products.filter((node) => !behind.has(node))), last: new Set(products.filter((node) => !ahead.has(node))) };
}

/** Tensors behind last layers that were given more than 8 activation bits → those bits. */
function headWidths(graph: FloatGraph, last: ReadonlySet<FloatNode>, own: ReadonlyMap<FloatNode, BitWidths>): ReadonlyMap<TensorId, number> {
  const heads = new Map<TensorId, number>();
  for (const [node, { activationBits }] of own) {
    if (activationBits > BYTE_BITS && last.has(node)) for (const id of reachedFrom(graph, node)) heads.set(id, activationBits);
  }
  return heads;
}

/** Nodes that a product lies before, in the direction of `nodes`. */
function reached(nodes: readonly FloatNode[], from: (node: FloatNode) => readonly TensorId[], to: (node: FloatNode) => readonly TensorId[]): ReadonlySet<FloatNode> {
  const tensors = new Set<TensorId>();
  const found = new Set<FloatNode>();
  for (const node of nodes) {
    if (from(node).some((id) => tensors.has(id))) found.add(node);
    if (found.has(node) || isProduct(node)) for (const id of to(node)) tensors.add(id);
  }
  return found;
}

/** Convolutions, dense layers, matrix products. */
export function isProduct(node: FloatNode): boolean {
  return node.op === 'matmul' || findOperator(node.op)?.float?.weights !== undefined;
}

export function activationInputs(node: FloatNode): readonly TensorId[] {
  const roles = findOperator(node.op)?.float?.weights;
  return node.inputs.filter((_, i) => i !== roles?.input && i !== roles?.bias);
}

/** The layer's constant weights, undefined where it has none. */
export function constantWeights(graph: FloatGraph, node: FloatNode): TensorId | undefined {
  const roles = findOperator(node.op)?.float?.weights;
  const id = roles && node.inputs[roles.input];
  return id !== undefined && tensorOf(graph, id).data ? id : undefined;
}
