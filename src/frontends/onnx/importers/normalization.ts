/** Batch, layer, instance and group normalization with constant parameters. */
import { elementCount, type TensorId } from '../../../graph/float.js';
import { batchNormConstants } from '../../batch-norm.js';
import { reshapeConstant } from '../../constant-array.js';
import { unsupported } from '../../import-context.js';
import type { Importer, ImporterTable, OnnxCall } from '../call.js';
import { broadcastConstant } from '../fold-elementwise.js';

/** Runs `emit` with axis `axis` (per sample) as the last one, and moves it back. */
function withChannelsLast(call: OnnxCall, tensor: TensorId, axis: number, emit: (channelsLast: TensorId) => TensorId): TensorId {
  const rank = call.context.shapeOf(tensor).length;
  const there = [...Array(rank).keys()].filter((i) => i !== axis).concat([axis]);
  const back = [...Array(rank).keys()].map((i) => there.indexOf(i));
  const moved = back.some((from, i) => from !== i);
  const result = emit(call.context.transpose(tensor, there, call.origin));
  return call.context.transpose(result, back, call.origin, moved ? call.outputName : undefined);
}

function vector(call: OnnxCall, index: number, what: string, length: number): Float32Array {
  const constant = call.constant(index, what);
  if (constant.data.length !== length) call.fail(`has ${constant.data.length} ${what} for ${length} channels`);
  return Float32Array.from(constant.data);
}

const batchNormalization: Importer = (call) => {
  const x = call.activation(0);
  call.onlyOutputs(1, 'statistics');
  if (call.int('training_mode', 0) !== 0) unsupported('runs in training mode', 'inference mode');
  if (call.opset < 9 && call.int('spatial', 1) === 0) unsupported('statistics for every position (spatial = 0)', 'statistics for every channel');
  if (x.shape.length < 2) call.fail(`needs a channel axis, but '${x.name}' has shape [${x.shape.join(', ')}]`);
  const channels = x.shape[1];
  const [gamma, beta, mean, variance] = ['scales', 'biases', 'means', 'variances'].map((what, i) => vector(call, i + 1, what, channels));
  const epsilon = call.float('epsilon', 1e-5);
  const { scale, shift } = batchNormConstants({ mean, variance, gamma, beta, epsilon });
  const whole = x.batchAxis === 1 ? call.context.unbatched(x, call.origin) : x;
  const tensor = call.context.tensor(whole, call.origin);
  const parameters = [scale, shift].map((constant, i) => call.context.constantTensor({ name: `${call.node.name}.${['scale', 'shift'][i]}` }, constant, call.origin));
  const axis = call.context.sampleAxis(1, whole.batchAxis);
  const last = axis === call.context.shapeOf(tensor).length - 1;
  const result = withChannelsLast(call, tensor, axis, (t) => call.context.emit('batch-norm', [t, ...parameters], {}, call.origin, last ? call.outputName : undefined));
  call.result(result, whole.batchAxis);
};

const layerNormalization: Importer = (call) => {
  const given = call.activation(0);
  call.onlyOutputs(1, 'statistics');
  const axis = call.context.axis(given, call.int('axis', -1), call.origin);
  const x = given.batchAxis !== null && given.batchAxis >= axis ? call.context.unbatched(given, call.origin) : given;
  const normalized = x.shape.slice(axis);
  const parameters = [1, 2].flatMap((i) => (call.has(i) ? [normalizedParameter(call, i, normalized)] : []));
  const attributes = { axis: call.context.sampleAxis(axis, x.batchAxis), epsilon: call.float('epsilon', 1e-5) };
  call.result(call.emit('layer-norm', [call.context.tensor(x, call.origin), ...parameters], attributes), x.batchAxis);
};

function normalizedParameter(call: OnnxCall, index: number, shape: readonly number[]): TensorId {
  const constant = call.constant(index, index === 1 ? 'scales' : 'biases');
  const full = elementCount(constant.shape) === elementCount(shape) ? reshapeConstant(constant, shape) : broadcastConstant(constant, shape);
  return call.context.constantTensor(call.input(index), full, call.origin);
}

const instanceNormalization: Importer = (call) => {
  const x = call.activation(0);
  const channels = x.shape[1] ?? 0;
  const parameters = [1, 2].map((i) => {
    const data = vector(call, i, i === 1 ? 'scales' : 'biases', channels);
    return call.context.constantTensor(call.input(i), { shape: [channels], data }, call.origin);
  });
  const tensor = call.context.perSample(x, 0, call.origin);
  const epsilon = call.float('epsilon', 1e-5);
  call.result(withChannelsLast(call, tensor, 0, (t) => call.context.emit('group-norm', [t, ...parameters], { groups: channels, epsilon }, call.origin)), 0);
};

const groupNormalization: Importer = (call) => {
  const { context, origin } = call;
  const x = call.activation(0);
  const groups = call.int('num_groups', 0);
  const channels = x.shape[1] ?? 0;
  if (groups < 1 || channels % groups !== 0) call.fail(`splits ${channels} channels into ${groups} groups`);
  const parameters = [1, 2].map((i) => groupParameter(call, i, channels, groups));
  const tensor = context.perSample(x, 0, origin);
  const attributes = { groups, epsilon: call.float('epsilon', 1e-5) };
  call.result(withChannelsLast(call, tensor, 0, (t) => context.emit('group-norm', [t, ...parameters], attributes, origin)), 0);
};

/** One a channel; before opset 21 the file has one a group. */
function groupParameter(call: OnnxCall, index: number, channels: number, groups: number): TensorId {
  const stored = vector(call, index, index === 1 ? 'scales' : 'biases', call.opset < 21 ? groups : channels);
  const data = call.opset < 21 ? Float32Array.from({ length: channels }, (_, c) => stored[Math.floor((c * groups) / channels)]) : stored;
  return call.context.constantTensor(call.input(index), { shape: [channels], data }, call.origin);
}

export const normalization: ImporterTable = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
};
