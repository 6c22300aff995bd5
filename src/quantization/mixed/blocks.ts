/** What a width is chosen for: layers, joined where they must share one. */
import { elementCount, tensorOf, type FloatGraph, type FloatNode, type TensorId } from '../../graph/float.js';
import type { Arithmetic } from '../../operators/lower.js';
import { scaleGroups } from '../rules.js';
import { activationInputs, constantWeights, edgeLayers, parseBits, type WidthOptions } from '../widths.js';

export interface MixedLayer {
  readonly node: FloatNode;
  /** As the model file has it. */
  readonly name: string;
  readonly weights: TensorId;
  readonly parameters: number;
  /** Rising. One alone: first and last layers, and those that the user decides. */
  readonly widths: readonly number[];
  /** `wNaM` that the user gave. */
  readonly own: string | null;
}

export interface Block {
  /** In execution order. */
  readonly layers: readonly MixedLayer[];
  readonly widths: readonly number[];
  /** Activations that take the block's width too. */
  readonly activations: readonly TensorId[];
}

export interface BlockOptions extends WidthOptions {
  /** The input of a layer takes the width of its weights. */
  readonly both: boolean;
  readonly arith: Arithmetic;
}

const NARROWEST = 2;
const WIDEST = 8;

/**
 * One block a layer. Layers are joined where they read the same weights and, with `both`, where they read the same
 * activation: the shortcut of a residual block then has the width of its main path. What an add reads needs no common width
 * here: sums rescale each operand and read 8 bits.
 */
export function mixedBlocks(graph: FloatGraph, options: BlockOptions): readonly Block[] {
  const layers = mixedLayers(graph, options);
  const activations = options.both ? followingActivations(graph, layers, options.arith) : new Map<MixedLayer, readonly TensorId[]>();
  const blocks: { layers: MixedLayer[]; activations: Set<TensorId> }[] = [];
  for (const layer of layers) {
    const own = activations.get(layer) ?? [];
    const joined = blocks.filter((block) => block.layers.some((other) => other.weights === layer.weights) || own.some((id) => block.activations.has(id)));
    const block = { layers: [...joined.flatMap((b) => b.layers), layer], activations: new Set([...joined.flatMap((b) => [...b.activations]), ...own]) };
    blocks.splice(0, blocks.length, ...blocks.filter((b) => !joined.includes(b)), block);
  }
  const order = (block: { layers: readonly MixedLayer[] }) => layers.indexOf(block.layers[0]!);
  return blocks
    .sort((a, b) => order(a) - order(b))
    .map((block) => ({ layers: block.layers, activations: [...block.activations], widths: block.layers[0]!.widths.filter((w) => block.layers.every((layer) => layer.widths.includes(w))) }));
}

function mixedLayers(graph: FloatGraph, { edgeBits = WIDEST, layers: given = {} }: BlockOptions): readonly MixedLayer[] {
  const { first, last } = edgeLayers(graph);
  return graph.nodes.flatMap((node) => {
    const weights = constantWeights(graph, node);
    if (weights === undefined) return [];
    const name = node.origin.nodeName || node.id;
    const own = given[node.id] ?? given[name] ?? null;
    const least = first.has(node) || last.has(node) ? edgeBits : NARROWEST;
    const widths = own === null ? range(least, WIDEST) : [parseBits(own).weightBits];
    return [{ node, name, weights, parameters: elementCount(tensorOf(graph, weights).shape), widths, own }];
  });
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Groups that only layers with a choice read; the network's inputs, prescribed scales and inputs of fixed layers keep 8 bits. */
function followingActivations(graph: FloatGraph, layers: readonly MixedLayer[], arith: Arithmetic): ReadonlyMap<MixedLayer, readonly TensorId[]> {
  const fed = new Set(graph.inputs.map((port) => port.tensor));
  const groups = scaleGroups(graph, arith).filter(({ members, fixed }) => {
    const readers = layers.filter(({ node }) => activationInputs(node).some((id) => members.includes(id)));
    return fixed === null && !members.some((id) => fed.has(id)) && readers.every(({ widths }) => widths.length > 1);
  });
  return new Map(layers.map((layer) => [layer, groups.filter(({ members }) => activationInputs(layer.node).some((id) => members.includes(id))).flatMap(({ members }) => members)]));
}

/** For WidthOptions.layers: one width a block. */
export function layerWidthsOf(blocks: readonly Block[], bits: readonly number[]): Readonly<Record<string, string>> {
  const widths: Record<string, string> = {};
  blocks.forEach((block, i) => {
    const activation = block.activations.length > 0 ? bits[i]! : WIDEST;
    for (const { node, own } of block.layers) widths[node.id] = own ?? `w${bits[i]!}a${activation}`;
  });
  return widths;
}

/** Every width that some block may take. */
export function allWidths(blocks: readonly Block[]): readonly number[] {
  return [...new Set(blocks.flatMap((block) => block.widths))].sort((a, b) => a - b);
}

/** The width of a block in a network that has `bits` wherever it may. */
export function nearestWidth({ widths }: Block, bits: number): number {
  return Math.min(widths.at(-1)!, Math.max(widths[0]!, bits));
}
