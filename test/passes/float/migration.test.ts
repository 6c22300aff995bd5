/** Channels shifted and scaled between producer and readers: the same function, whatever reads them, and sites where it is exact. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FloatGraphBuilder } from '../../../src/graph/builder.js';
import type { FloatGraph } from '../../../src/graph/float.js';
import { GraphEditor } from '../../../src/passes/float/editor.js';
import { migrate, type ChannelMove } from '../../../src/passes/float/migration/migrate.js';
import { migrationSites, siteBehind, type MigrationSite } from '../../../src/passes/float/migration/sites.js';
import { expectSameOutputs, newBuilder, origin, randomArray, randomNumbers } from '../../support/float-graphs.js';

const test = suite('migration of channels');
const RELU = { min: 0, max: Number.POSITIVE_INFINITY };

class Layers {
  readonly builder: FloatGraphBuilder = newBuilder();
  private readonly next = randomNumbers(11);

  constant(name: string, shape: readonly number[]): string {
    return this.builder.constant(name, shape, randomArray(shape.reduce((a, b) => a * b, 1), this.next), origin(name));
  }

  dense(x: string, name: string, outputs: number, inputs: number, activation: typeof RELU | null = null): string {
    return this.builder.apply('dense', [x, this.constant(`${name}/w`, [outputs, inputs]), this.constant(`${name}/b`, [outputs])], { activation }, origin(name), name);
  }

  norm(x: string, name: string, channels: number): string {
    return this.builder.apply('layer-norm', [x, this.constant(`${name}/g`, [channels]), this.constant(`${name}/b`, [channels])], { axis: 1, epsilon: 1e-5 }, origin(name), name);
  }

  conv(x: string, name: string, shape: readonly number[], pad: number, activation: typeof RELU | null = null): string {
    const attributes = { strides: [1, 1], dilations: [1, 1], pad: [pad, pad, pad, pad], groups: 1, activation };
    return this.builder.apply('conv2d', [x, this.constant(`${name}/w`, shape), this.constant(`${name}/b`, [shape[0]!])], attributes, origin(name), name);
  }

  /** Attention of 2 heads of 3 channels over 5 rows, values cut from a layer of 18 outputs. */
  attention(x: string): string {
    const b = this.builder;
    const qkv = this.dense(x, 'qkv', 18, 6);
    const [q, k, v] = [0, 6, 12].map((start, i) => {
      const part = b.apply('slice', [qkv], { starts: [0, start], sizes: [5, 6], steps: [1, 1] }, origin(`part${i}`));
      const heads = b.apply('reshape', [part], { shape: [5, 2, 3] }, origin(`heads${i}`));
      return b.apply('transpose', [heads], { permutation: i === 1 ? [1, 2, 0] : [1, 0, 2] }, origin(`moved${i}`));
    });
    const scores = b.apply('matmul', [q!, k!], { transposeA: false, transposeB: false }, origin('scores'));
    const shares = b.apply('softmax', [scores], { axis: 2, beta: 1 }, origin('shares'));
    const mixed = b.apply('matmul', [shares, v!], { transposeA: false, transposeB: false }, origin('mixed'));
    const back = b.apply('transpose', [mixed], { permutation: [1, 0, 2] }, origin('back'));
    return this.dense(b.apply('reshape', [back], { shape: [5, 6] }, origin('context')), 'o', 6, 6);
  }
}

/** An encoder block whose layer norm also feeds the residual sum (post-norm). */
function encoder(): FloatGraph {
  const l = new Layers();
  const b = l.builder;
  const first = l.norm(b.input('x', [5, 6], 'float32'), 'n1', 6);
  const sum = b.apply('add', [first, l.attention(first)], { activation: null }, origin('sum'), 'sum');
  const second = l.norm(sum, 'n2', 6);
  const token = b.apply('reshape', [b.apply('slice', [second], { starts: [0, 0], sizes: [1, 6], steps: [1, 1] }, origin('cut'))], { shape: [6] }, origin('token'));
  b.output('y', l.dense(l.dense(token, 'f1', 8, 6, RELU), 'f2', 4, 8));
  return b.build();
}

