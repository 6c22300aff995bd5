/**
 * Attention as one step: matmul, softmax and matmul, a row of queries at a time, so that of the scores [heads, rows, keys] only one
 * row ever exists. It is for the least memory: the matmuls alone widen their operands once and are faster.
 */
import { elementCount } from '../graph/float.js';
import { constantCodes, integerTensor, type IntegerGraph, type IntegerNode, type IntegerTensor } from '../graph/integer.js';
import { typeRange } from '../graph/lanes.js';
import { axisAttribute, integerAttribute } from './attributes.js';
import { zeroPoints } from './integer-checks.js';
import type { Kernel, KernelArgument, KernelContext, KernelOverlap } from './kernel.js';
import { type Access, mayShare, overlapDistance } from './overlap.js';
import { cType, requantizeScalars, requantizeView, signedTerm, typeName } from './views.js';

export interface Attention {
  readonly query: IntegerTensor;
  readonly keys: IntegerTensor;
  readonly scores: IntegerTensor;
  readonly shares: IntegerTensor;
  readonly values: IntegerTensor;
  readonly output: IntegerTensor;
}

const bytes = ({ type }: IntegerTensor) => type.bits <= 8 && !type.packed;
const matrices = ({ shape }: IntegerTensor) => elementCount(shape.slice(0, -2));

/** Null where the three nodes are no attention in rows of bytes, head by head. */
export function attentionOf(group: readonly IntegerNode[], graph: IntegerGraph): Attention | null {
  const [first, middle, last] = group as readonly [IntegerNode, IntegerNode, IntegerNode];
  if (first.op !== 'matmul' || middle.op !== 'softmax' || last.op !== 'matmul') return null;
  if (middle.inputs[0] !== first.outputs[0] || last.inputs[0] !== middle.outputs[0] || last.inputs[1] === middle.outputs[0]) return null;
  const [query, keys, scores, shares, values, output] = [...first.inputs, first.outputs[0]!, middle.outputs[0]!, last.inputs[1]!, last.outputs[0]!].map((id) => integerTensor(graph, id)) as [IntegerTensor, IntegerTensor, IntegerTensor, IntegerTensor, IntegerTensor, IntegerTensor];
  const all = { query, keys, scores, shares, values, output };
  const plain = first.attributes['transposeA'] !== true && last.attributes['transposeA'] !== true && middle.attributes['variant'] === 'dyadic' && middle.attributes['twin'] === undefined;
  const inRows = axisAttribute(middle, 'axis', scores.shape.length) === scores.shape.length - 1;
  const sameHeads = new Set(Object.values(all).map(matrices)).size === 1;
  return plain && inRows && sameHeads && Object.values(all).every(bytes) ? all : null;
}

/** Elements from one row of a second operand to the next along its depth, and from one column to the next. */
function strides(node: IntegerNode, { shape }: IntegerTensor): { readonly depth: number; readonly column: number } {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return node.attributes['transposeB'] === true ? { depth: 1, column: columns } : { depth: rows > 0 ? columns : 0, column: 1 };
}

/** What the templates of both families read, with the requantizations of both products. */
export function attentionView(group: readonly IntegerNode[], { query, keys, scores, shares, values, output }: Attention) {
  const [first, middle, last] = group as readonly [IntegerNode, IntegerNode, IntegerNode];
  const [rows, length] = scores.shape.slice(-2) as [number, number];
  const [key, value] = [strides(first, keys), strides(last, values)];
  const [queryZero, keyZero] = zeroPoints(first, 2);
  const [shareZero, valueZero] = zeroPoints(last, 2);
  const [low, high] = typeRange(shares.type);
  return {
    queryType: cType(query.type),
    keyType: cType(keys.type),
    scoreType: cType(scores.type),
    shareType: cType(shares.type),
    valueType: cType(values.type),
    outputType: cType(output.type),
    matrices: matrices(scores),
    rows,
    length,
    depth: query.shape.at(-1)!,
    columns: output.shape.at(-1)!,
    scoreBytes: length,
    lowestScore: typeRange(scores.type)[0],
    queryTerm: signedTerm(-queryZero!),
    keyTerm: signedTerm(-keyZero!),
    shareTerm: signedTerm(-shareZero!),
    valueTerm: signedTerm(-valueZero!),
    keyDepthStride: key.depth,
    keyStride: key.column,
    valueStride: value.depth,
    valueColumnStride: value.column,
    keyMatrix: elementCount(keys.shape.slice(-2)),
    valueMatrix: elementCount(values.shape.slice(-2)),
    steps: integerAttribute(middle, 'steps'),
    shareZeroTerm: signedTerm(integerAttribute(middle, 'outputZeroPoint')),
    low,
    high,
  };
}

/** The output may follow the queries at their heels: a strip of `strip` rows is read before its means are written; the last strip of a head reaches back. */
export function attentionOverlap({ query, output }: Attention, strip: number): readonly KernelOverlap[] {
  if (!mayShare(query, output)) return [];
  const [rows, depth, columns] = [query.shape.at(-2)!, query.shape.at(-1)!, output.shape.at(-1)!];
  const accesses: Access[] = [];
  for (let done = 0; done < matrices(query) * rows; done += rows) {
    for (let row = 0; row < rows; row += strip) {
      const first = done + Math.min(row, rows - strip);
      accesses.push({ from: first * depth, to: (first + strip) * columns });
    }
  }
  return [{ input: 0, distanceBytes: overlapDistance(accesses, elementCount(query.shape)) }];
}

/** Keys and values become weights again for every strip, so that strips may have some size. */
const STRIP_BYTES = 4096;

/** Queries of a strip where kernels take `block` rows at a time: about as many in all strips, the last of which may overlap another. */
export function stripRows(rows: number, length: number, block: number): number {
  const most = Math.max(block, Math.floor(STRIP_BYTES / length));
  return Math.max(Math.min(rows, block), Math.ceil(rows / Math.ceil(rows / most)));
}

export function attentionArguments(group: readonly IntegerNode[], graph: IntegerGraph, { query, keys, values, output }: Attention): readonly KernelArgument[] {
  return [
    ...[query, keys, values].map(({ id }) => ({ kind: 'input', tensor: id }) as const),
    { kind: 'output', tensor: output.id },
    { kind: 'constant', name: 'exponentials', data: constantCodes(graph, group[1]!.inputs[1]!) },
    { kind: 'scratch' },
  ];
}

export const attentionRows: Kernel = {
  family: 'portable',
  nodes: 3,
  when: ({ graph, group, optimize }: KernelContext) => optimize === 'ram' && attentionOf(group, graph) !== null,
  instantiate({ graph, group }) {
    const found = attentionOf(group, graph)!;
    const view = { ...attentionView(group, found), score: requantizeView(group[0]!.requantize!), mean: requantizeView(group[2]!.requantize!) };
    const [first, , last] = group as readonly [IntegerNode, IntegerNode, IntegerNode];
    return {
      family: 'portable',
      template: 'attention-rows',
      stem: `attention_rows_${typeName(found.query.type)}`,
      view,
      arguments: attentionArguments(group, graph, found),
      scratchBytes: 2 * view.length,
      overlap: attentionOverlap(found, 1),
      scalars: [...new Set(['softmaxShare', 'clamp', ...requantizeScalars(first.requantize!), ...requantizeScalars(last.requantize!)])],
    };
  },
};
