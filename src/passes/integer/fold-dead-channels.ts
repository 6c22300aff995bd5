/**
 * Exact folding of channels: one that nobody reads goes, and one whose plane is the same for every possible input (its
 * weights are zero, its clamp is closed for the whole interval of accumulators, or it hangs on such channels alone)
 * moves into the biases of its readers. Borders, where padding and plane differ, become bias classes. No output bit changes.
 */
import { integerTensor, type IntegerGraph, type IntegerNode, type IntegerTensor, type TensorId } from '../../graph/integer.js';
import { foldIntoBias } from './border-bias.js';
import { analyseChannels, type ChannelAnalysis } from './channel-analysis.js';
import { liveChannels } from './channel-liveness.js';
import { channelCount, channelModel } from './channels.js';
import { sliceDepthwise, sliceLinear, sliceTied, type AddConstant, type Live } from './slice-channels.js';

/** Most bias classes (row classes times column classes) a folding may cost. */
const MOST_CLASSES = 64;

export function foldDeadChannels(graph: IntegerGraph): IntegerGraph {
  const analysis = analyseChannels(graph);
  const folded = chooseFolds(graph, analysis);
  const live = liveChannels(graph, folded);
  const isWhole = [...live].every(([id, channels]) => channels.length === channelCount(integerTensor(graph, id).shape));
  return isWhole && folded.size === 0 ? graph : rewrite(graph, live, folded, analysis);
}

/** Known input channels of every linear node, as far as their classes stay few. */
function chooseFolds(graph: IntegerGraph, analysis: ChannelAnalysis): Map<string, Uint8Array> {
  const folds = new Map<string, Uint8Array>();
  for (const node of graph.nodes) {
    if (channelModel(node, graph).kind !== 'linear' || integerTensor(graph, node.inputs[0]).constant) continue;
    const { known, low, high } = analysis.facts.get(node.inputs[0])!;
    const flat = known.map((k, c) => (k && low[c] === high[c] ? 1 : 0));
    const candidates = node.op === 'dense' ? [flat] : [known, flat];
    const fold = candidates.find((candidate) => candidate.includes(1) && fitsInClasses(node, graph, candidate, analysis));
    if (fold) folds.set(node.id, fold.slice());
  }
  return folds;
}

function fitsInClasses(node: IntegerNode, graph: IntegerGraph, fold: Uint8Array, analysis: ChannelAnalysis): boolean {
  const { known } = analysis.facts.get(node.outputs[0])!;
  const outputs = [...known.keys()].filter((o) => !known[o]);
  if (outputs.length === 0) return true;
  const bias = foldIntoBias(node, graph, fold, analysis.sample.get(node.inputs[0])!, outputs);
  return bias.codes.length / outputs.length <= MOST_CLASSES;
}

function rewrite(graph: IntegerGraph, live: Live, folded: ReadonlyMap<string, Uint8Array>, analysis: ChannelAnalysis): IntegerGraph {
  const tensors = new Map<TensorId, IntegerTensor>();
  for (const tensor of graph.tensors.values()) {
    const channels = live.get(tensor.id);
    tensors.set(tensor.id, channels && channels.length < channelCount(tensor.shape) ? { ...tensor, shape: [...tensor.shape.slice(0, -1), channels.length] } : tensor);
  }
  const add = constantAdder(tensors);
  const nodes = graph.nodes.map((node) => rewriteNode(node, graph, live, folded, analysis, add));
  const used = new Set([...nodes.flatMap((n) => [...n.inputs, ...n.outputs]), ...graph.inputs.map((p) => p.tensor), ...graph.outputs.map((p) => p.tensor), ...graph.states.flatMap((s) => [s.read, s.write])]);
  return { ...graph, tensors: new Map([...tensors].filter(([id]) => used.has(id))), nodes };
}

function rewriteNode(node: IntegerNode, graph: IntegerGraph, live: Live, folded: ReadonlyMap<string, Uint8Array>, analysis: ChannelAnalysis, add: AddConstant): IntegerNode {
  const fold = folded.get(node.id);
  const isWhole = [...node.inputs, ...node.outputs].every((id) => !live.has(id) || live.get(id)!.length === channelCount(integerTensor(graph, id).shape));
  if (isWhole && !fold) return node;
  const model = channelModel(node, graph);
  if (model.kind === 'linear') {
    const inputs = channelCount(integerTensor(graph, node.inputs[0]).shape);
    // A channel that stays for another reader stays here too: only those that go are folded.
    const gone = new Uint8Array(inputs).fill(1);
    for (const c of live.get(node.inputs[0])!) gone[c] = 0;
    const bias = foldIntoBias(node, graph, fold ? fold.map((f, c) => f & gone[c]) : new Uint8Array(inputs), analysis.sample.get(node.inputs[0])!, live.get(node.outputs[0])!);
    return sliceLinear(node, graph, live, bias, add);
  }
  if (node.op === 'depthwise-conv2d') return sliceDepthwise(node, graph, live, add);
  return sliceTied(node, graph, live, channelCount(integerTensor(graph, node.outputs[0]).shape), add);
}

/** New constants beside the old, which other nodes may still read; unread ones are dropped at the end. */
function constantAdder(tensors: Map<TensorId, IntegerTensor>): AddConstant {
  return (source, shape, data, axes) => {
    let id = `${source.id}:live`;
    for (let i = 1; tensors.has(id); i++) id = `${source.id}:live_${i}`;
    let low = 0;
    let high = 0;
    for (const code of data) {
      low = Math.min(low, code);
      high = Math.max(high, code);
    }
    tensors.set(id, { ...source, id, shape, codeRange: [low, high], real: slicedMeaning(source, axes, shape), constant: { ...source.constant!, data } });
    return id;
  };
}

function slicedMeaning({ real, shape }: IntegerTensor, axes: readonly (readonly number[] | null)[], newShape: readonly number[]): IntegerTensor['real'] {
  if (real?.kind !== 'affine' || real.axis === null) return real;
  // A bias gains an axis in front of its channels where it gets classes.
  const axis = real.axis + newShape.length - shape.length;
  const kept = axes[axis];
  return { ...real, axis, ...(kept && { scale: kept.map((c) => real.scale[c]), zeroPoint: kept.map((c) => real.zeroPoint[c]) }) };
}
