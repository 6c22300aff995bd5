/** Element-wise product, with NumPy broadcasting of the per-sample shapes. On integers (a − za)·(b − zb), requantized once: TFLite's sequence too. */
import { tf } from '../tensor/index.js';
import { binaryKernel, binaryTensors, verifyBinary } from './binary.js';
import { cmsisMul } from './cmsis-nn/elementwise.js';
import { isTflite } from './codes.js';
import { defineOperator } from './definition.js';
import { dspMul } from './dsp/mul.js';
import { broadcastShapes, commonType, evaluateBinary, expectInputs } from './float-tensors.js';
import { scaledInterval, zeroPoints } from './integer-checks.js';
import { activationAttribute } from './attributes.js';
import { mveMul } from './mve/mul.js';
import { shiftMul } from './shift/mul.js';
import { lowerUniformFactor } from './uniform-factor.js';
import { requantizeScalars, signedTerm } from './views.js';

const portable = binaryKernel('mul', (node, view) => {
  const [a, b] = zeroPoints(node, 2);
  return { view: { ...view, aTerm: signedTerm(-a!), bTerm: signedTerm(-b!) }, scalars: requantizeScalars(node.requantize!, node.bounds), variant: '' };
});

export const mul = defineOperator({
  name: 'mul',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 2);
      return [broadcastShapes(node, inputs[0]!.shape, inputs[1]!.shape)];
    },
    outputType: (_node, inputs) => commonType(inputs),
    evaluate: (node, context) => evaluateBinary(node, context, tf.mul),
    lower(node, context) {
      if (lowerUniformFactor(node, context)) return;
      const plans = node.inputs.map((id) => context.activation(id));
      context.emit({
        op: 'mul',
        inputs: node.inputs.map((id) => context.integer(id).id),
        outputs: [context.output(node.outputs[0]!).id],
        attributes: { variant: isTflite(context.arith) ? 'tflite' : 'dyadic', inputZeroPoints: plans.map((p) => p.zeroPoint) },
        requantize: context.requantize([plans[0]!.scale * plans[1]!.scale], context.activation(node.outputs[0]!), activationAttribute(node) ?? undefined),
        from: node,
      });
    },
  },
  integer: {
    verify(node, graph) {
      verifyBinary(node, graph);
      zeroPoints(node, 2);
    },
    bounds(node, graph) {
      const zeros = zeroPoints(node, 2);
      const [a, b] = binaryTensors(node, graph).inputs.map((t, i) => scaledInterval(t.codeRange, zeros[i]!, 1)) as [readonly [number, number], readonly [number, number]];
      const corners = a.flatMap((x) => b.map((y) => x * y + 0));
      return { accumulator: [[Math.min(...corners), Math.max(...corners)]], accumulatorBits: 32 };
    },
    kernels: [
      shiftMul,
      mveMul,
      dspMul(portable),
      cmsisMul,
      portable,
    ],
  },
});
