/** Which channels of every activation must stay: somebody reads them, and their reader cannot fold them into its bias. */
import { constantCodes, integerTensor, type IntegerGraph, type IntegerNode, type TensorId } from '../../graph/integer.js';
import { channelCount, channelModel } from './channels.js';

/** Node id → input channels (1 = folded) that a linear node takes into its bias. */
export type FoldedInputs = ReadonlyMap<string, Uint8Array>;

/** Activation → its channels that stay, ascending; never none. */
export function liveChannels(graph: IntegerGraph, folded: FoldedInputs): ReadonlyMap<TensorId, readonly number[]> {
  const classes = new ChannelClasses(graph);
  const linear: IntegerNode[] = [];
  for (const id of [...graph.inputs, ...graph.outputs].map((port) => port.tensor)) classes.needAll(id);
  for (const state of graph.states) for (const id of [state.read, state.write]) classes.needAll(id);
  for (const node of graph.nodes) {
    const model = channelModel(node, graph);
    if (model.kind === 'linear') linear.push(node);
    else if (model.kind === 'opaque') [...node.inputs, ...node.outputs].forEach((id) => classes.needAll(id));
    else {
      const channels = channelCount(integerTensor(graph, node.outputs[0]).shape);
      for (let c = 0; c < channels; c++) for (const source of model.sources(c)) classes.tie(node.outputs[0], c, source.tensor, source.channel);
    }
  }
  const readers = linear.map((node) => new LinearReader(node, graph, folded.get(node.id)));
  do while (readers.map((reader) => reader.propagate(classes)).includes(true));
  while (classes.keepOneEach());
  return classes.live();
}

/** Union-find over (activation, channel). */
class ChannelClasses {
  private readonly offsets = new Map<TensorId, number>();
  private readonly counts = new Map<TensorId, number>();
  private readonly parent: Int32Array;
  private readonly needed: Uint8Array;

  constructor(graph: IntegerGraph) {
    let total = 0;
    for (const tensor of graph.tensors.values()) {
      if (tensor.constant) continue;
      const count = channelCount(tensor.shape);
      this.offsets.set(tensor.id, total);
      this.counts.set(tensor.id, count);
      total += count;
    }
    this.parent = Int32Array.from({ length: total }, (_, i) => i);
    this.needed = new Uint8Array(total);
  }

  tie(a: TensorId, ca: number, b: TensorId, cb: number): void {
    const first = this.root(a, ca);
    const second = this.root(b, cb);
    if (first === second) return;
    this.parent[second] = first;
    this.needed[first] |= this.needed[second];
  }

  needAll(id: TensorId): void {
    for (let c = 0; c < (this.counts.get(id) ?? 0); c++) this.need(id, c);
  }

  /** True where that was news. */
  need(id: TensorId, channel: number): boolean {
    const root = this.root(id, channel);
    if (this.needed[root]) return false;
    this.needed[root] = 1;
    return true;
  }

  isNeeded(id: TensorId, channel: number): boolean {
    return this.needed[this.root(id, channel)] === 1;
  }

  /** A tensor cannot vanish whole: its first channel stays. True where that was news. */
  keepOneEach(): boolean {
    let news = false;
    for (const [id, count] of this.counts) {
      if (!Array.from({ length: count }, (_, c) => this.isNeeded(id, c)).includes(true)) news = this.need(id, 0) || news;
    }
    return news;
  }

  live(): ReadonlyMap<TensorId, readonly number[]> {
    return new Map([...this.counts].map(([id, count]) => [id, Array.from({ length: count }, (_, c) => c).filter((c) => this.isNeeded(id, c))]));
  }

  private root(id: TensorId, channel: number): number {
    let i = this.offsets.get(id)! + channel;
    while (this.parent[i] !== i) i = this.parent[i] = this.parent[this.parent[i]];
    return i;
  }
}

/** A linear node needs an input channel where a live output gives it a weight other than zero. */
class LinearReader {
  private readonly outputs: number;
  private readonly inputs: number;
  private readonly reads: Uint8Array;

  constructor(
    private readonly node: IntegerNode,
    graph: IntegerGraph,
    folded: Uint8Array | undefined,
  ) {
    this.inputs = channelCount(integerTensor(graph, node.inputs[0]).shape);
    this.outputs = channelCount(integerTensor(graph, node.outputs[0]).shape);
    this.reads = new Uint8Array(this.outputs * this.inputs);
    const weights = constantCodes(graph, node.inputs[1]);
    const perOutput = weights.length / this.outputs;
    for (let i = 0; i < weights.length; i++) {
      const c = i % this.inputs;
      if (weights[i] !== 0 && !folded?.[c]) this.reads[Math.floor(i / perOutput) * this.inputs + c] = 1;
    }
  }

  propagate(classes: ChannelClasses): boolean {
    let news = false;
    for (let o = 0; o < this.outputs; o++) {
      if (!classes.isNeeded(this.node.outputs[0], o)) continue;
      for (let c = 0; c < this.inputs; c++) if (this.reads[o * this.inputs + c] && classes.need(this.node.inputs[0], c)) news = true;
    }
    return news;
  }
}
