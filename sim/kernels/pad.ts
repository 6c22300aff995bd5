/** Elements around a tensor: a constant code, the edge, or the reflection without the edge. */
import type { PreparedKernel, SimKernel } from '../kernel.js';
import { copyKernel } from '../copy.js';
import { inputShape, integer, integerRows, outputShape, rowMajor, sourceIndices, steps } from '../nodes.js';

export const pad: SimKernel = (node, graph) => {
  const shape = inputShape(node, graph, 0);
  const amounts = integerRows(node, 'amounts');
  if (node.attributes['mode'] === 'constant') {
    const strides = rowMajor(outputShape(node, graph));
    return constantPad(sourceIndices(shape.map((d, i) => steps(d, strides[i]!, amounts[i]![0]! * strides[i]!))), integer(node, 'value'));
  }
  const strides = rowMajor(shape);
  const source = node.attributes['mode'] === 'edge' ? edge : reflection;
  return copyKernel(sourceIndices(shape.map((d, i) => steps(amounts[i]![0]! + d + amounts[i]![1]!, 1, -amounts[i]![0]!).map((p) => source(p, d) * strides[i]!))));
};

/** `targets` are the output elements that the input's elements go to. */
function constantPad(targets: Int32Array, value: number): PreparedKernel {
  return ([input], [output]) => {
    output!.fill(value);
    for (let i = 0; i < targets.length; i++) output![targets[i]!] = input![i]!;
  };
}

function edge(position: number, size: number): number {
  return position < 0 ? 0 : position >= size ? size - 1 : position;
}

function reflection(position: number, size: number): number {
  return position < 0 ? -position : position >= size ? 2 * size - 2 - position : position;
}
