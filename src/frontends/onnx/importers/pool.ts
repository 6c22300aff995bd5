/** Pools over a window and over the whole image. */
import type { TensorId } from '../../../graph/float.js';
import { unsupported, type SourceValue } from '../../import-context.js';
import type { Importer, ImporterTable, OnnxCall } from '../call.js';
import { padOf, readWindow, type Window } from './window.js';

/** The window with the cells that ceil_mode adds behind, and how many those are. */
function withCeiling(call: OnnxCall, window: Window, image: readonly number[]): { window: Window; added: readonly [number, number] } {
  if (call.int('ceil_mode', 0) === 0) return { window, added: [0, 0] };
  const added = [0, 1].map((i) => {
    const span = image[i] + window.before[i] + window.after[i] - window.kernel[i];
    const steps = Math.ceil(span / window.strides[i]);
    // A window that would start in the padding behind the image is left out.
    const used = steps * window.strides[i] >= image[i] + window.before[i] ? steps - 1 : steps;
    return Math.max(0, used * window.strides[i] - span);
  }) as [number, number];
  return { window: { ...window, after: [window.after[0] + added[0], window.after[1] + added[1]] }, added };
}

function pool(emitPool: (call: OnnxCall, image: TensorId, window: Window, added: readonly [number, number]) => TensorId): Importer {
  return (call) => {
    const x = call.activation(0);
    call.onlyOutputs(1, 'indices');
    const plain = readWindow(call, x.shape.slice(2), call.ints('kernel_shape') ?? call.fail('has no kernel_shape'));
    if (plain.dilations.some((d) => d !== 1)) unsupported(`dilations [${plain.dilations.join(', ')}]`, 'dilations of 1');
    const image = call.context.channelsFirstToImage(x, call.origin);
    const { window, added } = withCeiling(call, plain, call.context.shapeOf(image));
    const result = emitPool(call, image, window, added);
    call.define(call.context.imageToChannelsFirst(result, window.spatial, call.outputName, call.origin));
  };
}

const maxPool = pool((call, image, window) =>
  call.emit('max-pool2d', [image], { kernel: window.kernel, strides: window.strides, pad: padOf(window), activation: null }, `${call.outputName}:channels-last`),
);

/** Padding that counts is put in front as zeros where ceil_mode adds cells that do not count. */
const averagePool = pool((call, image, window, added) => {
  const counted = call.int('count_include_pad', 0) !== 0;
  const split = counted && added.some((a) => a > 0);
  const stated: Window = split ? { ...window, before: [0, 0], after: added } : window;
  const source = split
    ? call.context.emit('pad', [image], { amounts: [0, 1].map((i) => [window.before[i], window.after[i] - added[i]]).concat([[0, 0]]), mode: 'constant', value: 0 }, call.origin)
    : image;
  const attributes = { kernel: stated.kernel, strides: stated.strides, pad: padOf(stated), countIncludePad: counted && !split, activation: null };
  return call.emit('average-pool2d', [source], attributes, `${call.outputName}:channels-last`);
});

/** All spatial axes become 1. */
function globalPool(op: 'average-pool2d' | 'max-pool2d', reduction: 'mean' | 'max'): Importer {
  return (call) => {
    const x = call.activation(0);
    const spatial = x.shape.length - 2;
    if (spatial !== 1 && spatial !== 2) return reduceSpatial(call, x, reduction);
    const image = call.context.channelsFirstToImage(x, call.origin);
    const kernel = call.context.shapeOf(image).slice(0, 2);
    const attributes = { kernel, strides: [1, 1], pad: [0, 0, 0, 0], ...(op === 'average-pool2d' && { countIncludePad: false }), activation: null };
    const result = call.emit(op, [image], attributes, `${call.outputName}:channels-last`);
    call.define(call.context.imageToChannelsFirst(result, spatial, call.outputName, call.origin));
  };
}

function reduceSpatial(call: OnnxCall, x: SourceValue, reduction: 'mean' | 'max'): void {
  const tensor = call.context.perSample(x, 0, call.origin);
  const axes = x.shape.slice(2).map((_, i) => i + 1);
  call.result(call.emit('reduce', [tensor], { function: reduction, axes, keepDims: true }), 0);
}

export const pools: ImporterTable = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalPool('average-pool2d', 'mean'),
  GlobalMaxPool: globalPool('max-pool2d', 'max'),
};
