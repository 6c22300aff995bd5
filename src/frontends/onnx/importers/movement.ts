/** What moves values without computing: reshape and its kin, transpose, slice, split, concat, pad, gather. */
import { matchingAxis } from '../../constant-array.js';
import { unsupported, type SourceValue } from '../../import-context.js';
import { flattenTarget, insertAxes, normalAxis, permutationOf, reshapeTarget, sliceRanges, splitSizes, squeezedAxes, unsqueezedAxes, type SliceRange } from '../axes.js';
import type { Importer, ImporterTable, OnnxCall } from '../call.js';
import { transposeValue } from './matrix.js';

/** Defines the output as x under another source shape, whose batch axis is `batchAxis`. */
function reshaped(call: OnnxCall, x: SourceValue, target: readonly number[], batchAxis: number | null): void {
  const { context, origin } = call;
  if (context.batchSize !== 1 && x.batchAxis !== null && batchAxis === null) unsupported('mixes the batch with other axes', 'export the model with batch size 1');
  const tensor = context.tensor(x, origin);
  call.result(context.reshape(tensor, target.filter((_, i) => i !== batchAxis), origin, call.outputName), batchAxis);
}

/** Where the batch lies after a reshape; a value that had lost it gets it back as a leading, or the only, axis of length 1. */
function batchAfterReshape(call: OnnxCall, x: SourceValue, target: readonly number[]): number | null {
  if (x.batchAxis !== null) return matchingAxis(x.shape, x.batchAxis, target);
  if (call.context.batchSize !== 1 || target.length < 2) return null;
  const ones = target.flatMap((length, axis) => (length === 1 ? [axis] : []));
  return ones.length === 1 || ones[0] === 0 ? ones[0]! : null;
}

const reshape: Importer = (call) => {
  const x = call.input(0);
  const target = reshapeTarget(call, x.shape, call.integers(1, 'the target shape'));
  reshaped(call, x, target, batchAfterReshape(call, x, target));
};

const flatten: Importer = (call) => {
  const x = call.input(0);
  const target = flattenTarget(call, x.shape);
  reshaped(call, x, target, batchAfterReshape(call, x, target));
};

const squeeze: Importer = (call) => {
  const x = call.input(0);
  const axes = squeezedAxes(call, x.shape);
  const target = x.shape.filter((_, i) => !axes.includes(i));
  const batchAxis = x.batchAxis === null || axes.includes(x.batchAxis) ? null : x.batchAxis - axes.filter((a) => a < x.batchAxis!).length;
  reshaped(call, x, target, batchAxis);
};

const unsqueeze: Importer = (call) => {
  const x = call.input(0);
  const axes = unsqueezedAxes(call, x.shape.length);
  const target = insertAxes(x.shape, axes);
  const kept = target.map((_, i) => i).filter((i) => !axes.includes(i));
  reshaped(call, x, target, x.batchAxis === null ? batchAfterReshape(call, x, target) : kept[x.batchAxis]!);
};

const transpose: Importer = (call) => {
  const x = call.input(0);
  call.define(transposeValue(call, x, permutationOf(call, x.shape.length), call.outputName));
};

/** Emits one slice; the ranges have one entry a source axis. */
function sliced(call: OnnxCall, given: SourceValue, ranges: readonly SliceRange[], index = 0): SourceValue {
  const { context, origin } = call;
  const cutsBatch = given.batchAxis !== null && ranges[given.batchAxis].size !== given.shape[given.batchAxis];
  const x = cutsBatch ? context.unbatched(given, origin) : given;
  const own = ranges.filter((_, i) => i !== x.batchAxis);
  const tensor = context.tensor(x, origin);
  const name = call.node.outputs[index] ?? call.node.name;
  if (own.some((r) => r.size === 0)) unsupported('selects nothing', 'slices of at least one element');
  if (own.every((r, i) => r.size === context.shapeOf(tensor)[i] && r.step === 1)) return x;
  const attributes = { starts: own.map((r) => r.start), sizes: own.map((r) => r.size), steps: own.map((r) => r.step) };
  return context.activation(name, call.emit('slice', [tensor], attributes, name), x.batchAxis);
}

const slice: Importer = (call) => {
  const x = call.input(0);
  call.define(sliced(call, x, sliceRanges(call, x.shape)));
};

