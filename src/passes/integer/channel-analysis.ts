/**
 * What can be proven about every channel of every activation for all inputs: the interval of its codes, and whether it is
 * `known`, that is, the same plane of codes whatever the input. The codes of known planes come from one simulated sample.
 */
import { allocateCodes, createSimulator, requantizer } from '../../../sim/index.js';
import { constantCodes, integerTensor, type Codes, type IntegerGraph, type IntegerNode, type TensorId } from '../../graph/integer.js';
import { reachedEntries } from '../../operators/table-kernel.js';
import { channelCount, channelModel } from './channels.js';
import { padCodesOf } from './linear-weights.js';

export interface ChannelFacts {
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** 1 where the plane does not depend on the input. */
  readonly known: Uint8Array;
}

export interface ChannelAnalysis {
  readonly facts: ReadonlyMap<TensorId, ChannelFacts>;
  /** Every tensor of one sample: the truth for known channels. */
  readonly sample: ReadonlyMap<TensorId, Codes>;
}

export function analyseChannels(graph: IntegerGraph): ChannelAnalysis {
  const sample = createSimulator(graph).tensors(graph.inputs.map((port) => allocateCodes(integerTensor(graph, port.tensor)).fill(integerTensor(graph, port.tensor).codeRange[0])));
  const facts = new Map<TensorId, ChannelFacts>();
  for (const tensor of graph.tensors.values()) {
    if (tensor.constant) facts.set(tensor.id, constantFacts(tensor.shape, tensor.constant.data));
  }
  for (const id of [...graph.inputs.map((p) => p.tensor), ...graph.states.map((s) => s.read)]) facts.set(id, unknownFacts(graph, id));
  for (const node of graph.nodes) {
    for (const id of node.outputs) facts.set(id, unknownFacts(graph, id));
    applyNode(node, graph, facts);
    for (const id of node.outputs) takeKnownPlanes(facts.get(id)!, sample.get(id)!);
  }
  return { facts, sample };
}

function unknownFacts(graph: IntegerGraph, id: TensorId): ChannelFacts {
  const { shape, codeRange } = integerTensor(graph, id);
  const channels = channelCount(shape);
  return { low: new Int32Array(channels).fill(codeRange[0]), high: new Int32Array(channels).fill(codeRange[1]), known: new Uint8Array(channels) };
}

function constantFacts(shape: readonly number[], codes: Codes): ChannelFacts {
  const channels = channelCount(shape);
  const facts = { low: new Int32Array(channels), high: new Int32Array(channels), known: new Uint8Array(channels).fill(1) };
  takeKnownPlanes(facts, codes);
  return facts;
}

function takeKnownPlanes(facts: ChannelFacts, codes: Codes): void {
  const channels = facts.known.length;
  for (let c = 0; c < channels; c++) {
    if (!facts.known[c]) continue;
    let low = codes[c];
    let high = low;
    for (let i = c; i < codes.length; i += channels) {
      if (codes[i] < low) low = codes[i];
      if (codes[i] > high) high = codes[i];
    }
    facts.low[c] = low;
    facts.high[c] = high;
  }
}

function applyNode(node: IntegerNode, graph: IntegerGraph, facts: ReadonlyMap<TensorId, ChannelFacts>): void {
  const model = channelModel(node, graph);
  const output = facts.get(node.outputs[0])!;
  if (model.kind === 'linear' || node.op === 'depthwise-conv2d') linearFacts(node, graph, facts);
  if (model.kind !== 'tied') return;
  for (let c = 0; c < output.known.length; c++) {
    const sources = model.sources(c).map(({ tensor, channel }) => ({ f: facts.get(tensor)!, channel }));
    if (sources.every(({ f, channel }) => f.known[channel])) output.known[c] = 1;
    if (node.op === 'unary') tableFacts(node, graph, sources[0], output, c);
    if (!model.copies) continue;
    output.low[c] = within(node.attributes['clamp'], Math.min(...sources.map(({ f, channel }) => f.low[channel])));
    output.high[c] = within(node.attributes['clamp'], Math.max(...sources.map(({ f, channel }) => f.high[channel])));
  }
}

/** Least and greatest entry of a table over the interval of its index. */
function tableFacts(node: IntegerNode, graph: IntegerGraph, { f, channel }: { readonly f: ChannelFacts; readonly channel: number }, output: ChannelFacts, c: number): void {
  const table = constantCodes(graph, node.inputs[1]);
  const [first, last] = reachedEntries(integerTensor(graph, node.inputs[0]).type, f.low[channel], f.high[channel]);
  const reached = Array.from(table.subarray(first, last + 1));
  output.low[c] = Math.min(...reached);
  output.high[c] = Math.max(...reached);
  if (output.low[c] === output.high[c]) output.known[c] = 1;
}

/** Pools clamp what they copy. */
function within(clamp: unknown, code: number): number {
  const [low, high] = (clamp ?? [code, code]) as readonly [number, number];
  return Math.min(high, Math.max(low, code));
}

/** Interval of every accumulator over all positions, rescaled: rounding and clamping are monotone. */
function linearFacts(node: IntegerNode, graph: IntegerGraph, facts: ReadonlyMap<TensorId, ChannelFacts>): void {
  const weights = constantCodes(graph, node.inputs[1]);
  const bias = constantCodes(graph, node.inputs[2]);
  const input = facts.get(node.inputs[0])!;
  const output = facts.get(node.outputs[0])!;
  const zeroPoint = node.attributes['inputZeroPoint'] as number;
  const pads = padCodesOf(node, input.known.length);
  const least = input.low.map((low, c) => Math.min(low, pads?.[c] ?? low) - zeroPoint);
  const most = input.high.map((high, c) => Math.max(high, pads?.[c] ?? high) - zeroPoint);
  const channels = output.known.length;
  const rescale = requantizer(node.requantize!);
  const isDepthwise = node.op === 'depthwise-conv2d';
  const multiplier = channels / input.known.length;
  const depth = isDepthwise ? 1 : input.known.length;
  const taps = weights.length / channels;
  for (let o = 0; o < channels; o++) {
    let [low, high, known] = [0, 0, true];
    for (let tap = 0; tap < taps; tap++) {
      const w = isDepthwise ? weights[tap * channels + o] : weights[o * taps + tap];
      const c = isDepthwise ? Math.floor(o / multiplier) : tap % depth;
      low += w * (w > 0 ? least[c] : most[c]);
      high += w * (w > 0 ? most[c] : least[c]);
      if (w !== 0 && !input.known[c]) known = false;
    }
    const [biasLow, biasHigh] = channelRange(bias, channels, o);
    const ends = [rescale(low + biasLow, o), rescale(high + biasHigh, o)];
    output.low[o] = Math.min(...ends);
    output.high[o] = Math.max(...ends);
    if (known || output.low[o] === output.high[o]) output.known[o] = 1;
  }
}

/** Least and largest bias of one channel over all border classes. */
function channelRange(bias: Codes, channels: number, o: number): readonly [number, number] {
  let low = bias[o];
  let high = low;
  for (let i = o; i < bias.length; i += channels) {
    low = Math.min(low, bias[i]);
    high = Math.max(high, bias[i]);
  }
  return [low, high];
}
