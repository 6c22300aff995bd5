/** Adds elements around a tensor: a constant, the mirror image without the edge (reflect), or the edge itself. */
import type { FloatNode } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { numberAttribute, shapeError, stringAttribute, type AttributedNode } from './attributes.js';
import { defineOperator } from './definition.js';
import { commonType, expectInputs, sampled, takeAll } from './float-tensors.js';

const modes = ['constant', 'reflect', 'edge'] as const;
type Amounts = readonly (readonly [number, number])[];

function padAmounts(node: AttributedNode, rank: number): Amounts {
  const value = node.attributes['amounts'];
  const isPair = (p: unknown): boolean => Array.isArray(p) && p.length === 2 && p.every((n) => Number.isInteger(n) && n >= 0);
  if (!Array.isArray(value) || value.length !== rank || !value.every(isPair)) {
    throw shapeError(node, `attribute 'amounts' must be ${rank} pairs of integers ≥ 0, it is ${JSON.stringify(value)}`);
  }
  return value as unknown as Amounts;
}

/** For every element of the padded axis the element of the input it copies. */
function sourceIndices(size: number, [before, after]: readonly [number, number], mode: 'reflect' | 'edge'): readonly number[] {
  return Array.from({ length: before + size + after }, (_, o) => {
    const i = o - before;
    if (mode === 'edge') return Math.min(Math.max(i, 0), size - 1);
    const reflected = Math.abs(i);
    return reflected < size ? reflected : 2 * (size - 1) - reflected;
  });
}

function checkReflect(node: FloatNode, shape: readonly number[], amounts: Amounts): void {
  if (amounts.some(([before, after], i) => before >= shape[i]! || after >= shape[i]!)) {
    throw shapeError(node, `reflect padding must be smaller than the axis: [${shape.join(', ')}] by ${JSON.stringify(amounts)}`);
  }
}

export const pad = defineOperator({
  name: 'pad',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      const { shape } = inputs[0]!;
      const amounts = padAmounts(node, shape.length);
      if (stringAttribute(node, 'mode', modes) === 'reflect') checkReflect(node, shape, amounts);
      return [shape.map((d, i) => amounts[i]![0] + d + amounts[i]![1])];
    },
    outputType: (_node, inputs) => commonType(inputs),
    evaluate(node, context) {
      const x = sampled(context, 0);
      const amounts = padAmounts(node, x.rank - 1);
      const mode = stringAttribute(node, 'mode', modes);
      if (mode === 'constant') return [tf.pad(x, [[0, 0], ...amounts.map(([b, a]): [number, number] => [b, a])], numberAttribute(node, 'value'))];
      return [takeAll(x, amounts.map((pair, axis) => sourceIndices(x.shape[axis + 1]!, pair, mode)))];
    },
    scaleRule: (node) => (stringAttribute(node, 'mode', modes) === 'constant' && node.attributes['value'] !== 0 ? { kind: 'own' } : { kind: 'same', inputs: [0] }),
  },
});
