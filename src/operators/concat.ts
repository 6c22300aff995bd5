/** Joins tensors along an axis. On integers all inputs have the output's scale: lowering rescales those that differ. */
import { laneBytes } from '../graph/integer.js';
import { elementCount } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { axisAttribute, shapeError, type AttributedNode } from './attributes.js';
import { lowerCopy } from './codes.js';
import { defineOperator } from './definition.js';
import { batched, commonType, expectInputs } from './float-tensors.js';
import { checkInteger, expectCopy, expectShape, nodeTensors } from './integer-checks.js';
import { cType, typeName } from './views.js';

/** Shape of the joined tensor; throws where the parts differ on another axis. */
function joinedShape(node: AttributedNode, shapes: readonly (readonly number[])[]): readonly number[] {
  const first = shapes[0]!;
  const axis = axisAttribute(node, 'axis', first.length);
  if (shapes.some((shape) => shape.length !== first.length || shape.some((d, i) => i !== axis && d !== first[i]))) {
    throw shapeError(node, `inputs ${shapes.map((s) => `[${s.join(', ')}]`).join(', ')} may differ on axis ${axis} alone`);
  }
  return first.map((d, i) => (i === axis ? shapes.reduce((sum, shape) => sum + shape[axis]!, 0) : d));
}

export const concat = defineOperator({
  name: 'concat',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1, Infinity);
      return [joinedShape(node, inputs.map((i) => i.shape))];
    },
    outputType: (_node, inputs) => commonType(inputs),
    evaluate(node, context) {
      const values = context.inputs.map((_, i) => batched(context, i));
      return [tf.concat(values, axisAttribute(node, 'axis', values[0]!.rank - 1) + 1)];
    },
    scaleRule: (node) => ({ kind: 'same', inputs: node.inputs.map((_, i) => i) }),
    lower(node, context) {
      const rank = context.float(node.outputs[0]!).shape.length;
      lowerCopy(node, context, { axis: axisAttribute(node, 'axis', rank) });
    },
  },
  integer: {
    verify(node, graph) {
      const { inputs, output } = nodeTensors(node, graph, 1, Infinity);
      expectShape(node, output, checkInteger(node, () => joinedShape(node, inputs.map((t) => t.shape))));
      for (const input of inputs) expectCopy(node, input, output);
    },
    kernels: [
      {
        family: 'portable',
        when: () => true,
        instantiate({ graph, group: [node] }) {
          const { inputs, output } = nodeTensors(node!, graph, 1, Infinity);
          const axis = axisAttribute(node!, 'axis', output.shape.length);
          const bytes = laneBytes(output.type);
          const parts = inputs.map((t, i) => {
            const chunk = elementCount(t.shape.slice(axis));
            return { pointer: `input${i}`, chunk, bytes: chunk * bytes };
          });
          const rows = elementCount(output.shape.slice(0, axis));
          return {
            family: 'portable',
            template: 'concat',
            stem: `concat_${typeName(output.type)}`,
            view: { type: cType(output.type), rows, isSingle: rows === 1, parts },
            arguments: [...node!.inputs.map((tensor) => ({ kind: 'input', tensor }) as const), { kind: 'output', tensor: output.id }],
            scratchBytes: 0,
            scalars: [],
          };
        },
      },
    ],
  },
});
