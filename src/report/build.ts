/** Puts what the stages measured into one report. Nothing here computes a figure of its own. */
import { operator } from '../operators/index.js';
import { constantCodes, integerTensor, type IntegerGraph, type IntegerNode, type IntegerPort, type TensorId } from '../graph/integer.js';
import type { Schedule, Step } from '../schedule/schedule.js';
import { packingOf } from './packing.js';
import { bitsText, weightsText } from './weights.js';
import type { Report, ReportAccuracy, ReportCost, ReportLayer, ReportPort, ReportProofs, ReportVerify } from './report.js';

/** What was built and executed for one target; null fields were not measured. */
export interface Measurements {
  readonly verify: ReportVerify;
  readonly instructions: number | null;
  /** One entry a step. */
  readonly stepInstructions: readonly (number | null)[] | null;
  /** By the target's cycle model, where it has one. */
  readonly estimatedCycles: number | null;
  readonly slowMultiplierCycles: number | null;
  readonly codeBytes: number | null;
  readonly constBytes: number | null;
  /** .data + .bss of the model, the arena not counted. */
  readonly staticBytes: number | null;
  readonly stackBytes: number | null;
  readonly proofs: Omit<ReportProofs, 'noOverflow'>;
}

export interface ReportInputs {
  readonly tool: string;
  readonly graph: IntegerGraph;
  readonly schedule: Schedule;
  readonly measured: Measurements;
  readonly accuracy: ReportAccuracy | null;
  /** Signal-to-quantization-noise in dB of each float tensor that has an integer twin. */
  readonly sqnrDb: ReadonlyMap<TensorId, number>;
  readonly params: number;
  readonly preprocess: string | null;
  readonly folding: Report['folding'];
  readonly mixed?: Report['mixedPrecision'];
  /** What was proven of the integers before any target was chosen. */
  readonly proven: readonly string[];
  readonly seconds: Report['seconds'];
}

export function typeName(type: { readonly bits: number; readonly signed: boolean }): string {
  return `${type.signed ? 'int' : 'uint'}${type.bits}`;
}

function reportPort(graph: IntegerGraph, port: IntegerPort, preprocess: string | null): ReportPort {
  const tensor = integerTensor(graph, port.tensor);
  const affine = tensor.real?.kind === 'affine' && tensor.real.scale.length === 1 ? tensor.real : null;
  return { name: port.name, shape: tensor.shape, type: typeName(tensor.type), scale: affine ? affine.scale[0]! : null, zeroPoint: affine ? affine.zeroPoint[0]! : null, preprocess };
}

export function nodeMacs(node: IntegerNode, graph: IntegerGraph): number {
  return operator(node.op).integer?.macs?.(node, graph) ?? 0;
}

/** Widest constant of the node with at most 8 bits: its weights (biases are 32). */
function weightBits(node: IntegerNode, graph: IntegerGraph): number | null {
  const bits = node.inputs.slice(1).map((id) => integerTensor(graph, id)).filter((t) => t.constant && t.type.bits <= 8).map((t) => t.type.bits);
  return bits.length === 0 || nodeMacs(node, graph) === 0 ? null : Math.max(...bits);
}

/** Nodes of a step in strips have a kernel each. */
function familyOf(step: Step, node: IntegerNode): string {
  return step.strips?.stages.find((stage) => stage.node.id === node.id)?.kernel.family ?? step.kernel.family;
}

function layers(inputs: ReportInputs): ReportLayer[] {
  const { graph, schedule, measured } = inputs;
  const nameOf = (node: IntegerNode) => node.origin.nodeName || node.id;
  const stepOf = new Map(schedule.steps.flatMap((s) => s.nodes.map((n, i) => [n.id, { step: s.index, fusedInto: i === 0 ? null : nameOf(s.nodes[0]!), family: familyOf(s, n) }] as const)));
  return graph.nodes.map((node) => {
    const output = integerTensor(graph, node.outputs[0]!);
    const at = stepOf.get(node.id);
    // A node without a step (reshape) costs none.
    const instructions = !measured.stepInstructions || at?.fusedInto ? null : !at ? 0 : (measured.stepInstructions[at.step] ?? null);
    return {
      name: nameOf(node),
      op: node.op,
      kernels: at?.family ?? null,
      outputShape: output.shape,
      macs: nodeMacs(node, graph),
      instructions,
      fusedInto: at?.fusedInto ?? null,
      weightBits: weightBits(node, graph),
      activationBits: output.type.bits,
      sqnrDb: inputs.sqnrDb.get(output.id) ?? null,
    };
  });
}

