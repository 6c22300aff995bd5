/** Fully connected layers on cores without SIMD: one copy of the code for all layers, as many sums as there are registers. */
import { elementCount } from '../../graph/float.js';
import type { IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import { linearTensors, type LinearTensors } from '../linear/integer.js';
import { foldedBias, linearStem, rowSums } from '../linear/kernels.js';
import { rowsOverlap } from '../overlap.js';
import { cType } from '../views.js';
import { packedBitsOf } from '../packing.js';
import { BLOCK, type DenseLayout, packedDense } from './packed-dense.js';
import { pairTaps } from './pairs.js';
import { portableRequantize } from './requantize.js';

/** Taps of a step: on cores with eight low registers a word of weights. */
const STEP = 4;

/** Weights [O, depth] as [O/4][taps/4][4 channels][4 taps]; channels and taps that are added have weights 0. */
function tiledWeights(t: LinearTensors, [channels, depth]: readonly [number, number], taps: number): Int8Array {
  const laid = new Int8Array(BLOCK * Math.ceil(channels / BLOCK) * taps);
  for (let channel = 0; channel < channels; channel++) {
    const first = Math.floor(channel / BLOCK) * BLOCK * taps + (channel % BLOCK) * STEP;
    for (let k = 0; k < depth; k++) laid[first + Math.floor(k / STEP) * STEP * BLOCK + (k % STEP)] = t.weightCodes[channel * depth + k]!;
  }
  return laid;
}

function plainLayout(t: LinearTensors, [channels, depth]: readonly [number, number]): DenseLayout {
  const taps = pairTaps(depth);
  const lanes = Array.from({ length: BLOCK }, (_, index) => ({ sum: `sum${index}`, products: Array.from({ length: STEP }, (_step, k) => ({ value: k, weight: STEP * index + k })) }));
  return { variant: 'blocks', taps, weights: tiledWeights(t, [channels, depth], taps), view: { isPacked: false, weightType: 'int8_t', lanes, step: STEP, stepWeights: BLOCK * STEP } };
}

function instantiate({ graph, group, features, weights: stored }: KernelContext): KernelInstance {
  const [node] = group as readonly [IntegerNode];
  const t = linearTensors(node, graph);
  const [channels, depth] = t.weights.shape as [number, number];
  const bits = stored === 'packed' ? packedBitsOf(t.weightCodes) : null;
  const { variant, taps, weights, view } = bits === null ? plainLayout(t, [channels, depth]) : packedDense(t, [channels, depth], bits);
  const requantize = portableRequantize(node, features, foldedBias(node, t, rowSums(t.weightCodes, channels)));
  return {
    family: 'portable',
    template: 'portable/dense',
    stem: linearStem('dense', t, node, variant),
    view: { inputType: cType(t.x.type), outputType: cType(t.y.type), block: BLOCK, ...view, assembly: features.lowRegisters === true, requantize: requantize.view },
    arguments: [
      { kind: 'input', tensor: node.inputs[0]! },
      { kind: 'output', tensor: node.outputs[0]! },
      { kind: 'constant', name: 'weights', data: weights, alignment: 4 },
      ...requantize.arguments,
      { kind: 'constant', name: 'shape', data: Int32Array.of(elementCount(t.x.shape) / depth, depth, channels, taps, node.requantize!.zeroPoint) },
      { kind: 'scratch' },
    ],
    scratchBytes: taps,
    scalars: requantize.scalars,
    overlap: rowsOverlap(elementCount(t.x.shape) / depth, depth, channels, t.x, t.y),
  };
}

const blocks: Kernel = {
  family: 'portable',
  when({ graph, group }) {
    const t = linearTensors((group as readonly [IntegerNode])[0], graph);
    return t.x.type.bits <= 8 && t.x.type.signed && t.weights.type.bits <= 8;
  },
  instantiate,
};

export const portableDense: readonly Kernel[] = [blocks];
