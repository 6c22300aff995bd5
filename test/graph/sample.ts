/** A small integer graph of three layers, and copies of it with one thing changed. */
import type { IntegerGraph, IntegerNode, IntegerTensor, TensorId } from '../../src/graph/integer.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';

/** conv2d → requantized reshape → dense, int8. */
export function sampleGraph(): IntegerGraph {
  const random = new Random(1);
  const b = new IntegerGraphBuilder('sample');
  const x = b.input('x', [6, 5, 3], { scale: 0.1, zeroPoint: -3 });
  const w = b.constant('w', [4, 3, 3, 3], random.codes(new Int8Array(108), -127, 127), 8);
  const bias = b.constant('bias', [4], random.codes(new Int32Array(4), -1000, 1000), 32);
  const y = b.node('conv2d', 'y', [x, w, bias], {
    shape: [6, 5, 4],
    attributes: { strides: [1, 1], dilations: [1, 1], groups: 1, inputZeroPoint: -3, pad: { amounts: [1, 1, 1, 1], values: -3 } },
    requantize: { mode: 'dyadic', multiplier: [1234567890, 1134567890, 1034567890, 2034567890], shift: [40, 41, 40, 41], zeroPoint: 5, clamp: [5, 127] },
  });
  const flat = b.node('reshape', 'flat', [y], { shape: [120], attributes: { shape: [120] } });
  const v = b.constant('v', [2, 120], random.codes(new Int8Array(240), -127, 127), 8);
  const c = b.constant('c', [2], Int32Array.of(-5, 7), 32);
  const z = b.node('dense', 'z', [flat, v, c], {
    shape: [2],
    attributes: { inputZeroPoint: 5 },
    requantize: { mode: 'tfliteDouble', multiplier: [1500000000], shift: [-9], zeroPoint: 0, clamp: [-128, 127] },
  });
  return b.build([z]);
}

export function withTensor(graph: IntegerGraph, id: TensorId, change: Partial<IntegerTensor>): IntegerGraph {
  const tensors = new Map(graph.tensors);
  tensors.set(id, { ...tensors.get(id)!, ...change });
  return { ...graph, tensors };
}

export function withNode(graph: IntegerGraph, id: string, change: Partial<IntegerNode>): IntegerGraph {
  return { ...graph, nodes: graph.nodes.map((n) => (n.id === id ? { ...n, ...change } : n)) };
}
