/** Reductions over axes, and softmax. */
import { elementCount } from '../../../graph/float.js';
import { unsupported, type SourceValue } from '../../import-context.js';
import type { Importer, ImporterTable, OnnxCall } from '../call.js';
import { applyUnary } from './elementwise.js';

type Reduction = 'mean' | 'sum' | 'max';

/** Element-wise functions in front of and behind the reduction: ReduceL2 is square, sum, sqrt. */
interface Around {
  readonly before?: string;
  readonly after?: string;
}

function reduce(reduction: Reduction, { before, after }: Around = {}): Importer {
  return (call) => {
    const { context, origin } = call;
    const x = call.activation(0);
    const given = call.integersFrom('axes', 1, 'reduced axes');
    if (!given?.length && call.int('noop_with_empty_axes', 0) !== 0) return call.define(x);
    const axes = new Set((given?.length ? given : x.shape.map((_, i) => i)).map((axis) => context.axis(x, axis, origin)));
    const keepDims = call.int('keepdims', 1) !== 0;
    const { own, batchAxis } = reducedAxes(call, x, axes, keepDims);
    const tensor = context.tensor(x, origin);
    const changed = before ? applyUnary(call, tensor, before) : tensor;
    // Reducing an axis of length 1 changes no value.
    const reduced = own.length === 0 ? changed : call.emit('reduce', [changed], { function: reduction, axes: own, keepDims }, after ? undefined : call.outputName);
    call.result(after ? applyUnary(call, reduced, after, call.outputName) : reduced, batchAxis);
  };
}

/** The per-sample axes, and where the batch lies in the result. */
function reducedAxes(call: OnnxCall, x: SourceValue, axes: ReadonlySet<number>, keepDims: boolean): { own: number[]; batchAxis: number | null } {
  const { context } = call;
  const overBatch = x.batchAxis !== null && axes.has(x.batchAxis);
  if (overBatch && context.batchSize !== 1) unsupported('reduces over the batch', 'reductions inside one sample');
  const removed = keepDims ? 0 : [...axes].filter((axis) => axis < (x.batchAxis ?? 0)).length;
  const batchAxis = x.batchAxis === null || (overBatch && !keepDims) ? null : x.batchAxis - removed;
  const own = [...axes].filter((axis) => axis !== x.batchAxis).map((axis) => context.sampleAxis(axis, x.batchAxis));
  return { own: own.sort((a, b) => a - b), batchAxis };
}

/** Before opset 13 all axes from `axis` on are one. */
function softmax(logarithm: boolean): Importer {
  return (call) => {
    const { context, origin } = call;
    const given = call.activation(0);
    const axis = context.axis(given, call.int('axis', call.opset < 13 ? 1 : -1), origin);
    const joins = call.opset < 13 && elementCount(given.shape.slice(axis)) !== given.shape[axis];
    const touchesBatch = given.batchAxis === axis || (joins && given.batchAxis !== null && given.batchAxis > axis);
    const x = touchesBatch ? context.unbatched(given, origin) : given;
    const own = context.sampleAxis(axis, x.batchAxis);
    const tensor = context.tensor(x, origin);
    const shape = context.shapeOf(tensor);
    const joined = joins ? context.reshape(tensor, [...shape.slice(0, own), elementCount(shape.slice(own))], origin) : tensor;
    const simple = !joins && !logarithm;
    const soft = call.emit('softmax', [joined], { axis: own, beta: 1 }, simple ? call.outputName : undefined);
    const result = logarithm ? applyUnary(call, soft, 'log', joins ? undefined : call.outputName) : soft;
    call.result(context.reshape(result, shape, origin, call.outputName), x.batchAxis);
  };
}

export const reduction: ImporterTable = {
  ReduceMean: reduce('mean'),
  ReduceSum: reduce('sum'),
  ReduceMax: reduce('max'),
  ReduceMin: reduce('max', { before: 'neg', after: 'neg' }),
  ReduceL1: reduce('sum', { before: 'abs' }),
  ReduceL2: reduce('sum', { before: 'square', after: 'sqrt' }),
  ReduceSumSquare: reduce('sum', { before: 'square' }),
  ReduceLogSum: reduce('sum', { after: 'log' }),
  Softmax: softmax(false),
  LogSoftmax: softmax(true),
};
