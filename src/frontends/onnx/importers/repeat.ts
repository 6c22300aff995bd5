/** Expand and Tile of activations: repeated indices along an axis, so that values are moved and never computed. */
import { broadcastShapes } from '../../constant-array.js';
import type { SourceValue } from '../../import-context.js';
import type { Importer, ImporterTable, OnnxCall } from '../call.js';

/** Replaces `axis` of x by the given elements of it. */
function gathered(call: OnnxCall, given: SourceValue, axis: number, indices: readonly number[]): SourceValue {
  const { context, origin } = call;
  const x = given.batchAxis === axis ? context.unbatched(given, origin) : given;
  const positions = context.constantTensor({ name: `${call.node.name}.positions` }, { shape: [indices.length], data: Int32Array.from(indices) }, origin);
  const tensor = context.emit('gather', [context.tensor(x, origin), positions], { axis: context.sampleAxis(axis, x.batchAxis) }, origin);
  return context.activation(call.outputName, tensor, x.batchAxis);
}

/** Axes of length 1 in front, as broadcasting adds them. */
function withRank(call: OnnxCall, x: SourceValue, rank: number): SourceValue {
  const added = rank - x.shape.length;
  if (added <= 0) return x;
  const { context, origin } = call;
  const whole = context.unbatched(x, origin);
  return context.activation(x.name, context.reshape(whole.tensor!, [...new Array<number>(added).fill(1), ...x.shape], origin), null);
}

const expand: Importer = (call) => {
  const x = call.activation(0);
  const wanted = call.integers(1, 'the target shape');
  const target = broadcastShapes([x.shape, wanted]) ?? call.fail(`cannot expand [${x.shape.join(', ')}] to [${wanted.join(', ')}]`);
  const ranked = withRank(call, x, target.length);
  const result = target.reduce((value, length, axis) => (value.shape[axis] === length ? value : gathered(call, value, axis, new Array<number>(length).fill(0))), ranked);
  call.define(result);
};

const tile: Importer = (call) => {
  const x = call.activation(0);
  const repeats = call.integers(1, 'repeats');
  if (repeats.length !== x.shape.length || repeats.some((r) => r < 1)) call.fail(`repeats [${x.shape.join(', ')}] by [${repeats.join(', ')}]`);
  const result = repeats.reduce((value, count, axis) => {
    const length = x.shape[axis];
    return count === 1 ? value : gathered(call, value, axis, Array.from({ length: count * length }, (_, i) => i % length));
  }, x);
  call.define(result);
};

export const repetition: ImporterTable = { Expand: expand, Tile: tile };
