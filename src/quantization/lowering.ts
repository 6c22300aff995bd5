/** The LowerContext that operators see: collects integer tensors and nodes, proves every accumulator. */
import { AccumulatorOverflowError, CalibrationError, IntegerGraphError, type UnsupportedNode } from '../errors.js';
import { tensorOf, type FloatGraph, type FloatNode, type FloatTensor } from '../graph/float.js';
import { INTEGER_GRAPH_SCHEMA, INTEGER_GRAPH_VERSION, type Codes, type IntegerGraph, type IntegerNode, type IntegerTensor, type RealMeaning, type Requantize, type TensorId, type WeightEncoding } from '../graph/integer.js';
import { lanesFor, roundHalfAway, typeRange } from '../graph/lanes.js';
import { findOperator } from '../operators/index.js';
import type { ActivationPlan, Arithmetic, LowerContext, QuantizationPlan, WeightPlan } from '../operators/lower.js';
import { proveNode } from './bounds.js';
import { planRequantize } from './requantize.js';
import { quantizeValues } from './scales.js';

type EmitRequest = Parameters<LowerContext['emit']>[0];

export class Lowering implements LowerContext {
  readonly arith: Arithmetic;
  readonly tensors = new Map<TensorId, IntegerTensor>();
  readonly nodes: IntegerNode[] = [];
  readonly refused: UnsupportedNode[] = [];
  /** Float activation or constant → the integer tensor that stands for it. */
  private readonly standing = new Map<TensorId, TensorId>();
  private readonly nodeIds = new Set<string>();

  constructor(
    readonly graph: FloatGraph,
    private readonly plan: QuantizationPlan,
  ) {
    this.arith = plan.arith;
  }

  float(id: TensorId): FloatTensor {
    return tensorOf(this.graph, id);
  }

  isConstant(id: TensorId): boolean {
    return this.float(id).data !== undefined;
  }

  isPlanned(id: TensorId): boolean {
    return this.plan.activations.has(id);
  }

  activation(id: TensorId): ActivationPlan {
    const plan = this.plan.activations.get(id);
    if (plan) return plan;
    const { name, origin } = this.float(id);
    throw new CalibrationError(`tensor '${name}' of '${origin.nodeName}' has no range`, { origin, hint: 'calibrate with samples that reach it' });
  }

  weight(id: TensorId): WeightPlan {
    const plan = this.plan.weights.get(id);
    if (!plan) throw new IntegerGraphError(`the plan has no weights for '${this.float(id).name}'`, { origin: this.float(id).origin });
    return plan;
  }

  biasCodes(id: TensorId | undefined, scales: readonly number[], channels: number): Int32Array {
    if (id === undefined) return new Int32Array(channels);
    const planned = this.plan.biases.get(id);
    if (planned && 'codes' in planned) return planned.codes;
    const real = planned?.real ?? this.float(id).data!;
    return Int32Array.from({ length: channels }, (_, c) => this.biasCode(id, c, real[c % real.length] / scales[c % scales.length]));
  }

  integer(id: TensorId): IntegerTensor {
    const standing = this.standing.get(id);
    if (standing !== undefined) return this.tensors.get(standing)!;
    if (!this.isConstant(id)) throw new IntegerGraphError(`'${this.float(id).name}' is read before anything writes it`, { origin: this.float(id).origin });
    const made = this.quantizedConstant(id);
    this.standing.set(id, made);
    return this.tensors.get(made)!;
  }

  output(id: TensorId): IntegerTensor {
    const { name, shape, origin } = this.float(id);
    return this.stand(id, { name, shape, origin, ...typed(this.activation(id)) });
  }

  /** Declares the integer tensor of a float tensor under its own id. */
  stand(id: TensorId, tensor: Omit<IntegerTensor, 'id'>): IntegerTensor {
    const made = this.add(id, tensor);
    this.standing.set(id, made.id);
    return made;
  }

  intermediate(name: string, shape: readonly number[], plan: ActivationPlan, node: FloatNode): IntegerTensor {
    return this.add(name, { name, shape, origin: node.origin, ...typed(plan) });
  }

  constant(name: string, shape: readonly number[], bits: number, signed: boolean, codes: Int8Array | Uint8Array | Int16Array | Int32Array, real: RealMeaning | null = null, encoding: WeightEncoding = { kind: 'affine' }): TensorId {
    const type = { bits, signed, packed: false };
    const origin = { file: this.graph.source.file, format: this.graph.source.format, nodeName: name, opType: 'Constant' };
    const data = inLanes(codes, type);
    return this.add(name, { name, shape, type, real, codeRange: rangeOf(data), constant: { encoding, data }, origin }).id;
  }