function cost(inputs: ReportInputs): ReportCost {
  const { graph, schedule, measured } = inputs;
  const sum = (a: number | null, b: number | null) => (a === null || b === null ? null : a + b);
  const packing = packingOf(schedule);
  return {
    instructions: measured.instructions,
    instructionsPerMac: measured.instructions === null || graph.nominalMacs === 0 ? null : measured.instructions / graph.nominalMacs,
    macsExecuted: graph.nodes.reduce((total, node) => total + nodeMacs(node, graph), 0),
    estimatedCycles: measured.estimatedCycles,
    slowMultiplierCycles: measured.slowMultiplierCycles,
    arenaBytes: schedule.arena.bytes,
    liveSetBytes: schedule.arena.liveSetBytes,
    arenaProof: schedule.arena.proof,
    arenaLowerBoundBytes: schedule.arena.lowerBoundBytes,
    scratchBytes: Math.max(0, ...schedule.steps.map((s) => s.scratchBytes)),
    ...(packing && { packing }),
    ramBytes: sum(measured.staticBytes, schedule.arena.bytes),
    codeBytes: measured.codeBytes,
    constBytes: measured.constBytes,
    flashBytes: sum(measured.codeBytes, measured.constBytes),
    stackBytes: measured.stackBytes,
  };
}

/** Worst case over all accumulating nodes: does every one fit, and how tight is the tightest. */
function overflowProof(graph: IntegerGraph): { readonly holds: boolean; readonly detail: string } {
  let widest = { share: 0, name: '' };
  let accumulators = 0;
  for (const node of graph.nodes) {
    if (!node.bounds) continue;
    const limit = node.bounds.accumulatorBits === 64 ? 2 ** 63 : 2 ** 31;
    for (const [low, high] of node.bounds.accumulator) {
      accumulators++;
      const share = Math.max(-low, high) / limit;
      if (share > widest.share) widest = { share, name: node.origin.nodeName || node.id };
    }
  }
  const detail = `accumulators over every input: ${accumulators} bounds, the widest ('${widest.name}') reaches ${(100 * widest.share).toFixed(3)} % of its type`;
  return { holds: widest.share < 1, detail };
}

/** Weights and biases of the imported model. */
export function constantParams(graph: IntegerGraph): number {
  let total = 0;
  for (const tensor of graph.tensors.values()) if (tensor.constant) total += constantCodes(graph, tensor.id).length;
  return total;
}

export function buildReport(inputs: ReportInputs): Report {
  const { graph, schedule, measured } = inputs;
  const overflow = overflowProof(graph);
  const families = [...new Set(schedule.steps.flatMap((s) => s.nodes.map((node) => familyOf(s, node))))];
  return {
    schemaVersion: 1,
    tool: inputs.tool,
    model: {
      name: graph.name,
      sha256: graph.origin.sha256,
      macs: graph.nominalMacs,
      params: inputs.params,
      inputs: graph.inputs.map((p) => reportPort(graph, p, inputs.preprocess)),
      outputs: graph.outputs.map((p) => reportPort(graph, p, null)),
    },
    target: schedule.target.id,
    kernels: families.join('+') || 'none',
    weights: weightsText(schedule),
    method: graph.provenance.method,
    bits: bitsText(graph),
    arith: graph.provenance.arith,
    seed: graph.provenance.seed,
    accuracy: inputs.accuracy,
    verify: measured.verify,
    cost: cost(inputs),
    proofs: { ...measured.proofs, noOverflow: overflow.holds, details: [overflow.detail, ...inputs.proven, ...measured.proofs.details] },
    layers: layers(inputs),
    folding: inputs.folding,
    mixedPrecision: inputs.mixed ?? null,
    seconds: inputs.seconds,
  };
}
