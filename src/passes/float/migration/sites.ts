/**
 * Where channels may be shifted and scaled between a producer and the layers that read it (Outlier Suppression+, Wei et
 * al., 2023): behind a layer norm or a linear layer, in front of linear layers.
 */
import type { FloatNode, FusedActivation, TensorId } from '../../../graph/float.js';
import type { GraphEditor } from '../editor.js';
import { channelLabels, columnLabels, labelsBehind, type Labels } from './labels.js';

/** A reader of migrated values; columns[k] is the producer's channel that index k of the last axis of `tensor` holds. */
export interface Reader {
  readonly node: FloatNode;
  readonly tensor: TensorId;
  readonly columns: Labels;
}

export interface MigrationSite {
  readonly producer: FloatNode;
  /** The producer's output. */
  readonly tensor: TensorId;
  readonly channels: number;
  /** Linear layers whose weights take the inverse. */
  readonly absorbers: readonly Reader[];
  /** What else reads the values and needs them as they were: a batch norm in front of it undoes the migration. */
  readonly others: readonly Reader[];
  /** False where only scales pass: a ReLU in between. */
  readonly shifts: boolean;
  /** A reader pads what it reads: shifted padding costs it a bias of its own at every border. */
  readonly pads: boolean;
  /** Channels that must stay: readers behind a linear producer that cannot take the inverse. */
  readonly fixed: ReadonlySet<number>;
}

const PRODUCERS = ['layer-norm', 'dense', 'conv2d', 'depthwise-conv2d'];

/** Sites in the order of their producers. */
export function migrationSites(editor: GraphEditor): readonly MigrationSite[] {
  return editor.list().flatMap((producer) => siteBehind(editor, producer) ?? []);
}

/** The site behind one producer, undefined where it can take no factors or nobody takes the inverse. */
export function siteBehind(editor: GraphEditor, producer: FloatNode): MigrationSite | undefined {
  if (!PRODUCERS.includes(producer.op) || !isFree(editor, producer) || !scalesThrough(producer)) return undefined;
  const tensor = producer.outputs[0]!;
  const walk = new Walk(editor);
  walk.follow(tensor, channelLabels(editor.shape(tensor)));
  if (walk.absorbers.length === 0 || walk.blocked) return undefined;
  const isNorm = producer.op === 'layer-norm';
  if (isNorm && walk.opaque.some((reader) => reader === null)) return undefined;
  const site = {
    producer,
    tensor,
    channels: editor.shape(tensor).at(-1)!,
    absorbers: walk.absorbers,
    shifts: !producer.attributes['activation'],
    pads: walk.absorbers.some(({ node }) => isPadded(node)),
  };
  if (isNorm) return { ...site, others: walk.opaque as readonly Reader[], fixed: new Set() };
  const fixed = new Set(walk.seen);
  return fixed.size === site.channels ? undefined : { ...site, others: [], fixed };
}

/** Everything that elements of one tensor reach without being mixed. */
class Walk {
  readonly absorbers: Reader[] = [];
  /** Other readers; null where one channel does not lie on one index of the last axis. */
  readonly opaque: (Reader | null)[] = [];
  /** Channels that other readers see. */
  readonly seen = new Set<number>();
  /** An output of the network holds the values. */
  blocked = false;

  constructor(private readonly editor: GraphEditor) {}

  follow(id: TensorId, labels: Labels): void {
    if (this.editor.isOutput(id)) this.blocked = true;
    for (const node of this.editor.consumers(id)) node.inputs.forEach((input, at) => input === id && this.enter(node, id, at, labels));
  }

  private enter(node: FloatNode, tensor: TensorId, at: number, labels: Labels): void {
    const behind = labelsBehind(this.editor, node, at, labels);
    if (behind) return this.follow(node.outputs[0]!, behind);
    const columns = columnLabels(labels, this.editor.shape(tensor).at(-1)!);
    if (at === 0 && columns && absorbs(this.editor, node)) return void this.absorbers.push({ node, tensor, columns });
    for (const label of labels) this.seen.add(label);
    this.opaque.push(columns && { node, tensor, columns });
  }
}

/** A linear layer every input channel of which meets weights of its own. */
function absorbs(editor: GraphEditor, node: FloatNode): boolean {
  if (node.op !== 'dense' && !(node.op === 'conv2d' && node.attributes['groups'] === 1)) return false;
  return isFree(editor, node);
}

/** Parameters are plain constants. */
function isFree(editor: GraphEditor, { op, inputs }: FloatNode): boolean {
  if (op === 'layer-norm' && (inputs.length < 2 || editor.shape(inputs[1]!).length !== 1)) return false;
  return inputs.slice(1).every((id) => {
    const { data, quantization } = editor.tensor(id);
    return data instanceof Float32Array && !quantization;
  });
}

/** Without an activation, or with a ReLU. */
function scalesThrough({ attributes }: FloatNode): boolean {
  const activation = attributes['activation'] as FusedActivation | null | undefined;
  return !activation || [activation.min, activation.max].every((bound) => bound === 0 || Math.abs(bound) === Number.POSITIVE_INFINITY);
}

function isPadded({ attributes }: FloatNode): boolean {
  return ((attributes['pad'] as readonly number[] | undefined) ?? []).some((amount) => amount !== 0);
}
