/** Random convolutional networks on images large enough that running layers strip by strip saves memory. */
import type { IntegerGraph, Requantize, TensorId } from '../../src/graph/integer.js';
import { IntegerGraphBuilder, type Random, type TensorOptions } from './integer-graphs.js';
import { randomRequantize, rangeOf } from './linear-cases.js';

const S8: TensorOptions = { bits: 8 };

/** Activations of at most four bits, and some of eight between them. */
export const FEW_BITS: readonly TensorOptions[] = [...[2, 3, 4].flatMap((bits) => [{ bits }, { bits, signed: false }]), S8];

interface Image {
  readonly id: TensorId;
  readonly type: TensorOptions;
  readonly shape: readonly [number, number, number];
}

export class ImageNetwork {
  private readonly builder: IntegerGraphBuilder;
  private count = 0;

  constructor(
    private readonly random: Random,
    name: string,
    /** Channels are multiples of this. */
    private readonly channels = 4,
    /** Of the outputs of layers. */
    private readonly types: readonly TensorOptions[] = [S8],
    private readonly inputChannels?: number,
  ) {
    this.builder = new IntegerGraphBuilder(name);
  }

  build(): IntegerGraph {
    const { random } = this;
    const shape = [random.integer(9, 22), random.integer(5, 9), this.inputChannels ?? this.channels * random.integer(1, 2)] as const;
    let last: Image = { id: this.builder.input('x', shape), shape, type: S8 };
    const layers = random.integer(3, 6);
    for (let i = 0; i < layers; i++) last = this.layer(last);
    return this.builder.build([last.id]);
  }

  private layer(x: Image): Image {
    const { random } = this;
    if (x.shape[0] < 6 || x.shape[1] < 3) return this.window('conv2d', x, 1, 1);
    switch (random.integer(0, 8)) {
      case 0:
      case 1:
        return this.window('conv2d', x, 3, random.integer(1, 2));
      case 2:
        return this.window('conv2d', x, random.pick([2, 3]), 1, random.integer(1, 2));
      case 3:
      case 4:
        return this.window('depthwise-conv2d', x, 3, random.integer(1, 2));
      case 5:
        return this.residual(x);
      case 6:
        return this.pool(x);
      default:
        return this.window('conv2d', x, 1, 1);
    }
  }

  /** Without a draw where there is no choice. */
  private type(): TensorOptions {
    return this.types.length === 1 ? this.types[0]! : this.random.pick(this.types);
  }

  private residual(x: Image): Image {
    let branch = this.window('conv2d', x, 3, 1, 1, x.shape[2], true);
    if (this.random.next() < 0.5) branch = this.window('depthwise-conv2d', branch, 3, 1, 1, x.shape[2], true);
    const name = `add${this.count++}`;
    const type = this.type();
    const [low, high] = rangeOf(type);
    const requantize: Requantize = { mode: 'shift', shift: [this.random.integer(8, 10)], rounding: 'halfUp', zeroPoint: this.random.integer(Math.max(low, -20), Math.min(high, 20)), clamp: [low, high] };
    const multipliers = [this.random.integer(100, 500), this.random.integer(100, 500)];
    this.builder.node('add', name, [x.id, branch.id], { shape: x.shape, attributes: { variant: 'dyadic', inputMultipliers: multipliers, offset: this.random.integer(-3000, 3000) }, output: type, requantize });
    return { id: name, shape: x.shape, type };
  }

  private pool({ id, shape: [height, width, channels], type }: Image): Image {
    const name = `pool${this.count++}`;
    const shape = [Math.floor(height / 2), Math.floor(width / 2), channels] as const;
    this.builder.node('max-pool2d', name, [id], { shape, attributes: { kernel: [2, 2], strides: [2, 2], pad: [0, 0, 0, 0], clamp: rangeOf(type) }, output: type });
    return { id: name, shape, type };
  }

  /** Size kept (stride 1) or halved, padded as it falls; rarely not padded at all, unless it must stay the `same`. */
  private window(op: 'conv2d' | 'depthwise-conv2d', { id, shape: [height, width, channels], type: input }: Image, kernel: number, stride: number, dilation = 1, outputs = this.channels * this.random.integer(1, 4), same = false): Image {
    const { random } = this;
    const reach = (kernel - 1) * dilation;
    const amount = () => (reach === 0 ? 0 : stride === 2 ? random.integer(0, Math.min(1, reach)) : Math.floor(reach / 2) + (reach % 2));
    const plain = !same && reach > 0 && Math.min(height, width) > reach && random.next() < 0.15;
    const pad = plain ? [0, 0, 0, 0] : stride === 1 && reach > 0 ? [Math.floor(reach / 2), reach - Math.floor(reach / 2), Math.floor(reach / 2), reach - Math.floor(reach / 2)] : [amount(), amount(), amount(), amount()];
    const size = (length: number, before: number, after: number) => Math.floor((length + before + after - reach - 1) / stride) + 1;
    const count = op === 'conv2d' ? outputs : channels;
    const shape = [size(height, pad[0]!, pad[1]!), size(width, pad[2]!, pad[3]!), count] as const;
    const name = `${op}${this.count++}`;
    const weightShape = op === 'conv2d' ? [count, kernel, kernel, channels] : [kernel, kernel, channels, 1];
    const length = weightShape.reduce((n, d) => n * d, 1);
    const weights = random.codes(new Int8Array(length), -127, 127);
    const inputs = [id, this.builder.constant(`${name}/w`, weightShape, weights), this.builder.constant(`${name}/b`, [count], random.codes(new Int32Array(count), -9000, 9000))];
    const [low, high] = rangeOf(input);
    const zeroPoint = random.pick([low, random.integer(Math.max(low, -40), Math.min(high, 40))]);
    // Most files pad with the zero point, dead channels may want another code.
    const values = random.next() < 0.7 ? zeroPoint : random.integer(Math.max(low, -60), Math.min(high, 60));
    const type = this.type();
    const attributes = { strides: [stride, stride], dilations: [dilation, dilation], ...(op === 'conv2d' && { groups: 1 }), inputZeroPoint: zeroPoint, pad: { amounts: pad, values } };
    this.builder.node(op, name, inputs, { shape, attributes, output: type, requantize: randomRequantize(random, count, (length / count) * 127 * Math.max(high, -low), type) });
    return { id: name, shape, type };
  }
}
