/** Random networks full of dead, constant and border-dependent channels. */
import type { IntegerGraph, Requantize, TensorId } from '../../src/graph/integer.js';
import { IntegerGraphBuilder, type Random } from './integer-graphs.js';

/** A small network; every layer has channels without weights, with closed clamps, or that nobody reads. */
export class RandomNetwork {
  private readonly builder = new IntegerGraphBuilder('random');
  private count = 0;

  constructor(private readonly random: Random) {}

  build(): { readonly graph: IntegerGraph; readonly inputLength: number } {
    const { random } = this;
    const shape = [random.integer(3, 7), random.integer(3, 7), random.integer(1, 5)];
    const input = this.builder.input('input', shape);
    let last: { id: TensorId; shape: readonly number[] } = { id: input, shape };
    const layers = random.integer(3, 7);
    for (let i = 0; i < layers; i++) last = this.layer(last.id, last.shape);
    const outputs = [last.id];
    if (random.next() < 0.7) outputs[0] = this.head(last.id, last.shape);
    if (random.next() < 0.2) outputs.push(last.id);
    return { graph: this.builder.build([...new Set(outputs)]), inputLength: shape.reduce((n, d) => n * d, 1) };
  }

  private layer(id: TensorId, shape: readonly number[]): { id: TensorId; shape: readonly number[] } {
    const choice = this.random.next();
    if (choice < 0.3) return this.depthwise(id, shape);
    if (choice < 0.5) return this.residual(id, shape);
    return this.convolution(id, shape, this.random.integer(2, 8));
  }

  /** conv beside the input, added: both operands shrink together. */
  private residual(id: TensorId, shape: readonly number[]): { id: TensorId; shape: readonly number[] } {
    const branch = this.convolution(id, shape, shape[2]!, true);
    const name = `add${this.count++}`;
    const requantize: Requantize = { mode: 'shift', shift: [this.random.integer(8, 10)], rounding: 'halfUp', zeroPoint: this.random.integer(-20, 20), clamp: this.clamp() };
    this.builder.node('add', name, [id, branch.id], { shape, attributes: { variant: 'dyadic', inputMultipliers: [this.random.integer(100, 500), this.random.integer(100, 500)], offset: this.random.integer(-3000, 3000) }, requantize });
    return { id: name, shape };
  }

  private convolution(id: TensorId, [height, width, channels]: readonly number[], outputs: number, same = false): { id: TensorId; shape: readonly number[] } {
    const { random } = this;
    const kernel = same ? 3 : random.pick([1, 1, 3, 2]);
    const { strides, dilations, pad, shape } = this.window(height!, width!, kernel, same);
    const name = `conv${this.count++}`;
    const weights = this.weights(outputs * kernel * kernel * channels!, (i) => Math.floor(i / (kernel * kernel * channels!)), outputs, (i) => i % channels!, channels!);
    const inputs = [id, this.builder.constant(`${name}/w`, [outputs, kernel, kernel, channels!], weights), this.builder.constant(`${name}/b`, [outputs], this.bias(outputs))];
    const attributes = { strides, dilations, groups: 1, inputZeroPoint: random.integer(-40, 40), pad: { amounts: pad, values: this.pads(channels!) } };
    this.builder.node('conv2d', name, inputs, { shape: [...shape, outputs], attributes, requantize: this.requantize(outputs) });
    return { id: name, shape: [...shape, outputs] };
  }

  private depthwise(id: TensorId, [height, width, channels]: readonly number[]): { id: TensorId; shape: readonly number[] } {
    const { random } = this;
    const multiplier = random.pick([1, 1, 1, 2]);
    const outputs = channels! * multiplier;
    const kernel = random.pick([1, 3]);
    const { strides, dilations, pad, shape } = this.window(height!, width!, kernel, false);
    const name = `depthwise${this.count++}`;
    const weights = this.weights(kernel * kernel * outputs, (i) => i % outputs, outputs, () => 0, 1);
    const inputs = [id, this.builder.constant(`${name}/w`, [kernel, kernel, channels!, multiplier], weights), this.builder.constant(`${name}/b`, [outputs], this.bias(outputs))];
    const attributes = { strides, dilations, inputZeroPoint: random.integer(-40, 40), pad: { amounts: pad, values: this.pads(channels!) } };
    this.builder.node('depthwise-conv2d', name, inputs, { shape: [...shape, outputs], attributes, requantize: this.requantize(outputs) });
    return { id: name, shape: [...shape, outputs] };
  }

  /** A fully connected layer on the flattened map. */
  private head(id: TensorId, shape: readonly number[]): TensorId {
    const length = shape.reduce((n, d) => n * d, 1);
    const outputs = this.random.integer(2, 4);
    this.builder.node('reshape', 'flat', [id], { shape: [length], attributes: { shape: [length] } });
    const weights = this.weights(outputs * length, (i) => Math.floor(i / length), outputs, (i) => i % shape[2]!, shape[2]!);
    const inputs = ['flat', this.builder.constant('head/w', [outputs, length], weights), this.builder.constant('head/b', [outputs], this.bias(outputs))];
    return this.builder.node('dense', 'head', inputs, { shape: [outputs], attributes: { inputZeroPoint: this.random.integer(-40, 40) }, requantize: this.requantize(outputs) });
  }

  private window(height: number, width: number, kernel: number, same: boolean) {
    const { random } = this;
    const stride = same ? 1 : random.pick([1, 1, 2]);
    const dilation = same || kernel < 3 || Math.min(height, width) < 5 ? 1 : random.pick([1, 1, 2]);
    const reach = (kernel - 1) * dilation;
    const amount = () => (same ? 1 : random.integer(Math.max(0, Math.ceil((reach + 1 - Math.min(height, width)) / 2)), reach));
    const pad = [amount(), amount(), amount(), amount()];
    const size = (length: number, before: number, after: number) => Math.floor((length + before + after - reach - 1) / stride) + 1;
    return { strides: [stride, stride], dilations: [dilation, dilation], pad, shape: [size(height, pad[0]!, pad[1]!), size(width, pad[2]!, pad[3]!)] };
  }

  /** Some outputs have no weights, some inputs are read by nobody. */
  private weights(length: number, outputOf: (i: number) => number, outputs: number, inputOf: (i: number) => number, inputs: number): Int8Array {
    const deadOutput = Array.from({ length: outputs }, () => this.random.next() < 0.3);
    const deadInput = Array.from({ length: inputs }, () => this.random.next() < 0.2);
    return Int8Array.from({ length }, (_, i) => (deadOutput[outputOf(i)] || deadInput[inputOf(i)] ? 0 : this.random.integer(-127, 127)));
  }

  private bias(outputs: number): Int32Array {
    return Int32Array.from({ length: outputs }, () => (this.random.next() < 0.15 ? this.random.pick([-3000000, 3000000]) : this.random.integer(-9000, 9000)));
  }

  private pads(channels: number): number | number[] {
    return this.random.next() < 0.5 ? this.random.integer(-60, 60) : Array.from({ length: channels }, () => this.random.integer(-60, 60));
  }

  private clamp(): readonly [number, number] {
    return [this.random.integer(-128, 0), this.random.integer(1, 127)];
  }

  private requantize(channels: number): Requantize {
    const multiplier = Array.from({ length: this.random.next() < 0.3 ? 1 : channels }, () => this.random.integer(4000000, 20000000));
    return { mode: 'dyadicHigh', multiplier, zeroPoint: this.random.integer(-40, 40), clamp: this.clamp() };
  }
}
