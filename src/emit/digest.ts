/** sha256 of everything in an IntegerGraph that decides an output bit or a generated symbol; no path, no real meaning. */
import { createHash } from 'node:crypto';
import type { IntegerGraph } from '../graph/integer.js';

export function graphDigest(graph: IntegerGraph): string {
  const hash = createHash('sha256');
  const { name, inputs, outputs, states } = graph;
  hash.update(JSON.stringify({ name, inputs, outputs, states }));
  for (const node of graph.nodes) {
    const { id, op, attributes, requantize } = node;
    hash.update(JSON.stringify({ id, op, inputs: node.inputs, outputs: node.outputs, attributes, requantize }));
  }
  for (const { id, shape, type, codeRange, constant } of graph.tensors.values()) {
    hash.update(JSON.stringify({ id, shape, type, codeRange, encoding: constant?.encoding }));
    if (constant) hash.update(new Uint8Array(constant.data.buffer, constant.data.byteOffset, constant.data.byteLength));
  }
  return hash.digest('hex');
}
