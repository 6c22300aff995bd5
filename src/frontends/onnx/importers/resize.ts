/** Resize and Upsample of the spatial axes, nearest and linear. */
import { unsupported, type SourceValue } from '../../import-context.js';
import type { Importer, ImporterTable, OnnxCall } from '../call.js';

const COORDINATES: Readonly<Record<string, string>> = {
  half_pixel: 'half-pixel',
  // Differs from half_pixel only where a size is not a whole multiple, which is refused below.
  half_pixel_symmetric: 'half-pixel',
  pytorch_half_pixel: 'pytorch-half-pixel',
  asymmetric: 'asymmetric',
  align_corners: 'align-corners',
};

const MODES: Readonly<Record<string, string>> = { nearest: 'nearest', linear: 'linear', bilinear: 'linear' };

interface ResizeForm {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearestMode: string;
  /** New length of every source axis. */
  readonly target: readonly number[];
}

function emitResize(call: OnnxCall, x: SourceValue, form: ResizeForm): void {
  const { context, origin } = call;
  const spatial = x.shape.length - 2;
  if (spatial !== 1 && spatial !== 2) unsupported(`an array of ${x.shape.length} axes`, '[1, channels, height, width] or [1, channels, length]');
  if (form.target[0] !== x.shape[0] || form.target[1] !== x.shape[1]) unsupported('resizes the batch or the channels', 'the spatial axes alone');
  const image = context.channelsFirstToImage(x, origin);
  const sizes = spatial === 2 ? form.target.slice(2) : [1, form.target[2]];
  const attributes = { mode: form.mode, sizes, coordinates: form.coordinates, nearestMode: form.nearestMode };
  const result = call.emit('resize', [image], attributes, `${call.outputName}:channels-last`);
  call.define(context.imageToChannelsFirst(result, spatial, call.outputName, origin));
}

function modeOf(call: OnnxCall): string {
  const mode = call.text('mode', 'nearest');
  return MODES[mode] ?? unsupported(`mode '${mode}'`, 'nearest or linear');
}

/** New lengths from factors, which must give whole pixels: then factor and ratio of lengths are the same number. */
function scaledShape(shape: readonly number[], scales: readonly number[]): readonly number[] {
  return shape.map((length, i) => {
    const exact = length * scales[i];
    const rounded = Math.round(exact);
    if (Math.abs(exact - rounded) > 1e-4 * Math.max(1, exact)) unsupported(`factor ${scales[i]} makes ${exact} of ${length} pixels`, 'factors that give a whole number of pixels, or the sizes form');
    return rounded;
  });
}

/** Values for some axes, spread over all of them. */
function overAxes(call: OnnxCall, x: SourceValue, values: readonly number[], fill: (axis: number) => number): readonly number[] {
  const axes = call.ints('axes')?.map((axis) => call.context.axis(x, axis, call.origin)) ?? x.shape.map((_, i) => i);
  if (values.length !== axes.length) call.fail(`has ${values.length} sizes or factors for ${axes.length} axes`);
  return x.shape.map((_, i) => (axes.includes(i) ? values[axes.indexOf(i)]! : fill(i)));
}

/** Upsample, and Resize of opset 10: factors only, coordinates x/scale, nearest by rounding down. */
function upsample(factors: (call: OnnxCall) => readonly number[]): Importer {
  return (call) => {
    const x = call.activation(0);
    const target = scaledShape(x.shape, overAxes(call, x, factors(call), () => 1));
    emitResize(call, x, { mode: modeOf(call), coordinates: 'asymmetric', nearestMode: 'floor', target });
  };
}

const resize: Importer = (call) => {
  if (call.opset < 11) return upsample((c) => c.integers(1, 'factors'))(call);
  const x = call.activation(0);
  const coordinates = call.text('coordinate_transformation_mode', 'half_pixel');
  if (!COORDINATES[coordinates]) unsupported(`coordinate_transformation_mode '${coordinates}'`, Object.keys(COORDINATES).join(', '));
  if (call.int('antialias', 0) !== 0) unsupported('antialias', 'antialias = 0');
  if (call.int('exclude_outside', 0) !== 0) unsupported('exclude_outside', 'exclude_outside = 0');
  const policy = call.text('keep_aspect_ratio_policy', 'stretch');
  if (policy !== 'stretch') unsupported(`keep_aspect_ratio_policy '${policy}'`, 'stretch');
  const nearestMode = call.text('nearest_mode', 'round_prefer_floor').replaceAll('_', '-');
  emitResize(call, x, { mode: modeOf(call), coordinates: COORDINATES[coordinates], nearestMode, target: resizedShape(call, x) });
};

function resizedShape(call: OnnxCall, x: SourceValue): readonly number[] {
  const sizes = call.has(3) ? call.integers(3, 'sizes') : [];
  if (sizes.length > 0) return overAxes(call, x, sizes, (axis) => x.shape[axis]);
  return scaledShape(x.shape, overAxes(call, x, call.integers(2, 'factors'), () => 1));
}

export const resizing: ImporterTable = {
  Resize: resize,
  Upsample: upsample((call) => call.floats('scales') ?? call.integers(1, 'factors')),
};