  emit({ from, ...request }: EmitRequest): IntegerNode {
    const draft: IntegerNode = { ...request, id: this.nodeId(from.id), origin: from.origin };
    if (!findOperator(draft.op)?.integer) throw new IntegerGraphError(`operator '${draft.op}' has no integer side`, { origin: from.origin });
    const node = proveNode(draft, this.partialGraph());
    this.nodes.push(node);
    if (node.requantize) this.narrow(node.outputs[0], node.requantize.clamp);
    return node;
  }

  requantize(accumulatorScales: readonly number[], output: ActivationPlan, activation?: { readonly min: number; readonly max: number }): Requantize {
    return planRequantize(this.arith, accumulatorScales, output, activation);
  }

  unsupported(node: FloatNode, reason: string, nearest?: string): void {
    this.refused.push({ origin: node.origin, reason, ...(nearest !== undefined && { nearest }) });
  }

  takeRefused(): readonly UnsupportedNode[] {
    return this.refused.splice(0);
  }

  /** Outputs of a node that could not be lowered, so that later nodes can still be tried. */
  declareMissing(node: FloatNode): void {
    const placeholder: ActivationPlan = { bits: 8, signed: true, scale: 1, zeroPoint: 0 };
    for (const id of node.outputs) {
      if (this.standing.has(id)) continue;
      const { name, shape, origin } = this.float(id);
      this.stand(id, { name, shape, origin, ...typed(this.plan.activations.get(id) ?? placeholder) });
    }
  }

  /** What bounds may look at while the graph grows. */
  private partialGraph(): IntegerGraph {
    const { name, source } = this.graph;
    return {
      schema: INTEGER_GRAPH_SCHEMA,
      version: INTEGER_GRAPH_VERSION,
      name,
      origin: source,
      inputs: [],
      outputs: [],
      states: [],
      tensors: this.tensors,
      nodes: this.nodes,
      provenance: { tool: '', method: '', bits: '', arith: this.arith, seed: 0, calibrationSha256: null },
      nominalMacs: 0,
    };
  }

  private add(wanted: string, tensor: Omit<IntegerTensor, 'id'>): IntegerTensor {
    const id = unique(wanted, (candidate) => this.tensors.has(candidate));
    const made = { id, ...tensor };
    this.tensors.set(id, made);
    return made;
  }

  private nodeId(wanted: string): string {
    const id = unique(wanted, (candidate) => this.nodeIds.has(candidate));
    this.nodeIds.add(id);
    return id;
  }

  private narrow(id: TensorId, codeRange: readonly [number, number]): void {
    this.tensors.set(id, { ...this.tensors.get(id)!, codeRange });
  }

  private biasCode(id: TensorId, channel: number, value: number): number {
    const code = roundHalfAway(value);
    if (Math.abs(code) < 2147483648) return code;
    const { name, origin } = this.float(id);
    throw new AccumulatorOverflowError(`bias '${name}' of '${origin.nodeName}': channel ${channel} needs the code ${code}, which 32 bits do not hold`, { origin });
  }

  /** A constant that stands where an activation may: the file's own codes, or codes at the planned scale. */
  private quantizedConstant(id: TensorId): TensorId {
    const { name, shape, data, type, quantization, origin } = this.float(id);
    if (type === 'int32' && !this.isPlanned(id)) return this.constant(name, shape, 32, true, data as Int32Array);
    const plan = this.activation(id);
    const isOwn = quantization?.codes && quantization.axis === null && quantization.bits === plan.bits && quantization.scale[0] === plan.scale && quantization.zeroPoint[0] === plan.zeroPoint;
    const codes = isOwn ? quantization.codes! : quantizeValues(data!, plan);
    const made = this.constant(name, shape, plan.bits, plan.signed, codes, typed(plan).real);
    this.tensors.set(made, { ...this.tensors.get(made)!, origin });
    return made;
  }
}

/** Type, meaning and code range of an activation. */
function typed(plan: ActivationPlan): Pick<IntegerTensor, 'type' | 'real' | 'codeRange'> & { readonly real: RealMeaning } {
  return {
    type: { bits: plan.bits, signed: plan.signed, packed: false },
    real: { kind: 'affine', scale: [plan.scale], zeroPoint: [plan.zeroPoint], axis: null },
    codeRange: typeRange(plan),
  };
}

function inLanes(codes: Codes, type: IntegerTensor['type']): Codes {
  const lanes = lanesFor(type);
  if (codes instanceof lanes) return codes;
  const copy = new lanes(codes.length);
  copy.set(codes);
  return copy;
}

function rangeOf(codes: Codes): readonly [number, number] {
  let low = codes.length > 0 ? codes[0] : 0;
  let high = low;
  for (const code of codes) {
    if (code < low) low = code;
    if (code > high) high = code;
  }
  return [low, high];
}

function unique(wanted: string, taken: (candidate: string) => boolean): string {
  if (!taken(wanted)) return wanted;
  for (let i = 1; ; i++) if (!taken(`${wanted}_${i}`)) return `${wanted}_${i}`;
}
