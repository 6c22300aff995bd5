/** A network under construction with seeded random weights, as the messages of an ONNX file. */
import type { NodeMessage, TensorMessage } from '../../src/frontends/onnx/proto.js';
import { attribute, type AttributeValue, integers, modelBytes, port } from '../../test/frontends/onnx-writer.js';

/** Weights repeat with this period: a prime, so that no two channels of a layer are alike, and short, so that files compress. */
const PERIOD = 16_381;
const FLOAT = 1;

export class RandomNetwork {
  private readonly nodes: NodeMessage[] = [];
  private readonly constants: TensorMessage[] = [];
  private readonly pool = uniformPool();
  private position = 0;

  /** Appends an operator; the name of its result, which is that of the node. */
  add(op: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeValue | { readonly float: number }>> = {}, name = `${op}_${this.nodes.length}`): string {
    this.nodes.push({ opType: op, input: inputs, output: [name], name, attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)) });
    return name;
  }

  /** Uniform weights of this standard deviation around `mean`. */
  weights(shape: readonly number[], deviation: number, mean = 0): string {
    const count = shape.reduce((n, d) => n * d, 1);
    const data = new Float32Array(count);
    const width = deviation * Math.sqrt(3);
    for (let i = 0; i < count; i++) data[i] = mean + width * this.pool[(this.position + i) % PERIOD]!;
    this.position = (this.position + count) % PERIOD;
    const name = `w${this.constants.length}`;
    this.constants.push({ name, dims: shape, dataType: FLOAT, rawData: new Uint8Array(data.buffer) });
    return name;
  }

  integers(values: readonly number[]): string {
    const name = `i${this.constants.length}`;
    this.constants.push(integers(name, values));
    return name;
  }

  /** ReLU networks keep the size of their activations with `gain` 2. */
  conv(input: string, [channels, outputs, kernel, stride]: readonly [number, number, number, number], gain: number, pad = kernel >> 1): string {
    const w = this.weights([outputs, channels, kernel, kernel], Math.sqrt(gain / (channels * kernel * kernel)));
    return this.add('Conv', [input, w, this.weights([outputs], 0.1)], { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad] });
  }

  /** Fully connected over the last axis. */
  dense(input: string, channels: number, outputs: number): string {
    const product = this.add('MatMul', [input, this.weights([channels, outputs], Math.sqrt(1 / channels))]);
    return this.add('Add', [product, this.weights([outputs], 0.1)]);
  }

  onnx(input: readonly number[], output: { readonly name: string; readonly shape: readonly number[] }): Uint8Array {
    return modelBytes({ nodes: this.nodes, constants: this.constants, inputs: [port('input', input)], outputs: [port(output.name, output.shape)] });
  }
}

/** Numbers in [-1, 1], both ends among them, as many as a prime. */
export function uniformPool(): Float32Array {
  const pool = new Float32Array(PERIOD);
  let state = 1;
  for (let i = 0; i < PERIOD; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    pool[i] = ((state >>> 8) % 255) / 127 - 1;
  }
  return pool;
}
