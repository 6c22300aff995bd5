/**
 * What is reconstructed at once: regions of the float graph that everything passes through one tensor into and out of
 * (residual blocks, inverted residuals, single layers), found where a single activation is alive.
 */
import { tensorOf, type FloatGraph, type FloatNode, type TensorId } from '../../graph/float.js';
import { constantWeights } from '../widths.js';

export interface Unit {
  /** Name of its last layer with weights, for people. */
  readonly name: string;
  /** In execution order. */
  readonly nodes: readonly FloatNode[];
  /** Activations from outside. */
  readonly inputs: readonly TensorId[];
  /** Activations that are read outside. */
  readonly outputs: readonly TensorId[];
}

export type Granularity = 'layer' | 'block';

/** Larger regions (a network with long skips) are taken layer by layer. */
const MOST_LAYERS = 8;

/** Units with at least one layer of constant weights, in execution order. */
export function findUnits(graph: FloatGraph, granularity: Granularity): readonly Unit[] {
  const hasWeights = (node: FloatNode): boolean => constantWeights(graph, node) !== undefined;
  const regions = joinSilent(cutRegions(graph), hasWeights);
  return regions
    .flatMap((nodes) => {
      const layers = nodes.filter(hasWeights);
      const isWhole = layers.length === 1 || (granularity === 'block' && layers.length <= MOST_LAYERS);
      return isWhole ? [nodes] : layers.map((node) => [node]);
    })
    .map((nodes) => unitOf(graph, nodes, hasWeights));
}

/** Runs of nodes between points where one activation alone is alive. */
function cutRegions(graph: FloatGraph): readonly (readonly FloatNode[])[] {
  const lastRead = lastReads(graph);
  const live = new Set(graph.inputs.map((port) => port.tensor));
  const regions: FloatNode[][] = [[]];
  graph.nodes.forEach((node, i) => {
    regions.at(-1)!.push(node);
    for (const id of node.outputs) live.add(id);
    for (const id of [...live]) if ((lastRead.get(id) ?? -1) <= i) live.delete(id);
    if (live.size <= 1) regions.push([]);
  });
  return regions.filter((nodes) => nodes.length > 0);
}

/** Tensor → index of the last node that reads it; outputs of the network are read at the end. */
export function lastReads(graph: FloatGraph): ReadonlyMap<TensorId, number> {
  const last = new Map<TensorId, number>();
  graph.nodes.forEach((node, i) => {
    for (const id of node.inputs) last.set(id, i);
  });
  for (const port of graph.outputs) last.set(port.tensor, graph.nodes.length);
  return last;
}

/** Functions of one element belong to the layer before, everything else without weights to the one behind. */
function joinSilent(regions: readonly (readonly FloatNode[])[], hasWeights: (node: FloatNode) => boolean): readonly (readonly FloatNode[])[] {
  const joined: FloatNode[][] = [];
  let waiting: FloatNode[] = [];
  for (const nodes of regions) {
    if (nodes.some(hasWeights)) {
      joined.push([...waiting, ...nodes]);
      waiting = [];
    } else if (joined.length > 0 && waiting.length === 0 && nodes.every((node) => node.op === 'unary' || node.op === 'clamp')) joined.at(-1)!.push(...nodes);
    else waiting.push(...nodes);
  }
  return joined;
}

function unitOf(graph: FloatGraph, nodes: readonly FloatNode[], hasWeights: (node: FloatNode) => boolean): Unit {
  const { inputs, outputs } = boundary(graph, nodes);
  return { name: nodes.filter(hasWeights).at(-1)!.origin.nodeName, nodes, inputs, outputs };
}

/** Activations that cross the edge of a set of nodes. */
export function boundary(graph: FloatGraph, nodes: readonly FloatNode[]): { readonly inputs: readonly TensorId[]; readonly outputs: readonly TensorId[] } {
  const inside = new Set(nodes);
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const readOutside = new Set([...graph.nodes.filter((node) => !inside.has(node)).flatMap((node) => node.inputs), ...graph.outputs.map((port) => port.tensor)]);
  const inputs = new Set(nodes.flatMap((node) => node.inputs).filter((id) => !made.has(id) && !tensorOf(graph, id).data));
  return { inputs: [...inputs], outputs: [...made].filter((id) => readOutside.has(id)) };
}
