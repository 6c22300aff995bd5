/** Slices move before what computes more than they take: what is left, that it computes the same, and where they must stay. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { elementCount, type Attributes, type FloatGraph } from '../../../src/graph/float.js';
import { boxBeforeReshape, type Box } from '../../../src/passes/float/box.js';
import { optimizeFloatGraph } from '../../../src/passes/float/index.js';
import { expectSameOutputs, newBuilder, origin, randomArray, randomNumbers } from '../../support/float-graphs.js';

const test = suite('slices before nodes');

class Sketch {
  readonly builder = newBuilder();
  private readonly next = randomNumbers(5);
  private serial = 0;

  input(shape: readonly number[], name = 'x'): string {
    return this.builder.input(name, shape, 'float32');
  }

  constant(shape: readonly number[]): string {
    return this.builder.constant(`c${this.serial++}`, shape, randomArray(elementCount(shape), this.next), origin('constant'));
  }

  do(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.builder.apply(op, inputs, attributes, origin(`${op}${this.serial++}`));
  }

  dense(x: string, from: number, to: number): string {
    return this.do('dense', [x, this.constant([to, from]), this.constant([to])], { activation: null });
  }

  slice(x: string, starts: readonly number[], sizes: readonly number[]): string {
    return this.do('slice', [x], { starts, sizes, steps: starts.map(() => 1) });
  }

  build(...outputs: readonly string[]): FloatGraph {
    outputs.forEach((id, i) => this.builder.output(`y${i}`, id));
    return this.builder.build();
  }
}

/** `op shape` of every node that is left; the outputs must be the same. */
async function left(graph: FloatGraph): Promise<readonly string[]> {
  const { graph: optimized } = optimizeFloatGraph(graph);
  await expectSameOutputs(graph, optimized);
  return optimized.nodes.map(({ op, outputs }) => `${op} ${optimized.tensors.get(outputs[0]!)!.shape.join('x')}`);
}

/** One pre-norm block of attention over 5 tokens of 8 channels, two heads, and the row of the first token. */
function classifier(s: Sketch): string {
  const x = s.dense(s.input([5, 3]), 3, 8);
  const norm = s.do('layer-norm', [x, s.constant([8]), s.constant([8])], { axis: 1, epsilon: 1e-5 });
  const heads = s.do('transpose', [s.do('reshape', [s.dense(norm, 8, 24)], { shape: [5, 3, 2, 4] })], { permutation: [1, 2, 0, 3] });
  const [q, k, v] = [0, 1, 2].map((i) => s.do('reshape', [s.slice(heads, [i, 0, 0, 0], [1, 2, 5, 4])], { shape: [2, 5, 4] })) as [string, string, string];
  const plain = { transposeA: false, transposeB: false };
  const scores = s.do('softmax', [s.do('matmul', [q, s.do('transpose', [k], { permutation: [0, 2, 1] })], plain)], { axis: 2, beta: 0.5 });
  const joined = s.do('reshape', [s.do('transpose', [s.do('matmul', [scores, v], plain)], { permutation: [1, 0, 2] })], { shape: [5, 8] });
  const sum = s.do('add', [x, s.dense(joined, 8, 8)], { activation: null });
  const hidden = s.do('unary', [s.dense(s.do('layer-norm', [sum, s.constant([8]), s.constant([8])], { axis: 1, epsilon: 1e-5 }), 8, 12)], { function: 'gelu', alpha: 0, beta: 0 });
  return s.slice(s.do('add', [sum, s.dense(hidden, 12, 8)], { activation: null }), [0, 0], [1, 8]);
}

test('behind the last attention only the row of the class token is computed', async () => {
  const s = new Sketch();
  const graph = s.build(classifier(s));
  const { graph: optimized } = optimizeFloatGraph(graph);
  const shapes = await left(graph);
  const of = (op: string) => shapes.filter((text) => text.startsWith(`${op} `)).map((text) => text.slice(op.length + 1));
  assert.equal([...of('dense')].sort(), ['1x12', '1x8', '1x8', '1x8', '5x8', '5x8', '5x8']);
  assert.equal(of('matmul'), ['2x1x5', '2x1x4']);
  assert.equal(of('softmax'), ['2x1x5']);
  assert.equal(of('slice'), ['1x8', '1x8']);
  assert.is(optimized.nominalMacs, 5 * 3 * 8 + 5 * 8 * 24 + 2 * 5 * 5 * 4 * 2 + 5 * 8 * 8 + 2 * 5 * 8 * 12);
});

