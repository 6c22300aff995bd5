/**
 * Nodes computed together, a strip of rows at a time: only windows of rows of the tensors between them exist. Every row is
 * computed once, apart from rows outside a tensor that a strip at its border has to spare.
 *
 * In pass t a tensor of `rows` rows a pass grows by the rows [t·rows + lead, … + rows): leads are how far a tensor must be
 * ahead of the last one (lead 0) so that its readers find their windows. What lies outside the tensor is padding.
 */
import { elementCount } from '../../graph/float.js';
import { type IntegerGraph, type IntegerNode, integerTensor, laneBytes, type TensorId } from '../../graph/integer.js';
import type { KernelInstance } from '../../operators/kernel.js';
import { type Access, overlapDistance } from '../../operators/overlap.js';
import { packingInstructions, type PackedRows } from './packed-rows.js';
import { type RowRule, rowRule, stripNode } from './rows.js';

/** Rows of one tensor that exist at a time. */
export interface LineBuffer {
  readonly tensor: TensorId;
  /** Bytes from the start of the step's scratch. */
  readonly offset: number;
  readonly height: number;
  readonly rowBytes: number;
  /** Rows held, and rows that a pass adds at the end (and drops at the start). */
  readonly held: number;
  readonly rows: number;
  readonly lead: number;
  /** Null: rows outside the tensor are never used. */
  readonly padByte: number | null;
}

export interface StripStage {
  readonly node: IntegerNode;
  /** On a strip; its tensors are the node's, its scratch lies behind the line buffers. */
  readonly kernel: KernelInstance;
  /** Byte offset of the window of each input in its line buffer. */
  readonly windows: ReadonlyMap<TensorId, number>;
  /** Passes in which it computes at least one row of the tensor: [first, end). */
  readonly first: number;
  readonly end: number;
}

export interface StripPlan {
  readonly buffers: readonly LineBuffer[];
  readonly sources: readonly TensorId[];
  readonly stages: readonly StripStage[];
  /** `rowBytes`: as rows lie in the arena. A packed one has a line buffer too, out of which its rows are packed. */
  readonly sink: { readonly tensor: TensorId; readonly rows: number; readonly rowBytes: number };
  /** Those of the sources and the sink that lie packed in the arena. */
  readonly packed: ReadonlyMap<TensorId, PackedRows>;
  /** Passes [first, end); the sink grows from pass 0 on. */
  readonly first: number;
  readonly end: number;
  readonly lineBytes: number;
  readonly scratchBytes: number;
}

export type ChooseKernel = (graph: IntegerGraph, node: IntegerNode) => KernelInstance | null;

export interface StripRequest {
  readonly graph: IntegerGraph;
  /** In order; all but the last one's outputs are used by these nodes alone. */
  readonly nodes: readonly IntegerNode[];
  /** Rows of the last output that a pass computes. */
  readonly rows: number;
  readonly alignment: number;
  /** More scratch is of no use. */
  readonly mostBytes: number;
  readonly chooseKernel: ChooseKernel;
  /** Tensors that lie packed in the arena. */
  readonly packed?: ReadonlyMap<TensorId, PackedRows>;
}

/** Null where the nodes do not fit together or a kernel cannot work on strips. */
export function planStrips(request: StripRequest): StripPlan | null {
  const { graph, nodes, rows, alignment } = request;
  const rules = nodes.map((node) => rowRule(node, graph));
  if (!rules.every((rule) => rule !== null)) return null;
  const paces = pacesOf(nodes, rules, rows);
  const sink = nodes.at(-1)!.outputs[0]!;
  const height = integerTensor(graph, sink).shape[0]!;
  if (!paces || height % rows !== 0 || height === rows) return null;
  const buffers = lineBuffers(request, rules, paces, sink);
  if (!buffers) return null;
  const lineBytes = buffers.reduce((sum, b) => sum + roundUp(b.held * b.rowBytes, alignment), 0);
  if (lineBytes >= request.mostBytes) return null;
  const end = height / rows;
  const stages: StripStage[] = [];
  for (const [i, node] of nodes.entries()) {
    const stage = stripStage(request, node, rules[i]!, paces, buffers, end);
    if (!stage) return null;
    stages.push(stage);
  }
  const produced = new Set(nodes.map((n) => n.outputs[0]!));
  const sources = buffers.map((b) => b.tensor).filter((id) => !produced.has(id));
  const packed = new Map([...(request.packed ?? [])].filter(([id]) => id === sink || sources.includes(id)));
  return {
    buffers,
    sources,
    stages,
    sink: { tensor: sink, rows, rowBytes: packed.get(sink)?.rowBytes ?? rowBytes(graph, sink) },
    packed,
    first: Math.min(0, ...buffers.map((b) => Math.floor(-b.lead / b.rows))),
    end,
    lineBytes,
    scratchBytes: lineBytes + Math.max(0, ...stages.map((s) => s.kernel.scratchBytes)),
  };
}

interface Pace {
  readonly rows: number;
  readonly lead: number;
}

