import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDotProducts, createPlainDotProducts, type DotProducts } from '../../sim/dot.js';
import { createWasmDotProducts } from '../../sim/wasm-dot.js';
import { WASM_DOT } from '../../sim/wasm-dot-bytes.js';
import { repositoryRoot } from '../support/bench.js';
import { Random } from '../support/integer-graphs.js';

const dot = suite('dot products');

/** Fills both operands and computes `rows` rows; the result without its rounding up. */
function multiplied(product: DotProducts, left: Int16Array, right: Int16Array, [rows, columns, depth]: readonly [number, number, number]): number[] {
  for (let r = 0; r < rows; r++) product.left.set(left.subarray(r * depth, (r + 1) * depth), r * product.depth);
  for (let c = 0; c < columns; c++) product.right.set(right.subarray(c * depth, (c + 1) * depth), c * product.depth);
  product.multiply(rows);
  return Array.from({ length: rows * columns }, (_, i) => product.result[Math.floor(i / columns) * product.columns + (i % columns)]!);
}

dot('plain TypeScript, WebAssembly and the definition give the same sums', () => {
  const random = new Random(7);
  for (let i = 0; i < 200; i++) {
    const shape = [random.integer(1, 9), random.integer(1, 13), random.integer(1, 70)] as const;
    const [rows, columns, depth] = shape;
    const low = random.pick([-32768, -128, -255]);
    const left = random.codes(new Int16Array(rows * depth), low, -low - 1);
    const right = random.codes(new Int16Array(columns * depth), -128, 127);
    const expected = Array.from({ length: rows * columns }, (_, k) => {
      let sum = 0;
      for (let d = 0; d < depth; d++) sum += left[Math.floor(k / columns) * depth + d]! * right[(k % columns) * depth + d]!;
      return sum;
    });
    const wasm = createWasmDotProducts({ rows, columns, depth });
    assert.ok(wasm, 'Node has WebAssembly SIMD');
    assert.equal(multiplied(createPlainDotProducts({ rows, columns, depth }), left, right, shape), expected, `plain ${shape}`);
    assert.equal(multiplied(wasm!, left, right, shape), expected, `wasm ${shape}`);
  }
});

dot('products that take turns do not disturb each other', () => {
  const [one, two] = [createDotProducts({ rows: 2, columns: 3, depth: 5 }), createDotProducts({ rows: 4, columns: 2, depth: 40000 })];
  const operands = (n: number, start: number) => Int16Array.from({ length: n }, (_, i) => ((start + 7 * i) % 19) - 9);
  const first = multiplied(one, operands(10, 1), operands(15, 2), [2, 3, 5]);
  multiplied(two, operands(160000, 3), operands(80000, 4), [4, 2, 40000]);
  for (let r = 0; r < 2; r++) one.left.set(operands(10, 1).subarray(r * 5, r * 5 + 5), r * one.depth);
  one.multiply(2);
  assert.equal(Array.from({ length: 6 }, (_, i) => one.result[Math.floor(i / 3) * one.columns + (i % 3)]!), first);
  one.right.fill(0);
  one.rightChanged();
  one.multiply(2);
  assert.equal([...one.result.subarray(0, 3)], [0, 0, 0]);
});

dot('without WebAssembly the plain loops take over', () => {
  const engine = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly')!;
  Object.defineProperty(globalThis, 'WebAssembly', { ...engine, value: undefined });
  try {
    assert.is(createWasmDotProducts({ rows: 2, columns: 2, depth: 8 }), null);
    const product = createDotProducts({ rows: 1, columns: 1, depth: 3 });
    assert.equal(multiplied(product, Int16Array.of(1, 2, 3), Int16Array.of(4, 5, 6), [1, 1, 3]), [32]);
  } finally {
    Object.defineProperty(globalThis, 'WebAssembly', engine);
  }
});

dot('the committed bytes are the assembled source', async () => {
  const { default: wabt } = await import('wabt');
  const text = readFileSync(`${repositoryRoot()}/sim/wasm-dot.wat`, 'utf8');
  const { buffer } = (await wabt()).parseWat('wasm-dot.wat', text, { simd: true }).toBinary({});
  assert.is(Buffer.from(buffer).toString('base64'), WASM_DOT);
});

dot.run();