/** Two residual readers of one sum of itself, so that a node reads the values twice. */
function doubled(): FloatGraph {
  const l = new Layers();
  const n = l.norm(l.builder.input('x', [5, 6], 'float32'), 'n', 6);
  const twice = l.builder.apply('add', [n, n], { activation: null }, origin('twice'));
  l.builder.output('y', l.builder.apply('add', [twice, l.dense(n, 'f', 6, 6)], { activation: null }, origin('sum')));
  return l.builder.build();
}

function convolutions(): FloatGraph {
  const l = new Layers();
  const c1 = l.conv(l.builder.input('x', [8, 8, 3], 'float32'), 'c1', [4, 3, 3, 3], 1);
  const c2 = l.conv(c1, 'c2', [5, 3, 3, 4], 0);
  const c3 = l.conv(c2, 'c3', [6, 3, 3, 5], 1, RELU);
  const pool = l.builder.apply('max-pool2d', [c3], { kernel: [2, 2], strides: [2, 2], pad: [0, 0, 0, 0], activation: null }, origin('pool'));
  l.builder.output('y', l.dense(l.builder.apply('reshape', [pool], { shape: [54] }, origin('flat')), 'fc', 7, 54));
  return l.builder.build();
}

/** Any move that the site allows, one that a search would hardly find. */
function randomMove({ channels, shifts, fixed }: MigrationSite, next: () => number): ChannelMove {
  const free = (c: number, value: number, otherwise: number): number => (fixed.has(c) ? otherwise : value);
  return {
    shift: Float64Array.from({ length: channels }, (_, c) => (shifts ? free(c, 3 * next(), 0) : 0)),
    scale: Float64Array.from({ length: channels }, (_, c) => free(c, 4 ** next(), 1)),
  };
}

function migratedEverywhere(graph: FloatGraph): { readonly graph: FloatGraph; readonly sites: Readonly<Record<string, string>> } {
  const editor = new GraphEditor(graph);
  const next = randomNumbers(5);
  const sites: Record<string, string> = {};
  for (const { tensor } of migrationSites(editor)) {
    const site = siteBehind(editor, editor.producer(tensor)!)!;
    sites[site.producer.origin.nodeName] = [site.shifts ? 'shift and scale' : 'scale', ...(site.others.length > 0 ? ['undone'] : []), ...(site.fixed.size > 0 ? [`${site.fixed.size} stay`] : [])].join(', ');
    migrate(editor, site, randomMove(site, next));
  }
  return { graph: editor.build(), sites };
}

test('an encoder block: values through softmax, a token cut out, a residual branch undone', async () => {
  const graph = encoder();
  const { graph: moved, sites } = migratedEverywhere(graph);
  assert.equal(sites, { n1: 'shift and scale, undone', qkv: 'shift and scale, 12 stay', n2: 'shift and scale', f1: 'scale' });
  await expectSameOutputs(graph, moved, { tolerance: 1e-5 });
});

test('a reader that reads the values twice is undone once', async () => {
  const graph = doubled();
  const { graph: moved, sites } = migratedEverywhere(graph);
  assert.equal(sites, { n: 'shift and scale, undone' });
  assert.is(moved.nodes.filter((node) => node.op === 'depthwise-conv2d').length, 1);
  await expectSameOutputs(graph, moved, { tolerance: 1e-5 });
});

test('convolutions: padding is shifted with the rest, a ReLU lets scales through alone; flattened pixels have mixed columns', async () => {
  const graph = convolutions();
  const { graph: moved, sites } = migratedEverywhere(graph);
  assert.equal(sites, { c1: 'shift and scale', c2: 'shift and scale', c3: 'scale' });
  const padded = moved.nodes.filter((node) => node.attributes['padValues']).map((node) => node.origin.nodeName);
  assert.equal(padded, ['c3']);
  await expectSameOutputs(graph, moved, { tolerance: 1e-5 });
});

test('outputs of the network stay', () => {
  const l = new Layers();
  const n = l.norm(l.builder.input('x', [5, 6], 'float32'), 'n', 6);
  l.builder.output('n', n);
  l.builder.output('y', l.dense(n, 'f', 6, 6));
  assert.is(migrationSites(new GraphEditor(l.builder.build())).length, 0);
});

test.run();