const split: Importer = (call) => {
  const x = call.input(0);
  const axis = normalAxis(call, call.int('axis', 0), x.shape.length);
  let start = 0;
  splitSizes(call, x.shape[axis]).forEach((size, index) => {
    const ranges = x.shape.map((length, i) => (i === axis ? { start, size, step: 1 } : { start: 0, size: length, step: 1 }));
    if (call.node.outputs[index]) call.define(sliced(call, x, ranges, index), index);
    start += size;
  });
};

const concat: Importer = (call) => {
  const { context, origin } = call;
  const given = call.node.inputs.map((_, i) => call.activation(i));
  const axis = context.axis(given[0]!, call.int('axis', 1), origin);
  const first = given.find((v) => v.batchAxis !== null)?.batchAxis ?? null;
  const batchAxis = first === axis ? null : first;
  const tensors = given.map((v) => context.perSample(v, batchAxis, origin));
  if (tensors.length === 1) return call.define(given[0]!);
  call.result(call.emit('concat', tensors, { axis: context.sampleAxis(axis, batchAxis) }), batchAxis);
};

const PAD_MODES = ['constant', 'reflect', 'edge'];

const pad: Importer = (call) => {
  const { context, origin } = call;
  const given = call.activation(0);
  const mode = call.text('mode', 'constant');
  if (!PAD_MODES.includes(mode)) unsupported(`mode '${mode}'`, PAD_MODES.join(', '));
  const amounts = padAmounts(call, given.shape);
  const padsBatch = given.batchAxis !== null && amounts[given.batchAxis].some((n) => n !== 0);
  const cut = sliced(call, given, given.shape.map((length, i) => cropRange(length, amounts[i])));
  const x = padsBatch ? context.unbatched(cut, origin) : cut;
  const own = amounts.filter((_, i) => i !== x.batchAxis).map((pair) => pair.map((n) => Math.max(0, n)));
  if (own.every((pair) => pair.every((n) => n === 0))) return call.define(x);
  const value = call.opset < 11 ? call.float('value', 0) : call.scalar(2, 'the padding value', 0);
  call.result(call.emit('pad', [context.tensor(x, origin)], { amounts: own, mode, value }), x.batchAxis);
};

/** [before, after] of every source axis. */
function padAmounts(call: OnnxCall, shape: readonly number[]): readonly (readonly [number, number])[] {
  const pads = call.integersFrom('pads', 1, 'padding amounts') ?? call.ints('paddings') ?? call.fail('has no pads');
  const axes = call.has(3) ? call.integers(3, 'padded axes').map((a) => normalAxis(call, a, shape.length)) : shape.map((_, i) => i);
  if (pads.length !== 2 * axes.length) call.fail(`has ${pads.length} pads for ${axes.length} axes`);
  return shape.map((_, i) => {
    const at = axes.indexOf(i);
    return at < 0 ? [0, 0] : [pads[at], pads[at + axes.length]];
  });
}

/** A negative pad cuts. */
function cropRange(length: number, [before, after]: readonly [number, number]): SliceRange {
  const start = Math.max(0, -before);
  return { start, size: length - start - Math.max(0, -after), step: 1 };
}

const gather: Importer = (call) => {
  const { context, origin } = call;
  const table = call.input(0);
  const indices = call.input(1);
  const axis = normalAxis(call, call.int('axis', 0), table.shape.length);
  if (indices.constant) return gatherConstantIndices(call, table, indices, axis);
  if (indices.type !== 'int32') unsupported('indices that are real numbers', 'integer indices');
  if (!table.constant) unsupported('looks up an activation by indices computed at run time', 'a constant table, or constant indices');
  const batchAxis = indices.batchAxis === null ? null : axis + indices.batchAxis;
  const inputs = [context.constantTensor(table, table.constant, origin), context.tensor(indices, origin)];
  call.result(call.emit('gather', inputs, { axis }), batchAxis);
};

