/**
 * Shift layers for hardware: codes of the terms, biases, shifts and vectors as files for Verilog's `$readmemh`, one value a
 * line in two's complement, and their shapes in `layers.json`.
 *
 *     acc[y][x][o] = bias[class][o] + Σ ±2^e·x[…]       output = clamp(round(acc / 2^shift[o]) + zeroPoint)
 *
 * Codes of the input go in as they are: its zero point is part of the bias, and outside of the input its padding is read.
 */
import type { Codes, IntegerGraph, IntegerNode, IntegerType, TensorId } from '../graph/integer.js';
import { biasClassesOf, linearTensors, padOf } from '../operators/linear/integer.js';
import { foldedBias, rowSums } from '../operators/linear/kernels.js';
import { type ShiftEncoding, shiftCodes, termBits } from '../operators/shift/weights.js';

export interface LayerVector {
  readonly tensors: ReadonlyMap<TensorId, Codes>;
  readonly accumulators: ReadonlyMap<TensorId, Int32Array>;
}

interface HexFile {
  readonly file: string;
  /** Row-major. */
  readonly shape: readonly number[];
  readonly bits: number;
  readonly signed: boolean;
}

/** Layers whose weights are sums of signed powers of two, in the order they run. */
export function shiftLayers(graph: IntegerGraph): readonly IntegerNode[] {
  return graph.nodes.filter((node) => encodingOf(node, graph) !== null && node.requantize?.mode === 'shift');
}

function encodingOf(node: IntegerNode, graph: IntegerGraph): ShiftEncoding | null {
  const encoding = node.inputs.length === 3 ? graph.tensors.get(node.inputs[1]!)?.constant?.encoding : undefined;
  return encoding?.kind === 'shift' ? encoding : null;
}

/** Path → text of every file. */
export function readmemhFiles(graph: IntegerGraph, vectors: readonly LayerVector[], tool: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const layers = shiftLayers(graph).map((node, index) => new LayerFiles(node, graph, folderOf(node, index), files).describe(vectors));
  const description = { tool, model: graph.name, sha256: graph.origin.sha256, vectors: vectors.length, layers };
  files.set('layers.json', `${JSON.stringify(description, null, 2)}\n`);
  return files;
}

function folderOf(node: IntegerNode, index: number): string {
  const name = node.origin.nodeName.replace(/[^\w.-]+/g, '_').replace(/^[_.]+/, '');
  return `${String(index).padStart(2, '0')}-${name}`;
}

class LayerFiles {
  private readonly t: ReturnType<typeof linearTensors>;

  constructor(
    private readonly node: IntegerNode,
    private readonly graph: IntegerGraph,
    private readonly folder: string,
    private readonly files: Map<string, string>,
  ) {
    this.t = linearTensors(node, graph);
  }

  describe(vectors: readonly LayerVector[]): object {
    const { node, t } = this;
    const encoding = encodingOf(node, this.graph)!;
    const { terms, exponentBits } = encoding;
    const { shift, rounding, zeroPoint, clamp } = node.requantize as Extract<IntegerNode['requantize'], { mode: 'shift' }>;
    const channels = t.y.shape.at(-1)!;
    const codes = Array.from(t.weightCodes, (weight) => shiftCodes(weight, encoding)).flat();
    return {
      name: node.origin.nodeName,
      operator: node.op,
      terms,
      exponentBits,
      window: this.window(),
      requantize: { rounding, zeroPoint, clamp },
      files: {
        codes: this.put('codes', codes, [...t.weights.shape, terms], { bits: termBits(encoding), signed: false }),
        bias: this.put('bias', foldedBias(node, t, channelSums(t.weightCodes, channels, node.op)), t.bias.shape, { bits: 32, signed: true }),
        shift: this.put('shift', Array.from({ length: channels }, (_, c) => shift[shift.length === 1 ? 0 : c]!), [channels], { bits: 5, signed: false }),
      },
      vectors: vectors.map((vector, index) => this.vector(vector, String(index).padStart(3, '0'))),
    };
  }

  /** Strides, padding and classes of the bias of a convolution; null for a matrix. */
  private window(): object | null {
    const { node } = this;
    if (node.op === 'dense') return null;
    const { strides, dilations, groups } = node.attributes;
    const classes = biasClassesOf(node);
    return { strides, dilations, groups: groups ?? null, padding: padOf(node), biasClasses: classes };
  }

  private vector({ tensors, accumulators }: LayerVector, index: string): object {
    const { x, y } = this.t;
    return {
      input: this.put(`${index}-input`, tensors.get(x.id)!, x.shape, x.type),
      accumulators: this.put(`${index}-accumulators`, accumulators.get(y.id)!, y.shape, { bits: 32, signed: true }),
      output: this.put(`${index}-output`, tensors.get(y.id)!, y.shape, y.type),
    };
  }

  private put(name: string, values: ArrayLike<number>, shape: readonly number[], { bits, signed }: Pick<IntegerType, 'bits' | 'signed'>): HexFile {
    const file = `${this.folder}/${name}.hex`;
    this.files.set(file, `// [${shape.join('][')}], ${bits} bits${signed ? ', two\'s complement' : ''}\n${hexLines(values, bits)}`);
    return { file, shape, bits, signed };
  }
}

/** Σw of every output channel: weights are [outputs][…], those of a depthwise convolution […][outputs]. */
function channelSums(weights: Codes, channels: number, op: string): readonly number[] {
  if (op !== 'depthwise-conv2d') return rowSums(weights, channels);
  const sums = new Array<number>(channels).fill(0);
  weights.forEach((weight, i) => {
    sums[i % channels]! += weight;
  });
  return sums;
}

/** One value a line. */
export function hexLines(values: ArrayLike<number>, bits: number): string {
  const digits = Math.ceil(bits / 4);
  const modulus = 2 ** bits;
  return Array.from(values, (value) => `${(((value % modulus) + modulus) % modulus).toString(16).padStart(digits, '0')}\n`).join('');
}
