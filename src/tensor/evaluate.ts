/** Runs one node of a float graph on the current backend. */
import { PtqError, ShapeError } from '../errors.js';
import type { FloatDataType, FloatNode } from '../graph/float.js';
import type { EvaluateContext } from '../operators/definition.js';
import { operator } from '../operators/index.js';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Outputs of `node`, each [batch, ...outputShapes[i]]; the caller owns them and still owns the inputs.
 * Throws ShapeError (naming the user's layer) where the operator fails or returns another shape than it announced.
 */
export function evaluateNode(node: FloatNode, context: EvaluateContext): readonly tf.Tensor[] {
  const { float } = operator(node.op);
  if (!float) throw new ShapeError(`operator '${node.op}' has no float side`, { origin: node.origin });
  return tf.tidy(() => {
    const outputs = guarded(node, () => float.evaluate(node, context));
    return outputs.map((output, i) => {
      checkShape(node, output, [context.batch, ...context.outputShapes[i]!]);
      // An operator may hand an input through; ownership stays simple when every output is a tensor of its own.
      return context.inputs.some(({ value }) => value === output) ? tf.clone(output) : output;
    });
  });
}

/**
 * A node all of whose inputs are constants (no batch axis): the first input gets a batch axis of one, as an operator
 * expects of its activation, and the outputs lose it again.
 */
export function evaluateConstantNode(node: FloatNode, inputs: readonly tf.Tensor[], outputShapes: readonly (readonly number[])[]): tf.Tensor[] {
  return tf.tidy(() => {
    const context = inputs.map((value, i) => ({ value: i === 0 ? tf.expandDims(value, 0) : value, constant: i > 0, shape: value.shape }));
    const outputs = evaluateNode(node, { batch: 1, inputs: context, outputShapes });
    return outputs.map((output, i) => tf.reshape(output, [...outputShapes[i]!]));
  });
}

/** `data` as a tensor of the current backend; booleans are held as int32. */
export function upload(data: Float32Array | Int32Array, shape: readonly number[], type: FloatDataType): tf.Tensor {
  return tf.tensor(data, [...shape], type === 'float32' ? 'float32' : 'int32');
}

function guarded<T>(node: FloatNode, evaluate: () => T): T {
  try {
    return evaluate();
  } catch (cause) {
    if (cause instanceof PtqError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ShapeError(`'${node.origin.nodeName}' (${node.op}) cannot be evaluated: ${reason}`, { origin: node.origin, cause });
  }
}

function checkShape(node: FloatNode, output: tf.Tensor, expected: readonly number[]): void {
  if (output.shape.length === expected.length && expected.every((size, axis) => output.shape[axis] === size)) return;
  throw new ShapeError(`'${node.origin.nodeName}' (${node.op}) computes [${output.shape.join(', ')}] where [${expected.join(', ')}] was announced`, {
    origin: node.origin,
  });
}
