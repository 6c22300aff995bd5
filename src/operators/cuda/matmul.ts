/** Products of two activations on tensor cores. Zero points leave as sums of rows and columns: Σ(a − za)(b − zb) = Σab − za·Σb − zb·Σa + n·za·zb. */
import { elementCount } from '../../graph/float.js';
import { type IntegerGraph, type IntegerNode, type IntegerTensor, integerTensor } from '../../graph/integer.js';
import { zeroPoints } from '../integer-checks.js';
import type { Kernel } from '../kernel.js';
import { cType, requantizeScalars, requantizeView, signedTerm, typeName } from '../views.js';

/** Rows and columns of a tile, and products a stage. */
export const TILE = 64;

/** One operand as the template reads it: rows that run along the depth, or (the second one) along the columns. */
interface OperandView {
  readonly type: string;
  /** Elements from one sample to the next, 0 for a constant, and from one matrix to the next. */
  readonly step: number;
  readonly matrixStride: number;
  readonly rows: number;
  readonly depth: number;
  readonly runsAlongDepth: boolean;
  readonly isWide: boolean;
  readonly granule: number;
  readonly granuleType: string;
  /** Unsigned codes less 128. */
  readonly flip: string;
  /** Of the codes less 128, where they are unsigned. */
  readonly zeroPoint: number;
  readonly zeroText: string;
}

export interface Operands {
  readonly a: IntegerTensor;
  readonly b: IntegerTensor;
  readonly y: IntegerTensor;
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  readonly matrices: number;
}

/** Null where an operand is broadcast or wide, or the first one runs against the depth. */
export function operandsOf(node: IntegerNode, graph: IntegerGraph): Operands | null {
  const [a, b, y] = [...node.inputs, ...node.outputs].map((id) => integerTensor(graph, id)) as [IntegerTensor, IntegerTensor, IntegerTensor];
  if (node.attributes['transposeA'] === true || [a, b].some(({ type }) => type.bits > 8 || type.packed)) return null;
  const [rows, columns] = y.shape.slice(-2) as [number, number];
  const matrices = elementCount(y.shape.slice(0, -2));
  const whole = [a, b].every(({ shape }) => shape.length >= 2 && elementCount(shape.slice(0, -2)) === matrices);
  return whole && y.shape.length >= 2 ? { a, b, y, rows, depth: a.shape.at(-1)!, columns, matrices } : null;
}

export function operandView(tensor: IntegerTensor, zeroPoint: number, rows: number, depth: number, runsAlongDepth: boolean): OperandView {
  const { signed } = tensor.type;
  const granule = (signed ? [16, 4] : [4]).find((n) => depth % n === 0) ?? 1;
  const shifted = zeroPoint - (signed ? 0 : 128);
  const flip = signed ? '' : runsAlongDepth && granule === 4 ? ' ^ (int32_t)0x80808080u' : ' ^ 0x80';
  return {
    type: cType(tensor.type),
    step: tensor.constant ? 0 : elementCount(tensor.shape),
    matrixStride: elementCount(tensor.shape.slice(-2)),
    rows,
    depth,
    runsAlongDepth,
    isWide: granule === 16,
    granule,
    granuleType: granule === 4 ? 'int32_t' : 'uint8_t',
    flip,
    zeroPoint: shifted,
    zeroText: shifted < 0 ? `(${shifted})` : String(shifted),
  };
}

export const tensorCoreMatmul: Kernel = {
  family: 'cuda',
  when: ({ graph, group: [node] }) => graph.provenance.arith !== 'shift' && operandsOf(node!, graph) !== null,
  instantiate({ graph, group: [node] }) {
    const { a, b, y, rows, depth, columns, matrices } = operandsOf(node!, graph)!;
    const [zeroA, zeroB] = zeroPoints(node!, 2) as [number, number];
    const left = operandView(a, zeroA, rows, depth, true);
    const right = operandView(b, zeroB, columns, depth, node!.attributes['transposeB'] === true);
    const rowTiles = Math.ceil(rows / TILE);
    return {
      family: 'cuda',
      template: 'matmul-tiles',
      stem: `matmul_${typeName(a.type)}_${typeName(b.type)}_mma`,
      view: {
        a: left,
        b: right,
        outputType: cType(y.type),
        store: `y[row * ${columns} + column] = (${cType(y.type)})`,
        columns,
        depth,
        matrices,
        rowTiles,
        rowTileBytes: 1280,
        stages: Math.ceil(depth / TILE),
        matrixElements: rows * columns,
        constantTerm: signedTerm(depth * left.zeroPoint * right.zeroPoint),
        requantize: requantizeView(node!.requantize!, node!.bounds),
      },
      arguments: [...node!.inputs.map((tensor) => ({ kind: 'input', tensor }) as const), { kind: 'output', tensor: y.id }],
      launch: { threads: 128, grid: [`(unsigned int)(batch * ${matrices * rowTiles})`, String(Math.ceil(columns / TILE))] },
      scratchBytes: 0,
      scalars: requantizeScalars(node!.requantize!, node!.bounds),
    };
  },
};
