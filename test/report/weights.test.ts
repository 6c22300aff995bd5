import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bitsText, weightsText } from '../../src/report/weights.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { DEFAULT_SCHEDULE_OPTIONS } from '../../src/schedule/index.js';
import { IntegerGraphBuilder } from '../support/integer-graphs.js';

const test = suite('report/weights');

/** Two dense layers, 8 → 4 → 2: 32 and 8 weights of so many terms, null for plain integers. */
function graph(terms: readonly [number, number] | null): IntegerGraph {
  const builder = new IntegerGraphBuilder('two');
  const dense = (name: string, from: string, depth: number, outputs: number): string =>
    builder.node('dense', name, [from, builder.constant(`${name}/w`, [outputs, depth], new Int8Array(outputs * depth).fill(2)), builder.constant(`${name}/b`, [outputs], new Int32Array(outputs))], {
      attributes: { inputZeroPoint: 0 },
      requantize: { mode: 'shift', shift: [4], rounding: 'halfUp', zeroPoint: 0, clamp: [-128, 127] },
      shape: [outputs],
    });
  builder.input('x', [8]);
  const plain = builder.build([dense('second', dense('first', 'x', 8, 4), 4, 2)]);
  const provenance = { ...plain.provenance, bits: 'w8a8' };
  if (!terms) return { ...plain, provenance };
  const tensors = new Map(plain.tensors);
  for (const [i, name] of ['first', 'second'].entries()) {
    const tensor = tensors.get(`${name}/w`)!;
    tensors.set(tensor.id, { ...tensor, constant: { ...tensor.constant!, encoding: { kind: 'shift', terms: terms[i]!, exponentBits: 3, perChannelShift: null } } });
  }
  return { ...plain, tensors, provenance: { ...provenance, arith: 'shift' } };
}

const said = (of: IntegerGraph, options = {}) => [weightsText({ graph: of, options: { ...DEFAULT_SCHEDULE_OPTIONS, ...options } }), bitsText(of)];

test('powers of two: the terms and bits of the mean weight, and the bits of activations', () => {
  assert.equal(said(graph([1, 1])), ['powers of two (1 term, 4 bits a weight)', 'a8']);
  assert.equal(said(graph([2, 1])), ['powers of two (1.8 terms, 7.2 bits a weight)', 'a8']);
  assert.equal(said(graph([2, 2]), { flashBudget: 900 }), ['powers of two (2 terms, 8 bits a weight) within 900 B', 'a8']);
});

test('plain weights: their layout in flash', () => {
  assert.equal(said(graph(null)), ['int8', 'w8a8']);
  assert.equal(said(graph(null), { weights: 'packed', winograd: true }), ['packed + winograd', 'w8a8']);
  assert.equal(said(graph(null), { flashBudget: 900 }), ['within 900 B', 'w8a8']);
});

test.run();
