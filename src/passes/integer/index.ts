/** Exact rewrites that hold for every target: no output bit changes for any input. */
import type { IntegerGraph } from '../../graph/integer.js';
import { findOperator } from '../../operators/index.js';
import { channelCount } from './channels.js';
import { foldDeadChannels } from './fold-dead-channels.js';
import { fuseClamps } from './fuse-clamps.js';
import { fuseTables } from './fuse-tables.js';
import { removeUnused } from './remove-unused.js';
import { tightenCodeRanges } from './tighten-code-ranges.js';

export interface Savings {
  readonly macsBefore: number;
  readonly macsAfter: number;
  /** Channels of activations that are gone, each tensor counted. */
  readonly channelsRemoved: number;
  /** Bytes of constants that are gone, less what biases by border class cost. */
  readonly weightBytesRemoved: number;
  /** One line a tensor that shrank. */
  readonly log: readonly string[];
}

export function optimizeIntegerGraph(before: IntegerGraph): { readonly graph: IntegerGraph; readonly savings: Savings } {
  const fused = fuseTables(fuseClamps(removeUnused(before)));
  const graph = tightenCodeRanges(foldDeadChannels(fused));
  return { graph, savings: savings(before, graph) };
}

function savings(before: IntegerGraph, after: IntegerGraph): Savings {
  const log: string[] = [];
  let channelsRemoved = 0;
  for (const tensor of before.tensors.values()) {
    if (tensor.constant) continue;
    const was = channelCount(tensor.shape);
    const now = after.tensors.get(tensor.id);
    const is = now ? channelCount(now.shape) : 0;
    if (is === was) continue;
    channelsRemoved += was - is;
    log.push(`'${tensor.name}': ${was - is} of ${was} channels are dead or constant`);
  }
  return { macsBefore: macs(before), macsAfter: macs(after), channelsRemoved, weightBytesRemoved: constantBytes(before) - constantBytes(after), log };
}

function macs(graph: IntegerGraph): number {
  return graph.nodes.reduce((sum, node) => sum + (findOperator(node.op)?.integer?.macs?.(node, graph) ?? 0), 0);
}

function constantBytes(graph: IntegerGraph): number {
  let bytes = 0;
  for (const tensor of graph.tensors.values()) bytes += tensor.constant?.data.byteLength ?? 0;
  return bytes;
}
