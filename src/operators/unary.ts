/** Any function of one variable. On integers it is a table with one entry a code, or straight lines between knots for codes of more than 8 bits. */
import type { FloatNode } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { numberAttribute, stringAttribute } from './attributes.js';
import { codeOf, isTflite } from './codes.js';
import { typeRange } from '../graph/lanes.js';
import { defineOperator } from './definition.js';
import { dspTable } from './dsp/tables.js';
import { expectInputs, sampled } from './float-tensors.js';
import type { ActivationPlan, LowerContext } from './lower.js';
import { mveTable } from './mve/tables.js';
import { shiftUnary } from './shift/unary.js';
import { knotPlaces, tableEntries, tableKernel, verifyTable } from './table-kernel.js';
import { tfliteTable } from './tflite-tables.js';
import { unaryFunctions, unaryScalar, unaryTensor } from './unary-functions.js';

function functionOf(node: FloatNode) {
  return stringAttribute(node, 'function', unaryFunctions);
}

/** One code an input code or knot: TFLite's own sequence where it has one, else the function in double precision, rounded half away. */
function tableOf(node: FloatNode, context: LowerContext, input: ActivationPlan, output: ActivationPlan): number[] {
  const spacing = 2 ** knotPlaces(input.bits);
  const codes = Array.from({ length: tableEntries(input.bits) }, (_, i) => typeRange(input)[0] + i * spacing);
  const alpha = numberAttribute(node, 'alpha');
  const own = isTflite(context.arith) ? tfliteTable(functionOf(node), codes, input, output, context, alpha) : null;
  return own ?? codes.map((code) => codeOf(unaryScalar(functionOf(node), input.scale * (code - input.zeroPoint), alpha, numberAttribute(node, 'beta')), output));
}

const portable = tableKernel('unary', () => 1);

export const unary = defineOperator({
  name: 'unary',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      functionOf(node);
      return [inputs[0]!.shape];
    },
    evaluate(node, context) {
      return [unaryTensor(functionOf(node), tf.cast(sampled(context, 0), 'float32'), numberAttribute(node, 'alpha'), numberAttribute(node, 'beta'))];
    },
    scaleRule(node) {
      // Ranges that the function itself fixes, as TFLite has them: they can never clip.
      switch (functionOf(node)) {
        case 'sigmoid': return { kind: 'fixed', scale: 1 / 256, zeroPoint: -128, largest: 1 };
        case 'tanh': return { kind: 'fixed', scale: 1 / 128, zeroPoint: 0, largest: 1 };
        default: return { kind: 'own' };
      }
    },
    lower(node, context) {
      const input = context.activation(node.inputs[0]!);
      const output = context.activation(node.outputs[0]!);
      const codes = tableOf(node, context, input, output);
      const data = output.bits > 8 ? Int32Array.from(codes) : output.signed ? Int8Array.from(codes) : Uint8Array.from(codes);
      const x = context.integer(node.inputs[0]!);
      const y = context.output(node.outputs[0]!);
      const table = context.constant(`${node.id}:table`, [codes.length], output.bits, output.signed, data, y.real);
      context.emit({ op: 'unary', inputs: [x.id, table], outputs: [y.id], attributes: {}, from: node });
    },
  },
  integer: {
    verify: (node, graph) => verifyTable(node, graph, 1),
    kernels: [shiftUnary(portable), mveTable('unary', () => 1), dspTable(portable), portable],
  },
});
