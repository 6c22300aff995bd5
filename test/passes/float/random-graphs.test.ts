/** Whatever the passes do, a graph computes what it did: random channels-first networks as exporters write them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FloatGraphBuilder } from '../../../src/graph/builder.js';
import type { Attributes, FloatGraph } from '../../../src/graph/float.js';
import { optimizeFloatGraph } from '../../../src/passes/float/index.js';
import { inverse, permuted } from '../../../src/passes/float/permutations.js';
import { expectSameOutputs, newBuilder, operatorCounts, origin, randomArray, randomNumbers } from '../../support/float-graphs.js';

const GRAPHS = 60;
const NODES = 14;

/** Adds random nodes to a pool of tensors [C, H, W]; operators that want channels last stand between transposes. */
class RandomNetwork {
  private readonly builder: FloatGraphBuilder = newBuilder();
  private readonly pool: string[] = [];
  private serial = 0;

  constructor(private readonly next: () => number) {}

  build(): FloatGraph {
    const [c, h, w] = [1 + this.below(4), 4 + this.below(4), 4 + this.below(4)];
    this.input('a', [c, h, w]);
    if (this.below(2)) this.input('b', [c, h, w]);
    for (let i = 0; i < NODES; i++) this.grow();
    const last = this.pool.at(-1)!;
    this.builder.output('image', last);
    if (this.below(2)) this.builder.output('classes', this.classify(last));
    return this.builder.build();
  }

  /** Some inputs already lie in another order than in the file. */
  private input(name: string, shape: readonly number[]): void {
    const permutation = [null, null, [1, 2, 0], [2, 0, 1], [0, 2, 1]][this.below(5)]!;
    const source = permutation ? permuted(shape, inverse(permutation)) : shape;
    this.pool.push(this.builder.input(name, shape, 'float32', { sourceShape: [1, ...source], batchAxis: 0, permutation }));
  }

  private below(limit: number): number {
    return Math.floor(((this.next() + 1) / 2) * limit);
  }

  private grow(): void {
    const x = this.pool[this.below(this.pool.length)]!;
    const choices = [this.convolve, this.convolve, this.depthwise, this.batchNorm, this.clamp, this.unary, this.pair, this.pair, this.perChannel, this.concat, this.pad, this.slice, this.pool2d, this.reduceScale, this.gate, this.gather, this.lengthwise];
    this.pool.push(choices[this.below(choices.length)]!.call(this, x));
  }

  private apply(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.builder.apply(op, inputs, attributes, origin(`${op}${this.serial++}`));
  }

  private shape(x: string): readonly [number, number, number] {
    return this.builder.tensor(x).shape as [number, number, number];
  }

  private constant(shape: readonly number[], scale = 0.5, offset = 0): string {
    const size = shape.reduce((a, b) => a * b, 1);
    return this.builder.constant(`c${this.serial++}`, shape, randomArray(size, this.next).map((v) => v * scale + offset), origin('constant'));
  }

  private inChannelsLast(x: string, body: (image: string) => string): string {
    const image = this.apply('transpose', [x], { permutation: [1, 2, 0] });
    return this.apply('transpose', [body(image)], { permutation: [2, 0, 1] });
  }

  private convolve(x: string): string {
    const [c] = this.shape(x);
    const outputs = 1 + this.below(4);
    const parameters = [this.constant([outputs, 3, 3, c]), ...(this.below(2) ? [this.constant([outputs])] : [])];
    const attributes = { strides: [1, 1], dilations: [1, 1], pad: [1, 1, 1, 1], groups: 1, activation: null };
    return this.inChannelsLast(x, (image) => this.apply('conv2d', [image, ...parameters], attributes));
  }

  private depthwise(x: string): string {
    const [c] = this.shape(x);
    const attributes = { strides: [1, 1], dilations: [1, 1], pad: [0, 0, 0, 0], activation: null };
    return this.inChannelsLast(x, (image) => this.apply('depthwise-conv2d', [image, this.constant([1, 1, c, 1 + this.below(2)])], attributes));
  }

  private batchNorm(x: string): string {
    const [c] = this.shape(x);
    return this.inChannelsLast(x, (image) => this.apply('batch-norm', [image, this.constant([c], 0.5, 1), this.constant([c])]));
  }

  private clamp(x: string): string {
    const bounds = [{ min: 0, max: Infinity }, { min: 0, max: 0.5 }, { min: -0.5, max: 0.5 }][this.below(3)]!;
    return this.apply('clamp', [x], bounds);
  }

  private unary(x: string): string {
    return this.apply('unary', [x], { function: ['tanh', 'sigmoid', 'abs'][this.below(3)]!, alpha: 0, beta: 0 });
  }

