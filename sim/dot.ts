/**
 * Many dot products at once: result[r][c] = Σ left[r][k]·right[c][k] on int16 codes. Sums wrap at 32 bits, which an
 * integer graph never does (its bounds are proven), so the order of additions is free.
 */
import { createWasmDotProducts } from './wasm-dot.js';

export interface DotProducts {
  /** Row-major [rows][depth], `depth` as below. To be filled before every multiply; other products may use its memory. */
  readonly left: Int16Array;
  /** Row-major [columns][depth], zero at first: what lies beyond the caller's own depth and columns must stay zero. */
  readonly right: Int16Array;
  /** Row-major [rows][columns], `columns` as below. */
  readonly result: Int32Array;
  /** Lengths of a row of the operands and of the result: the asked ones, rounded up. */
  readonly depth: number;
  readonly columns: number;
  /** To be called when `right` was written after a multiply. */
  rightChanged(): void;
  /** Computes the first `rows` rows. */
  multiply(rows: number): void;
}

export interface DotShape {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

/** The fastest implementation there is: WebAssembly SIMD where the engine has it, else plain TypeScript. */
export function createDotProducts(shape: DotShape): DotProducts {
  return createWasmDotProducts(shape) ?? createPlainDotProducts(shape);
}

/** Plain TypeScript: two rows by four columns a pass. */
export function createPlainDotProducts(shape: DotShape): DotProducts {
  const rows = roundUp(shape.rows, 2);
  const columns = roundUp(shape.columns, 4);
  const { depth } = shape;
  const left = new Int16Array(rows * depth);
  const right = new Int16Array(columns * depth);
  const result = new Int32Array(rows * columns);
  return { left, right, result, depth, columns, rightChanged: () => undefined, multiply: (count) => multiplyBlocks(left, right, result, count, columns, depth) };
}

function multiplyBlocks(left: Int16Array, right: Int16Array, result: Int32Array, rows: number, columns: number, depth: number): void {
  for (let row = 0; row < rows; row += 2) {
    for (let column = 0; column < columns; column += 4) {
      let [a0, a1] = [row * depth, row * depth + depth];
      let b = column * depth;
      let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
      for (const end = a0 + depth; a0 < end; a0++, a1++, b++) {
        const x = left[a0]!;
        const y = left[a1]!;
        const w0 = right[b]!;
        const w1 = right[b + depth]!;
        const w2 = right[b + 2 * depth]!;
        const w3 = right[b + 3 * depth]!;
        s00 = (s00 + Math.imul(x, w0)) | 0;
        s01 = (s01 + Math.imul(x, w1)) | 0;
        s02 = (s02 + Math.imul(x, w2)) | 0;
        s03 = (s03 + Math.imul(x, w3)) | 0;
        s10 = (s10 + Math.imul(y, w0)) | 0;
        s11 = (s11 + Math.imul(y, w1)) | 0;
        s12 = (s12 + Math.imul(y, w2)) | 0;
        s13 = (s13 + Math.imul(y, w3)) | 0;
      }
      const at = row * columns + column;
      result[at] = s00;
      result[at + 1] = s01;
      result[at + 2] = s02;
      result[at + 3] = s03;
      result[at + columns] = s10;
      result[at + columns + 1] = s11;
      result[at + columns + 2] = s12;
      result[at + columns + 3] = s13;
    }
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
