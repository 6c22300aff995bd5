/** Random linear layers under the arithmetic 'shift'. */
import type { IntegerGraph, Requantize } from '../../src/graph/integer.js';
import { shiftGrid, shiftWeightBits } from '../../src/operators/shift/weights.js';
import { proveNode } from '../../src/quantization/index.js';
import { Random } from './integer-graphs.js';
import { type LinearCase, rangeOf } from './linear-cases.js';

/** Half the cases: weights that are sums of powers of two, beyond a byte. */
function withShiftWeights(graph: IntegerGraph, random: Random): IntegerGraph {
  const weights = graph.tensors.get(graph.nodes[0]!.inputs[1]!)!;
  const grid = { terms: random.integer(1, 3), exponentBits: random.integer(1, 3) };
  const values = shiftGrid(grid);
  const data = Int16Array.from(weights.constant!.data, () => random.pick([...values]));
  const tensor = {
    ...weights,
    type: { ...weights.type, bits: Math.max(9, shiftWeightBits(grid)) },
    codeRange: [Math.min(...data), Math.max(...data)] as const,
    constant: { encoding: { kind: 'shift' as const, ...grid, perChannelShift: null }, data },
  };
  return { ...graph, tensors: new Map([...graph.tensors, [tensor.id, tensor]]) };
}

/** The same layer with one shift a channel, or one for all. */
export function shiftedCase(one: LinearCase, random: Random): LinearCase {
  const { name } = one;
  const graph = random.next() < 0.5 ? withShiftWeights(one.graph, random) : one.graph;
  const [node] = graph.nodes as readonly [IntegerGraph['nodes'][number]];
  const output = graph.tensors.get(node.outputs[0]!)!;
  const [low, high] = rangeOf(output.type);
  const { accumulator } = proveNode(node, graph).bounds!;
  const places = accumulator.map(([least, most]) => Math.max(0, Math.ceil(Math.log2(Math.max(-least, most, 1) / (high - low))) - random.integer(0, 3)));
  const requantize: Requantize = {
    mode: 'shift',
    shift: random.next() < 0.3 ? [Math.max(...places)] : places,
    rounding: random.pick(['halfUp', 'halfUp', 'floor']),
    zeroPoint: random.integer(Math.max(low, -128), Math.min(high, 127)),
    clamp: random.pick([[low, high] as const, [low, random.integer(1, high)] as const]),
  };
  const proven = proveNode({ ...node, requantize }, graph);
  return { ...one, name, graph: { ...graph, nodes: [proven], provenance: { ...graph.provenance, arith: 'shift' } } };
}

/** Cases of 16-bit inputs have no kernel here. */
export function narrow(make: (random: Random, name: string) => LinearCase): (random: Random, name: string) => LinearCase {
  return (random, name) => {
    for (;;) {
      const one = make(random, name);
      if (one.graph.tensors.get('x')!.type.bits <= 8) return one;
    }
  };
}

export function drawn(seed: number, count: number, make: (random: Random, name: string) => LinearCase): LinearCase[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => shiftedCase(make(random, `case ${i} of seed ${seed}`), random));
}
