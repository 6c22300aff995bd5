/** Depthwise 3x3 on cores without SIMD, channel by channel, so that weights and constants are read once a row or less. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { biasClassesOf, linearTensors, type LinearTensors, padCodes, padOf } from '../linear/integer.js';
import { foldedBias, linearStem } from '../linear/kernels.js';
import { cType } from '../views.js';
import { packBytes, type PackedBits, packedBitsOf } from '../packing.js';
import { portableRequantize } from './requantize.js';

const TAPS = 9;

function read(node: IntegerNode, graph: IntegerGraph): { readonly t: LinearTensors; readonly g: Geometry } {
  const t = linearTensors(node, graph);
  const [height, width, channels, multiplier] = t.weights.shape as [number, number, number, number];
  return { t, g: convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels: channels * multiplier, pad: padOf(node).amounts }) };
}

/** Weights [9, C] as [C, 9]. */
function byChannel(t: LinearTensors, channels: number): Int8Array {
  return Int8Array.from({ length: t.weightCodes.length }, (_, i) => t.weightCodes[(i % TAPS) * channels + Math.floor(i / TAPS)]!);
}

/** The nine codes of every channel in bytes of their own. */
function packedChannels(weights: Int8Array, bits: PackedBits): Uint8Array {
  return Uint8Array.from(Array.from({ length: weights.length / TAPS }, (_, c) => [...packBytes(weights.subarray(TAPS * c, TAPS * c + TAPS), bits)]).flat());
}

/** Fields of the template where codes of `bits` bits are taken out of their bytes once a channel. */
function packedView(bits: PackedBits | null) {
  if (bits === null) return { isPacked: false, weightType: 'int8_t', channelBytes: TAPS };
  return { isPacked: true, weightType: 'uint8_t', channelBytes: Math.ceil((TAPS * bits) / 8), bits, codesLog: bits === 4 ? 1 : 2, codesMask: 8 / bits - 1, top: 32 - bits };
}

function instantiate({ graph, group, features, weights: stored }: KernelContext): KernelInstance {
  const [node] = group as readonly [IntegerNode];
  const { t, g } = read(node, graph);
  const channels = g.outputChannels;
  const weights = byChannel(t, channels);
  const sums = Array.from({ length: channels }, (_, c) => weights.subarray(TAPS * c, TAPS * c + TAPS).reduce((sum, w) => sum + w, 0));
  const requantize = portableRequantize(node, features, foldedBias(node, t, sums));
  const bits = stored === 'packed' ? packedBitsOf(weights) : null;
  const rolling = g.strideWidth === 1;
  const inPlace = rolling && g.strideHeight === 1 && g.padTop === 1 && g.padLeft === 1 && g.outputHeight === g.inputHeight && g.outputWidth === g.inputWidth;
  const sizes = [g.inputHeight, g.inputWidth, channels, g.outputHeight, g.outputWidth, g.strideHeight, g.padTop, g.padLeft, padCodes(node, channels)[0]!, node.requantize!.zeroPoint, g.strideWidth];
  return {
    family: 'portable',
    template: 'portable/depthwise-3x3',
    stem: linearStem('depthwise_conv2d', t, node, bits === null ? '3x3' : `3x3_packed${bits}`),
    view: { inputType: cType(t.x.type), outputType: cType(t.y.type), rolling, inPlace, ...packedView(bits), requantize: requantize.view },
    arguments: [
      { kind: 'input', tensor: node.inputs[0]! },
      { kind: 'output', tensor: node.outputs[0]! },
      { kind: 'constant', name: 'weights', data: bits === null ? weights : packedChannels(weights, bits) },
      ...requantize.arguments,
      { kind: 'constant', name: 'shape', data: Int32Array.from(sizes) },
      ...(inPlace ? [{ kind: 'scratch' } as const] : []),
    ],
    scratchBytes: inPlace ? g.inputWidth : 0,
    scalars: requantize.scalars,
    ...(inPlace && t.x.type.bits <= 8 && t.y.type.bits <= 8 ? { inPlace: [0] } : {}),
  };
}

/** Windows miss one row or column at most on each side, and never the middle one. */
function bordersAreThin(g: Geometry): boolean {
  const most = (outputs: number, stride: number, pad: number, inputs: number) => (outputs - 1) * stride - pad + 3 - inputs;
  return g.padTop <= 1 && g.padLeft <= 1 && most(g.outputHeight, g.strideHeight, g.padTop, g.inputHeight) <= 1 && most(g.outputWidth, g.strideWidth, g.padLeft, g.inputWidth) <= 1;
}

const channelwise: Kernel = {
  family: 'portable',
  when({ graph, group, optimize }) {
    const [node] = group as readonly [IntegerNode];
    const { t, g } = read(node, graph);
    const sizes = [g.kernelHeight - 2, g.kernelWidth - 2, g.dilationHeight, g.dilationWidth, t.weights.shape[3]!];
    const isPlain = sizes.every((size) => size === 1) && t.x.type.bits <= 8 && t.weights.type.bits <= 8 && !biasClassesOf(node);
    const onePad = new Set(padCodes(node, g.inputChannels)).size === 1;
    return isPlain && onePad && bordersAreThin(g) && g.inputWidth >= 2 && optimize !== 'ram';
  },
  instantiate,
};

export const portableDepthwise: readonly Kernel[] = [channelwise];
