/** Small integer graphs written by hand, for tests of what comes after quantization. */
import { type Codes, INTEGER_GRAPH_SCHEMA, INTEGER_GRAPH_VERSION, type IntegerGraph, type IntegerNode, type IntegerTensor, type Requantize, type State } from '../../src/graph/integer.js';
import { elementCount } from '../../src/graph/float.js';

export const S8 = { bits: 8, signed: true, packed: false } as const;
export const S32 = { bits: 32, signed: true, packed: false } as const;

/** Collects tensors and nodes; every activation is int8 unless said. */
export class HandGraph {
  private readonly tensors = new Map<string, IntegerTensor>();
  private readonly nodes: IntegerNode[] = [];

  constructor(private readonly name = 'hand') {}

  activation(id: string, shape: readonly number[], type: IntegerTensor['type'] = S8): this {
    const codeRange: [number, number] = type.bits === 32 ? [-2147483648, 2147483647] : type.signed ? [-(2 ** (type.bits - 1)), 2 ** (type.bits - 1) - 1] : [0, 2 ** type.bits - 1];
    const real = { kind: 'affine', scale: [0.5], zeroPoint: [0], axis: null } as const;
    this.tensors.set(id, { id, name: id, shape, type, real, codeRange, origin: this.origin(id, 'Tensor') });
    return this;
  }

  constant(id: string, shape: readonly number[], data: Codes): this {
    if (data.length !== elementCount(shape)) throw new Error(`constant ${id}: ${data.length} values for ${shape.join('x')}`);
    const type = { bits: data.BYTES_PER_ELEMENT * 8, signed: data.constructor.name.startsWith('Int'), packed: false };
    const codeRange: [number, number] = [Math.min(...data), Math.max(...data)];
    this.tensors.set(id, { id, name: id, shape, type, real: null, constant: { encoding: { kind: 'affine' }, data }, codeRange, origin: this.origin(id, 'Constant') });
    return this;
  }

  node(op: string, inputs: readonly string[], outputs: readonly string[], attributes: IntegerNode['attributes'] = {}, requantize?: Requantize): this {
    const id = `${op}_${this.nodes.length}`;
    this.nodes.push({ id, op, inputs, outputs, attributes, ...(requantize && { requantize }), origin: this.origin(id, op) });
    return this;
  }

  build(inputs: readonly string[], outputs: readonly string[], states: readonly State[] = []): IntegerGraph {
    const port = (tensor: string) => ({ name: tensor, tensor, sourceShape: [1, ...this.tensors.get(tensor)!.shape], batchAxis: 0, permutation: null });
    return {
      schema: INTEGER_GRAPH_SCHEMA,
      version: INTEGER_GRAPH_VERSION,
      name: this.name,
      origin: { file: 'hand.ptq.json', format: 'builder', sha256: '0' },
      inputs: inputs.map(port),
      outputs: outputs.map(port),
      states,
      tensors: this.tensors,
      nodes: this.nodes,
      provenance: { tool: 'test', method: 'nearest', bits: 'w8a8', arith: 'dyadic', seed: 0, calibrationSha256: null },
      nominalMacs: 0,
    };
  }

  private origin(nodeName: string, opType: string) {
    return { file: 'hand', format: 'builder', nodeName, opType } as const;
  }
}

/** Deterministic numbers in [low, high]. */
export function seededCodes<T extends Codes>(data: T, low: number, high: number, seed = 1): T {
  let state = seed >>> 0;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = low + (((state >>> 8) % (high - low + 1)) | 0);
  }
  return data;
}
