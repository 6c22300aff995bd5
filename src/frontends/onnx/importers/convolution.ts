/** Conv and ConvTranspose, one and two spatial axes. Weights must be constants. */
import type { TensorId } from '../../../graph/float.js';
import { permuteConstant, reshapeConstant, type ConstantArray } from '../../constant-array.js';
import { unsupported } from '../../import-context.js';
import type { Importer, ImporterTable, OnnxCall } from '../call.js';
import { asImage, padOf, readWindow, type Window } from './window.js';

const conv: Importer = (call) => {
  const x = call.activation(0);
  const weights = imageWeights(call, call.constant(1, 'weights'));
  const groups = call.int('group', 1);
  const [outputs, inputsPerGroup] = weights.shape;
  const channels = x.shape[1] ?? 0;
  const window = readWindow(call, x.shape.slice(2), kernelOf(call));
  if (inputsPerGroup * groups !== channels || outputs % groups !== 0) {
    call.fail(`has ${outputs} filters of ${inputsPerGroup} channels in ${groups} group(s), but '${x.name}' has ${channels} channels`);
  }
  const image = call.context.channelsFirstToImage(x, call.origin);
  const geometry = { strides: window.strides, dilations: window.dilations, pad: padOf(window), activation: null };
  const multiplier = outputs / groups;
  // Filters of a depthwise layer with a multiplier interleave their channels, which one axis of scales cannot say.
  const depthwise = inputsPerGroup === 1 && groups > 1 && (multiplier === 1 || weights.quantization?.axis == null);
  const result = depthwise
    ? call.emit('depthwise-conv2d', [image, depthwiseWeights(call, weights, multiplier), ...bias(call)], geometry, imageName(call))
    : call.emit('conv2d', [image, call.context.constantTensor(call.input(1), permuteConstant(weights, [0, 2, 3, 1]), call.origin), ...bias(call)], { ...geometry, groups }, imageName(call));
  call.define(call.context.imageToChannelsFirst(result, window.spatial, call.outputName, call.origin));
};

/** Length of the kernel's spatial axes, from the weights (kernel_shape, where given, must agree). */
function kernelOf(call: OnnxCall): readonly number[] {
  const kernel = call.input(1).shape.slice(2);
  const stated = call.ints('kernel_shape');
  if (stated && stated.join() !== kernel.join()) call.fail(`states kernel [${stated.join(', ')}] but has weights [${call.input(1).shape.join(', ')}]`);
  return kernel;
}

/** [O, C, k] as [O, C, 1, k]. */
function imageWeights(call: OnnxCall, weights: ConstantArray): ConstantArray {
  if (weights.shape.length === 4) return weights;
  if (weights.shape.length !== 3) unsupported(`weights with ${weights.shape.length - 2} spatial axes`, '1 or 2 spatial axes');
  if (weights.shape.some((d) => d === 0)) call.fail('has empty weights');
  return reshapeConstant(weights, [weights.shape[0], weights.shape[1], 1, weights.shape[2]]);
}

/** [C·m, 1, kh, kw] → [kh, kw, C, m]. */
function depthwiseWeights(call: OnnxCall, weights: ConstantArray, multiplier: number): TensorId {
  const [outputs, , height, width] = weights.shape;
  const split = reshapeConstant(weights, [outputs / multiplier, multiplier, height, width]);
  return call.context.constantTensor(call.input(1), permuteConstant(split, [2, 3, 0, 1]), call.origin);
}

function bias(call: OnnxCall): readonly TensorId[] {
  return call.has(2) ? [call.context.constantTensor(call.input(2), call.constant(2, 'biases'), call.origin)] : [];
}

/** The channels-first tensor behind the operator bears the user's name; the channels-last one says what it is. */
function imageName(call: OnnxCall): string {
  return `${call.outputName}:channels-last`;
}

const convTranspose: Importer = (call) => {
  const x = call.activation(0);
  const stored = imageWeights(call, call.constant(1, 'weights'));
  const groups = call.int('group', 1);
  if (stored.shape[0] !== x.shape[1]) call.fail(`has weights for ${stored.shape[0]} channels, but '${x.name}' has ${x.shape[1]}`);
  const weights = permuteConstant(groups === 1 ? stored : spreadGroups(stored, groups), [1, 2, 3, 0]);
  const cut = transposedWindow(call, x.shape.slice(2));
  const image = call.context.channelsFirstToImage(x, call.origin);
  const result = call.emit(
    'conv2d-transpose',
    [image, call.context.constantTensor(call.input(1), weights, call.origin), ...bias(call)],
    { strides: cut.strides, dilations: cut.dilations, pad: padOf(cut), outputPadding: cut.outputPadding, activation: null },
    imageName(call),
  );
  call.define(call.context.imageToChannelsFirst(result, cut.spatial, call.outputName, call.origin));
};

/** [C, M/g, kh, kw] of g groups as [C, M, kh, kw] with zeros between the groups. */
function spreadGroups(weights: ConstantArray, groups: number): ConstantArray {
  if (weights.quantization) unsupported('quantized weights in groups', 'group 1');
  const [channels, perGroup, height, width] = weights.shape;
  const data = new Float32Array(weights.data.length * groups);
  const block = perGroup * height * width;
  for (let c = 0; c < channels; c++) {
    const group = Math.floor((c * groups) / channels);
    data.set(weights.data.subarray(c * block, (c + 1) * block), (c * groups + group) * block);
  }
  return { shape: [channels, perGroup * groups, height, width], data };
}

/** What is cut off the full output, from pads, auto_pad or output_shape. */
function transposedWindow(call: OnnxCall, inputSize: readonly number[]): Window & { readonly outputPadding: readonly [number, number] } {
  const kernel = kernelOf(call);
  const window = readWindow(call, inputSize, kernel);
  const strides = call.ints('strides') ?? kernel.map(() => 1);
  const dilations = call.ints('dilations') ?? kernel.map(() => 1);
  const extra = call.ints('output_padding') ?? kernel.map(() => 0);
  const automatic = call.text('auto_pad', 'NOTSET');
  const wanted = call.ints('output_shape')?.slice(-kernel.length) ?? (automatic.startsWith('SAME') ? inputSize.map((d, i) => d * strides[i]) : null);
  if (!wanted) return { ...window, outputPadding: asImage(extra, 0) };
  const totals = kernel.map((k, i) => strides[i] * (inputSize[i] - 1) + extra[i] + (k - 1) * dilations[i] + 1 - wanted[i]);
  const cut = totals.map((t) => Math.max(0, t));
  const before = cut.map((t) => (automatic === 'SAME_UPPER' ? Math.floor(t / 2) : t - Math.floor(t / 2)));
  const after = cut.map((t, i) => t - before[i]);
  const outputPadding = extra.map((e, i) => e + Math.max(0, -totals[i]));
  return { ...window, before: asImage(before, 0), after: asImage(after, 0), outputPadding: asImage(outputPadding, 0) };
}

export const convolution: ImporterTable = { Conv: conv, ConvTranspose: convTranspose };