/** Rows a pass and lead of every tensor, from the last one backwards; null where two readers want different paces. */
function pacesOf(nodes: readonly IntegerNode[], rules: readonly RowRule[], rows: number): ReadonlyMap<TensorId, Pace> | null {
  const paces = new Map<TensorId, Pace>([[nodes.at(-1)!.outputs[0]!, { rows, lead: 0 }]]);
  for (let i = nodes.length - 1; i >= 0; i--) {
    const output = paces.get(nodes[i]!.outputs[0]!);
    if (!output) return null;
    const { stride, window, padTop, inputs } = rules[i]!;
    const lead = output.lead * stride - padTop + (output.rows - 1) * stride + window - output.rows * stride;
    for (const id of inputs) {
      const known = paces.get(id);
      if (known && known.rows !== output.rows * stride) return null;
      paces.set(id, { rows: output.rows * stride, lead: Math.max(lead, known?.lead ?? lead) });
    }
  }
  return paces;
}

function lineBuffers({ graph, nodes, alignment, packed }: StripRequest, rules: readonly RowRule[], paces: ReadonlyMap<TensorId, Pace>, sink: TensorId): readonly LineBuffer[] | null {
  const buffers: LineBuffer[] = [];
  let offset = 0;
  for (const [tensor, { rows, lead }] of [...paces].reverse()) {
    if (tensor === sink && !packed?.has(sink)) continue;
    const readers = nodes.flatMap((node, i) => (rules[i]!.inputs.includes(tensor) ? [{ rule: rules[i]!, output: paces.get(node.outputs[0]!)! }] : []));
    const starts = readers.map(({ rule, output }) => output.lead * rule.stride - rule.padTop);
    const pads = new Set(readers.flatMap(({ rule }) => (rule.padByte === null ? [] : [rule.padByte])));
    if (pads.size > 1) return null;
    const held = Math.max(rows, lead + rows - Math.min(...starts));
    const bytes = rowBytes(graph, tensor);
    buffers.push({ tensor, offset, height: integerTensor(graph, tensor).shape[0]!, rowBytes: bytes, held, rows, lead, padByte: [...pads][0] ?? null });
    offset += roundUp(held * bytes, alignment);
  }
  return buffers;
}

function stripStage(request: StripRequest, node: IntegerNode, rule: RowRule, paces: ReadonlyMap<TensorId, Pace>, buffers: readonly LineBuffer[], passes: number): StripStage | null {
  const { graph, alignment } = request;
  const { rows, lead } = paces.get(node.outputs[0]!)!;
  const strip = stripNode(node, graph, rule, rows);
  const kernel = request.chooseKernel(strip.graph, strip.node);
  if (!kernel) return null;
  const windows = new Map(
    rule.inputs.map((id) => {
      const buffer = buffers.find((b) => b.tensor === id)!;
      const start = lead * rule.stride - rule.padTop;
      return [id, (start - (buffer.lead + buffer.rows - buffer.held)) * buffer.rowBytes] as const;
    }),
  );
  // Kernels that load words may count on aligned tensors.
  const output = rows * rowBytes(graph, node.outputs[0]!);
  if (kernel.family !== 'portable' && [...windows.values(), output].some((bytes) => bytes % alignment !== 0)) return null;
  const height = integerTensor(graph, node.outputs[0]!).shape[0]!;
  return { node, kernel, windows, first: Math.floor(-lead / rows), end: Math.min(passes, Math.ceil((height - lead) / rows)) };
}

/** Some pass adds rows that lie outside the tensor, and readers take them for padding. */
export function needsPadding({ rows, lead, height, padByte }: LineBuffer, { first, end }: StripPlan): boolean {
  return padByte !== null && (first * rows + lead < 0 || end * rows + lead > height);
}

/** Distance at which the output may overwrite a source: rows that a pass takes, against bytes of the output written by then. */
export function stripDistance(plan: StripPlan, source: TensorId): number {
  const { rows, lead, rowBytes: unpacked, height } = plan.buffers.find((b) => b.tensor === source)!;
  const bytes = plan.packed.get(source)?.rowBytes ?? unpacked;
  const accesses: Access[] = [];
  for (let pass = plan.first; pass < plan.end; pass++) {
    const row = Math.max(0, pass * rows + lead);
    accesses.push({ from: row < height ? row * bytes : Number.POSITIVE_INFINITY, to: Math.max(0, (pass + 1) * plan.sink.rows * plan.sink.rowBytes) });
  }
  return overlapDistance(accesses, height * bytes);
}

/** Instructions that the strips cost beside the kernels' own work, roughly: calls, copies, windows that kernels prepare anew, packing. */
export function stripOverhead(plan: StripPlan): number {
  const passes = plan.end - plan.first;
  const isCopied = ({ tensor }: LineBuffer) => plan.sources.includes(tensor) && !plan.packed.has(tensor);
  const moved = plan.buffers.reduce((sum, b) => sum + b.rowBytes * (b.held - b.rows) + (isCopied(b) ? b.rowBytes * b.rows : 0), 0);
  const again = plan.buffers.reduce((sum, b) => sum + b.rowBytes * (b.held - b.rows), 0);
  const packing = [...plan.packed.values()].reduce((sum, rows) => sum + rows.height * packingInstructions(rows), 0);
  return passes * (60 * (plan.stages.length + plan.buffers.length) + moved / 2 + 4 * again) + packing;
}

function rowBytes(graph: IntegerGraph, id: TensorId): number {
  const { shape, type } = integerTensor(graph, id);
  return elementCount(shape.slice(1)) * laneBytes(type);
}

function roundUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