test('what others read as well, and what is mostly taken, stays whole', async () => {
  const others = new Sketch();
  const y = others.dense(others.input([4, 3]), 3, 5);
  assert.equal(await left(others.build(others.slice(y, [1, 0], [1, 5]), y)), ['dense 4x5', 'slice 1x5']);
  const mostly = new Sketch();
  assert.equal(await left(mostly.build(mostly.slice(mostly.dense(mostly.input([4, 3]), 3, 5), [1, 0], [3, 5]))), ['dense 4x5', 'slice 3x5']);
  const across = new Sketch();
  const norm = across.do('layer-norm', [across.input([4, 6])], { axis: 1, epsilon: 1e-5 });
  assert.equal(await left(across.build(across.slice(norm, [0, 0], [4, 2]))), ['layer-norm 4x6', 'slice 4x2']);
});

test('operands of one element an axis serve every row', async () => {
  const s = new Sketch();
  const product = s.do('mul', [s.input([6, 4]), s.input([4], 'gain')], { activation: null });
  const graph = s.build(s.slice(s.do('add', [product, s.input([6, 1], 'bias')], { activation: null }), [2, 0], [1, 4]));
  assert.equal([...(await left(graph))].sort(), ['add 1x4', 'mul 1x4', 'slice 1x1', 'slice 1x4']);
});

test('moves whose source cannot be cut keep their slices', async () => {
  const s = new Sketch();
  const moved = s.do('transpose', [s.input([4, 6])], { permutation: [1, 0] });
  const graph = s.build(s.slice(moved, [0, 0], [2, 4]), s.slice(moved, [2, 0], [4, 4]));
  assert.is((await left(graph)).filter((text) => text.startsWith('slice')).length, 2);
});

/** Flat indices of a box. */
function elements({ starts, sizes }: Box, shape: readonly number[]): readonly number[] {
  return shape.reduce<readonly number[]>((flat, size, axis) => flat.flatMap((base) => Array.from({ length: sizes[axis]! }, (_, i) => base * size + starts[axis]! + i)), [0]);
}

const sample = fc
  .array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 })
  .chain((factors) => fc.tuple(fc.constant(factors), fc.array(fc.boolean(), { minLength: factors.length, maxLength: factors.length }), fc.array(fc.boolean(), { minLength: factors.length, maxLength: factors.length }), fc.array(fc.nat(8), { minLength: 2 * factors.length, maxLength: 2 * factors.length })));

/** Neighbouring factors are joined where `joins` says so. */
function joined(factors: readonly number[], joins: readonly boolean[]): readonly number[] {
  const shape: number[] = [];
  factors.forEach((factor, i) => (i > 0 && joins[i] ? shape.push(shape.pop()! * factor) : shape.push(factor)));
  return shape;
}

test('a box before a reshape holds the same elements in the same order', () => {
  let found = 0;
  fc.assert(
    fc.property(sample, ([factors, joinsBefore, joinsAfter, picks]) => {
      const [before, after] = [joined(factors, joinsBefore), joined(factors, joinsAfter)];
      const starts = after.map((size, axis) => picks[2 * axis]! % size);
      const sizes = after.map((size, axis) => 1 + (picks[2 * axis + 1]! % (size - starts[axis]!)));
      const box = { starts, sizes, steps: after.map(() => 1) };
      const part = boxBeforeReshape(box, before, after);
      if (part) {
        found++;
        assert.equal(elements(part, before), elements(box, after));
      } else assert.not.equal(joinsBefore.join(), joinsAfter.join(), 'the same shape has the same box');
    }),
    { numRuns: 2000, seed: 6 },
  );
  assert.ok(found > 800, `${found} boxes found`);
});

test.run();
