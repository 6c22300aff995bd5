/** Product of two activations: Σ (a − za)·(b − zb) over the last axis of a and the last but one of b. */
import type { Codes, SimKernel } from '../kernel.js';
import { createDotProducts } from '../dot.js';
import { requantizer } from '../requantize.js';
import { shapeOf } from './weighted.js';

export const matmul: SimKernel = (node, graph) => {
  const [shapeA, shapeB, shapeY] = [...node.inputs, ...node.outputs].map((id) => shapeOf(graph, id)) as [readonly number[], readonly number[], readonly number[]];
  const [swapA, swapB] = [node.attributes['transposeA'] === true, node.attributes['transposeB'] === true];
  const [zeroA, zeroB] = node.attributes['inputZeroPoints'] as unknown as [number, number];
  const [rows, columns] = shapeY.slice(-2) as [number, number];
  const depth = shapeA[shapeA.length - (swapA ? 2 : 1)]!;
  const product = createDotProducts({ rows, columns, depth });
  const leading = shapeY.slice(0, -2);
  const matrices = leading.reduce((n, d) => n * d, 1);
  const [startsA, startsB] = [matrixStarts(shapeA, leading), matrixStarts(shapeB, leading)];
  const code = requantizer(node.requantize!);
  return ([a, b], [y], accumulators) => {
    for (let matrix = 0, to = 0; matrix < matrices; matrix++) {
      center(a!, startsA[matrix]!, swapA ? 1 : depth, swapA ? rows : 1, zeroA, product.left, rows, depth, product.depth);
      center(b!, startsB[matrix]!, swapB ? depth : 1, swapB ? 1 : columns, zeroB, product.right, columns, depth, product.depth);
      product.rightChanged();
      product.multiply(rows);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++, to++) {
          const sum = product.result[row * product.columns + column]!;
          y![to] = code(sum, 0);
          if (accumulators) accumulators[to] = sum;
        }
      }
    }
  };
};

/** Copies vectors of length `depth` (at from + i·vectorStride + k·stride) into rows of int16, less the zero point. */
function center(codes: Codes, from: number, vectorStride: number, stride: number, zeroPoint: number, to: Int16Array, vectors: number, depth: number, rowLength: number): void {
  for (let i = 0; i < vectors; i++) {
    const start = from + i * vectorStride;
    for (let k = 0; k < depth; k++) to[i * rowLength + k] = codes[start + k * stride]! - zeroPoint;
  }
}

/** Where the matrix of each combination of leading indices begins; axes of length 1 are repeated. */
function matrixStarts(shape: readonly number[], leading: readonly number[]): readonly number[] {
  const own = [...new Array<number>(leading.length - (shape.length - 2)).fill(1), ...shape.slice(0, -2)];
  let starts = [0];
  let stride = shape.slice(-2).reduce((n, d) => n * d, 1);
  for (let axis = leading.length - 1; axis >= 0; axis--) {
    const step = own[axis] === 1 ? 0 : stride;
    starts = Array.from({ length: leading[axis]! }, (_, i) => starts.map((start) => start + i * step)).flat();
    stride *= own[axis]!;
  }
  return starts;
}