/** A single index or a regular run of them is a slice. */
function gatherConstantIndices(call: OnnxCall, given: SourceValue, indices: SourceValue, axis: number): void {
  const { context, origin } = call;
  const x = given.batchAxis === axis ? context.unbatched(given, origin) : given;
  const length = x.shape[axis];
  const list = [...indices.constant!.data].map((i) => (i < 0 ? i + length : i));
  const wrong = list.find((i) => i < 0 || i >= length);
  if (wrong !== undefined) call.fail(`index ${wrong} is outside axis ${axis} of length ${length}`);
  const own = context.sampleAxis(axis, x.batchAxis);
  const batchAxis = x.batchAxis !== null && x.batchAxis > axis ? x.batchAxis - 1 + indices.shape.length : x.batchAxis;
  const tensor = context.tensor(x, origin);
  const shape = context.shapeOf(tensor);
  const target = [...shape.slice(0, own), ...indices.shape, ...shape.slice(own + 1)];
  const step = list.length > 1 ? list[1]! - list[0]! : 1;
  if (step !== 0 && list.every((index, i) => index === list[0]! + i * step)) {
    const ranges = x.shape.map((d, i) => (i === axis ? { start: list[0]!, size: list.length, step } : { start: 0, size: d, step: 1 }));
    return call.result(context.reshape(context.tensor(sliced(call, x, ranges), origin), target, origin, call.outputName), batchAxis);
  }
  const positions = context.constantTensor(indices, { shape: indices.shape, data: Int32Array.from(list) }, origin);
  call.result(call.emit('gather', [tensor, positions], { axis: own }), batchAxis);
}

/** The shape of an activation is known at import. */
const shape: Importer = (call) => {
  const dimensions = call.input(0).shape;
  const end = call.hasAttribute('end') ? call.int('end', 0) : dimensions.length;
  const part = dimensions.slice(call.int('start', 0), end);
  call.defineConstant({ shape: [part.length], data: Int32Array.from(part), elementType: 'int64' });
};

const size: Importer = (call) => {
  const count = call.input(0).shape.reduce((product, d) => product * d, 1);
  call.defineConstant({ shape: [], data: Int32Array.of(count), elementType: 'int64' });
};

/** Blocks of channels become pixels: [1, C·b·b, H, W] → [1, C, H·b, W·b]. */
const depthToSpace: Importer = (call) => {
  const { context, origin } = call;
  const b = call.int('blocksize', 1);
  const tensor = context.perSample(call.activation(0), 0, origin);
  const [channels, height, width] = context.shapeOf(tensor);
  const outer = channels / (b * b);
  if (!Number.isInteger(outer)) call.fail(`${channels} channels do not split into blocks of ${b}×${b}`);
  const crd = call.text('mode', 'DCR') === 'CRD';
  const blocks = context.reshape(tensor, crd ? [outer, b, b, height, width] : [b, b, outer, height, width], origin);
  const moved = context.transpose(blocks, crd ? [0, 3, 1, 4, 2] : [2, 3, 0, 4, 1], origin);
  call.result(context.reshape(moved, [outer, height * b, width * b], origin, call.outputName), 0);
};

/** Blocks of pixels become channels. */
const spaceToDepth: Importer = (call) => {
  const { context, origin } = call;
  const b = call.int('blocksize', 1);
  const tensor = context.perSample(call.activation(0), 0, origin);
  const [channels, height, width] = context.shapeOf(tensor);
  if (height % b !== 0 || width % b !== 0) call.fail(`an image of ${height}×${width} does not split into blocks of ${b}×${b}`);
  const blocks = context.reshape(tensor, [channels, height / b, b, width / b, b], origin);
  const moved = context.transpose(blocks, [2, 4, 0, 1, 3], origin);
  call.result(context.reshape(moved, [channels * b * b, height / b, width / b], origin, call.outputName), 0);
};

/** Codes between QuantizeLinear and DequantizeLinear stay codes of the same scale wherever they are moved. */
function movingCodes(importer: Importer): Importer {
  return (call) => {
    importer(call);
    const source = call.input(0);
    if (!source.codes) return;
    const quantization = call.context.quantizationOf(source.tensor!);
    call.node.outputs.forEach((name, index) => {
      const value = name ? call.context.lookup(name) : null;
      if (!value?.tensor) return;
      const tensor = quantization ? call.context.quantized(value.tensor, quantization, call.origin, name) : value.tensor;
      call.define({ ...value, tensor, codes: true }, index);
    });
  };
}

const movers: ImporterTable = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Slice: slice,
  Split: split,
  Gather: gather,
};

export const movement: ImporterTable = {
  ...Object.fromEntries(Object.entries(movers).map(([name, importer]) => [name, movingCodes(importer)])),
  Concat: concat,
  Pad: pad,
  Shape: shape,
  Size: size,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