  private pair(x: string): string {
    const fitting = this.pool.filter((y) => this.shape(y).join() === this.shape(x).join());
    return this.apply(['add', 'sub', 'mul'][this.below(3)]!, [x, fitting[this.below(fitting.length)]!], { activation: null });
  }

  private perChannel(x: string): string {
    const [c, h, w] = this.shape(x);
    const shape = [[c, 1, 1], [1], [w], [h, w], [c, h, w]][this.below(5)]!;
    const operands = [x, this.constant(shape, 0.5, 1)];
    return this.apply(['add', 'mul', 'sub', 'div'][this.below(4)]!, operands, { activation: null });
  }

  private concat(x: string): string {
    const [, h, w] = this.shape(x);
    const fitting = this.pool.filter((y) => this.shape(y).slice(1).join() === [h, w].join());
    const other = this.below(4) ? fitting[this.below(fitting.length)]! : this.constant([2, h, w]);
    return this.shape(x)[0] > 8 ? x : this.apply('concat', [x, other], { axis: 0 });
  }

  private pad(x: string): string {
    const mode = ['constant', 'edge', 'reflect'][this.below(3)]!;
    return this.shape(x)[1] > 9 ? x : this.apply('pad', [x], { amounts: [[0, 0], [1, this.below(2)], [this.below(2), 1]], mode, value: 0 });
  }

  private slice(x: string): string {
    const [c, h, w] = this.shape(x);
    if (h < 4 || w < 4) return x;
    return this.apply('slice', [x], { starts: [c - 1, 0, w - 1], sizes: [c, h - 1, w], steps: [-1, 1, -1] });
  }

  private pool2d(x: string): string {
    const [, h, w] = this.shape(x);
    if (h < 4 || w < 4) return x;
    const window = { kernel: [2, 2], strides: [1, 1], pad: [0, 0, 0, 0], activation: null };
    return this.inChannelsLast(x, (image) => (this.below(2) ? this.apply('max-pool2d', [image], window) : this.apply('average-pool2d', [image], { ...window, countIncludePad: false })));
  }

  /** Squeeze and excitation: a mean over the image, a dense layer, and back as a factor a channel. */
  private reduceScale(x: string): string {
    const [c] = this.shape(x);
    const mean = this.apply('reduce', [x], { function: 'mean', axes: [1, 2], keepDims: false });
    const factors = this.apply('dense', [mean, this.constant([c, c]), this.constant([c])], { activation: null });
    const spread = this.apply('reshape', [this.apply('unary', [factors], { function: 'sigmoid', alpha: 0, beta: 0 })], { shape: [c, 1, 1] });
    return this.apply('mul', [x, spread], { activation: null });
  }

  /** A factor a row, from an operand with fewer axes. */
  private gate(x: string): string {
    const [, , w] = this.shape(x);
    const row = this.apply('reduce', [x], { function: 'max', axes: [0, 1], keepDims: false });
    return this.apply('add', [x, this.apply('reshape', [row], { shape: [w] })], { activation: null });
  }

  private gather(x: string): string {
    const [c] = this.shape(x);
    const indices = this.builder.constant(`i${this.serial++}`, [c], Int32Array.from({ length: c }, (_, i) => c - 1 - i), origin('indices'));
    return this.apply('gather', [x, indices], { axis: 0 });
  }

  /** A 1D detour: rows as one long line between reshapes. */
  private lengthwise(x: string): string {
    const [c, h, w] = this.shape(x);
    const line = this.apply('reshape', [x], { shape: [c, h * w] });
    return this.apply('reshape', [this.apply('clamp', [line], { min: -1, max: 1 })], { shape: [c, h, w] });
  }

  private classify(x: string): string {
    const size = this.shape(x).reduce((a, b) => a * b, 1);
    const flat = this.apply('clamp', [this.apply('reshape', [x], { shape: [size] })], { min: 0, max: Infinity });
    return this.apply('softmax', [this.apply('dense', [flat, this.constant([3, size], 0.1)], { activation: null })], { axis: 0, beta: 1 });
  }
}

const test = suite('float passes on random graphs');

for (let seed = 1; seed <= GRAPHS; seed++) {
  test(`seed ${seed}`, async () => {
    const graph = new RandomNetwork(randomNumbers(seed)).build();
    const { graph: optimized } = optimizeFloatGraph(graph);
    await expectSameOutputs(graph, optimized, { seed, tolerance: 2e-5 });
    assert.ok(optimized.nodes.length <= graph.nodes.length, `${optimized.nodes.length} nodes of ${graph.nodes.length}`);
    const [before, after] = [operatorCounts(graph)['transpose'] ?? 0, operatorCounts(optimized)['transpose'] ?? 0];
    assert.ok(after <= before, `${after} transposes of ${before}`);
    assert.equal(optimizeFloatGraph(optimized).log, [], 'a second run finds nothing to do');
  });
}

test.run();
