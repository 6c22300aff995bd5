/**
 * Which channel of a layer's output every element of a tensor behind it holds: followed through what only moves elements,
 * through pools, and through the product of softmax and values, whose rows sum to one, so that a shift of a channel passes.
 */
import { elementCount, type FloatNode } from '../../../graph/float.js';
import type { GraphEditor } from '../editor.js';
import { gathered, gatherIndices } from '../permutations.js';

/** One channel an element, row-major. */
export type Labels = Int32Array;

export function channelLabels(shape: readonly number[]): Labels {
  const channels = shape.at(-1)!;
  return Int32Array.from({ length: elementCount(shape) }, (_, i) => i % channels);
}

/** The labels of the node's output from those of its input `at`; null where the node does more than carry channels. */
export function labelsBehind(editor: GraphEditor, node: FloatNode, at: number, labels: Labels): Labels | null {
  const shape = editor.shape(node.inputs[at]!);
  switch (node.op) {
    case 'reshape':
      return labels;
    case 'transpose':
      return gathered(labels, gatherIndices(shape, node.attributes['permutation'] as readonly number[]));
    case 'slice':
      return gathered(labels, boxIndices(node, shape));
    case 'max-pool2d':
    case 'average-pool2d':
      return isPlainPool(node) ? pooled(labels, shape.at(-1)!, editor.shape(node.outputs[0]!)) : null;
    case 'matmul':
      return at === 1 && isWeighing(editor, node) ? averaged(labels, shape, editor.shape(node.outputs[0]!)) : null;
    default:
      return null;
  }
}

function boxIndices(node: FloatNode, shape: readonly number[]): Int32Array {
  const { starts, sizes, steps } = node.attributes as unknown as Record<'starts' | 'sizes' | 'steps', readonly number[]>;
  return Int32Array.from({ length: elementCount(sizes) }, (_, index) => {
    let [rest, flat, stride] = [index, 0, 1];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      flat += (starts[axis]! + (rest % sizes[axis]!) * steps[axis]!) * stride;
      rest = Math.floor(rest / sizes[axis]!);
      stride *= shape[axis]!;
    }
    return flat;
  });
}

function isPlainPool({ attributes }: FloatNode): boolean {
  return !attributes['activation'] && (attributes['pad'] as readonly number[]).every((amount) => amount === 0);
}

/** The channel of an element is its last index, on both sides of a pool. */
function pooled(labels: Labels, channels: number, shape: readonly number[]): Labels | null {
  const columns = columnLabels(labels, channels);
  return columns && Int32Array.from({ length: elementCount(shape) }, (_, i) => columns[i % channels]!);
}

/** Every row of the first operand sums to one. */
function isWeighing(editor: GraphEditor, { inputs, attributes }: FloatNode): boolean {
  const weights = editor.producer(inputs[0]!, 'softmax');
  if (!weights || attributes['transposeA'] || attributes['transposeB']) return false;
  const rank = editor.shape(inputs[0]!).length;
  return weights.attributes['axis'] === rank - 1 && editor.shape(inputs[1]!).length === rank;
}

/** Values [..., K, N] → [..., M, N]: a column must hold one channel all the way down. */
function averaged(labels: Labels, values: readonly number[], output: readonly number[]): Labels | null {
  const [depth, columns] = values.slice(-2) as [number, number];
  const rows = output.at(-2)!;
  const matrices = labels.length / (depth * columns);
  if (elementCount(output) !== matrices * rows * columns) return null;
  const result = new Int32Array(matrices * rows * columns);
  for (let m = 0; m < matrices; m++) {
    const found = columnLabels(labels.subarray(m * depth * columns, (m + 1) * depth * columns), columns);
    if (!found) return null;
    for (let r = 0; r < rows; r++) result.set(found, (m * rows + r) * columns);
  }
  return result;
}

/** The one label of every index of the last axis, null where they differ. */
export function columnLabels(labels: Labels, columns: number): Labels | null {
  const first = labels.slice(0, columns);
  for (let i = columns; i < labels.length; i++) if (labels[i] !== first[i % columns]) return null;
  return first;
}
