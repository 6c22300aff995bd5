/** What the portable kernels with weights have in common: channel blocks, weight layout, folded bias, arguments. */
import type { Codes, IntegerNode, TensorId } from '../../graph/integer.js';
import type { KernelArgument, KernelInstance, KernelOverlap } from '../kernel.js';
import { cType, requantizeArguments, requantizeScalars, requantizeView, signedTerm, typeName, type RequantizeView } from '../views.js';
import { inputZeroPointOf, type LinearTensors } from './integer.js';

/** One output channel of a block that is computed in one pass over the input. */
export interface LaneView {
  readonly index: number;
  /** Name of its sum. */
  readonly sum: string;
  /** Its channel as a C expression. */
  readonly channel: string;
}

/** Fields that every template with weights has. */
export interface LinearView {
  readonly inputType: string;
  readonly outputType: string;
  readonly weightType: string;
  readonly lanes: readonly LaneView[];
  readonly block: number;
  /** −zero point as a term of a sum, or nothing where the bias carries it. */
  readonly offset: string;
  readonly requantize: RequantizeView;
}

/** One value of the input and the products it takes part in; a pass of the inner loop takes several such steps. */
export interface StepView {
  readonly index: number;
  readonly products: readonly { readonly sum: string; readonly weight: number }[];
}

/** Fields of the inner loop over a run of input values. */
export interface RunView {
  readonly steps: readonly StepView[];
  readonly stepCount: number;
  readonly stepWeights: number;
}

/** Inner loop of as many steps as divide the length of every run: `multiple`. */
export function runView(block: number, multiple: number): RunView {
  const stepCount = [4, 3, 2].find((n) => multiple % n === 0) ?? 1;
  const steps = Array.from({ length: stepCount }, (_, index) => ({
    index,
    products: laneViews(block).map((lane) => ({ sum: lane.sum, weight: index * block + lane.index })),
  }));
  return { steps, stepCount, stepWeights: stepCount * block };
}

/** Block sizes by preference: a register each, one load of the input for all of them. */
const BLOCKS = [4, 6, 5, 3, 7, 2];

/** Number of channels computed together: a divisor, so that no kernel needs a tail. */
export function blockSize(channels: number): number {
  return BLOCKS.find((b) => channels % b === 0) ?? 1;
}

export function linearView(node: IntegerNode, t: LinearTensors, block: number, folded: boolean): LinearView {
  return {
    inputType: cType(t.x.type),
    outputType: cType(t.y.type),
    weightType: cType(t.weights.type),
    lanes: laneViews(block),
    block,
    offset: folded ? '' : signedTerm(-inputZeroPointOf(node)),
    requantize: requantizeView(node.requantize!, node.bounds),
  };
}

export function laneViews(block: number): readonly LaneView[] {
  return Array.from({ length: block }, (_, index) => ({ index, sum: `sum${index}`, channel: index === 0 ? 'channel' : `channel + ${index}` }));
}

/** `conv2d_s8_s8pc`: operator, input, weights, per channel, variant. */
export function linearStem(op: string, t: LinearTensors, node: IntegerNode, variant = ''): string {
  const perChannel = requantizeView(node.requantize!).perChannel;
  return `${op}_${typeName(t.x.type)}_${typeName(t.weights.type)}${perChannel ? 'pc' : ''}${variant && `_${variant}`}`;
}

/**
 * Weights [O, depth] in the order in which a kernel consumes them: [O/block][depth][block]. A kernel reads `block` weights
 * for each value of the input.
 */
export function interleave(codes: Codes, outputs: number, block: number): Codes {
  const depth = codes.length / outputs;
  const laid = codes.slice();
  let i = 0;
  for (let first = 0; first < outputs; first += block) {
    for (let k = 0; k < depth; k++) {
      for (let lane = 0; lane < block; lane++) laid[i++] = codes[(first + lane) * depth + k];
    }
  }
  return laid;
}

/** bias − zeroPoint·Σw for every bias class: `sums` holds Σw of each output channel. */
export function foldedBias(node: IntegerNode, t: LinearTensors, sums: readonly number[]): Int32Array {
  const zeroPoint = inputZeroPointOf(node);
  return Int32Array.from(t.biasCodes, (b, i) => b - zeroPoint * sums[i % sums.length]);
}

/** Σw of each output channel of weights [O, depth]. */
export function rowSums(codes: Codes, outputs: number): readonly number[] {
  const depth = codes.length / outputs;
  const sums = new Array<number>(outputs).fill(0);
  for (let i = 0; i < codes.length; i++) sums[Math.floor(i / depth)] += codes[i];
  return sums;
}

/** input, output, weights, bias, then `more`, then the constants of the requantization. */
export function linearArguments(node: IntegerNode, weights: Codes, bias: Codes, more: readonly KernelArgument[] = []): readonly KernelArgument[] {
  return [
    ...activationArguments([node.inputs[0]], node.outputs[0]),
    { kind: 'constant', name: 'weights', data: weights },
    { kind: 'constant', name: 'bias', data: bias },
    ...more,
    ...requantizeArguments(node.requantize!),
  ];
}

export function activationArguments(inputs: readonly TensorId[], output: TensorId): readonly KernelArgument[] {
  return [...inputs.map((tensor) => ({ kind: 'input', tensor }) as const), { kind: 'output', tensor: output }];
}

/** An instance of a portable kernel. */
export function portableInstance(node: IntegerNode, template: string, stem: string, view: object, list: readonly KernelArgument[], overlap: readonly KernelOverlap[] = []): KernelInstance {
  return { family: 'portable', template, stem, view, arguments: list, scratchBytes: 0, scalars: requantizeScalars(node.requantize!, node.bounds), overlap };
}
