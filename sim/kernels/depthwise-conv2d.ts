/** Depthwise convolution: output channel c·multiplier + m sums over the window of input channel c alone. */
import type { Codes, SimKernel } from '../kernel.js';
import { requantizer } from '../requantize.js';
import { constant, shapeOf } from './weighted.js';
import { biasClassOf, convolutionSources, paddingCodes } from './window.js';

/** Taps added in one pass over the channels; their number is rounded up with weights of zero. */
const PASS_TAPS = 3;

export const depthwiseConv2d: SimKernel = (node, graph) => {
  const [inputHeight, inputWidth, inputChannels] = shapeOf(graph, node.inputs[0]!) as [number, number, number];
  const [kernelHeight, kernelWidth, , multiplier] = shapeOf(graph, node.inputs[1]!) as [number, number, number, number];
  const [outputHeight, outputWidth, outputChannels] = shapeOf(graph, node.outputs[0]!) as [number, number, number];
  const zeroPoint = node.attributes['inputZeroPoint'] as number;
  const bias = constant(graph, node.inputs[2]!);
  const windows = convolutionSources(node, { inputHeight, inputWidth, outputHeight, outputWidth, kernelHeight, kernelWidth });
  const taps = Math.ceil((kernelHeight * kernelWidth) / PASS_TAPS) * PASS_TAPS;
  const weights = new Int32Array(taps * outputChannels);
  weights.set(constant(graph, node.inputs[1]!));
  const inputPixels = inputHeight * inputWidth;
  const sources = offsets(windows, kernelHeight * kernelWidth, taps, inputPixels, outputChannels);
  // x − inputZeroPoint for every output channel; the pixel behind the last one is what lies outside.
  const pixels = new Int32Array((inputPixels + 1) * outputChannels);
  center(paddingCodes(node, inputChannels), pixels.subarray(inputPixels * outputChannels), multiplier, zeroPoint);
  const biasClass = biasClassOf(node, outputWidth);
  const code = requantizer(node.requantize!);
  const sums = new Int32Array(outputChannels);
  return ([x], [y], accumulators) => {
    center(x!, pixels, multiplier, zeroPoint);
    for (let pixel = 0, to = 0, at = 0; pixel < outputHeight * outputWidth; pixel++, to += outputChannels) {
      const from = biasClass(pixel) * outputChannels;
      for (let c = 0; c < outputChannels; c++) sums[c] = bias[from + c]!;
      for (let tap = 0; tap < taps; tap += PASS_TAPS, at += PASS_TAPS) {
        addTaps(sums, pixels, sources[at]!, sources[at + 1]!, sources[at + 2]!, weights, tap * outputChannels);
      }
      for (let c = 0; c < outputChannels; c++) y![to + c] = code(sums[c]!, c);
      if (accumulators) accumulators.set(sums, to);
    }
  };
};

/** Offset into the centered pixels of each tap of each output pixel. */
function offsets(windows: Int32Array, kernelTaps: number, taps: number, inputPixels: number, channels: number): Int32Array {
  const list = new Int32Array((windows.length / kernelTaps) * taps).fill(inputPixels * channels);
  for (let i = 0; i < windows.length; i++) {
    const source = windows[i]!;
    if (source >= 0) list[Math.floor(i / kernelTaps) * taps + (i % kernelTaps)] = source * channels;
  }
  return list;
}

function center(codes: Codes, pixels: Int32Array, multiplier: number, zeroPoint: number): void {
  for (let i = 0, to = 0; i < codes.length; i++) {
    for (let m = 0; m < multiplier; m++) pixels[to++] = codes[i]! - zeroPoint;
  }
}

function addTaps(sums: Int32Array, x: Int32Array, x0: number, x1: number, x2: number, weights: Int32Array, w: number): void {
  const channels = sums.length;
  for (let c = 0, w1 = w + channels, w2 = w1 + channels; c < channels; c++) {
    const pair = (Math.imul(x[x0 + c]!, weights[w + c]!) + Math.imul(x[x1 + c]!, weights[w1 + c]!)) | 0;
    sums[c] = (sums[c]! + pair + Math.imul(x[x2 + c]!, weights[w2 + c]!)) | 0;
  }
}
