/** Mean, sum or maximum over axes. */
import type { FloatNode } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { booleanAttribute, integersAttribute, normalizeAxis, shapeError, stringAttribute } from './attributes.js';
import { defineOperator } from './definition.js';
import { expectInputs, sampled } from './float-tensors.js';

const functions = ['mean', 'sum', 'max'] as const;

function reducedAxes(node: FloatNode, rank: number): readonly number[] {
  const axes = integersAttribute(node, 'axes').map((a) => normalizeAxis(node, a, rank));
  if (axes.length === 0 || new Set(axes).size !== axes.length) throw shapeError(node, `axes [${axes.join(', ')}] must be distinct and at least one`);
  return [...axes].sort((a, b) => a - b);
}

export const reduce = defineOperator({
  name: 'reduce',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      stringAttribute(node, 'function', functions);
      const { shape } = inputs[0]!;
      const axes = reducedAxes(node, shape.length);
      return [booleanAttribute(node, 'keepDims') ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i))];
    },
    evaluate(node, context) {
      const x = sampled(context, 0);
      const axes = reducedAxes(node, x.rank - 1).map((a) => a + 1);
      const reduce = { mean: tf.mean, sum: tf.sum, max: tf.max }[stringAttribute(node, 'function', functions)];
      return [reduce(x, axes, booleanAttribute(node, 'keepDims'))];
    },
    scaleRule: (node) => (stringAttribute(node, 'function', functions) === 'max' ? { kind: 'same', inputs: [0] } : { kind: 'own' }),
  },
});
