/** Products of two activations on tensor cores. Zero points leave as sums of rows and columns: Σ(a − za)(b − zb) = Σab − za·Σb − zb·Σa + n·za·zb. */
import { elementCount } from '../../graph/float.js';
import { type IntegerGraph, type IntegerNode, type IntegerTensor, integerTensor } from '../../graph/integer.js';
import { zeroPoints } from '../integer-checks.js';
import type { Kernel, KernelInstance, LaunchVariant } from '../kernel.js';
import { cType, requantizeScalars, requantizeView, typeName } from '../views.js';
import { LaunchValues } from './values.js';

/** Columns of a tile, and products a stage; rows of the larger tile. */
export const TILE = 64;

/** Rows of the tile that is taken where blocks are few. */
const FEW_ROWS = 16;

/** Bytes of a row of an operand's tile in shared memory. */
export const PITCH = 80;

/** What one of four warps computes of a tile, in parts of 16 rows and of 8 columns. */
interface WarpPart {
  readonly rowTiles: 1 | 2;
  readonly columnTiles: 2 | 4;
  /** The warps stand side by side. */
  readonly isRow: boolean;
}

export interface RowTile {
  readonly rows: 16 | 64;
  readonly warp: WarpPart;
}

const LARGE: RowTile = { rows: TILE, warp: { rowTiles: 2, columnTiles: 4, isRow: false } };
const SMALL: RowTile = { rows: FEW_ROWS, warp: { rowTiles: 1, columnTiles: 2, isRow: true } };

type Launched = Pick<LaunchVariant, 'template' | 'stem' | 'view' | 'launch'>;

/** Tiles of 64 rows, or of 16 where those leave multiprocessors idle. */
export function byRowTile(rows: number, launched: (tile: RowTile) => Launched): Launched & Pick<KernelInstance, 'variants'> {
  const large = launched(LARGE);
  if (rows <= FEW_ROWS) return launched(SMALL);
  const small = launched(SMALL);
  return { ...large, variants: [{ ...small, stem: `${small.stem}_16`, when: `ptq_leaves_idle(model, ${large.launch.grid.filter(Boolean).join(' * ')})` }] };
}

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

/** `zeroName`: the launch passes the zero point under this name. */
export function operandView(tensor: IntegerTensor, zeroPoint: number, [rows, depth]: readonly [number, number], runsAlongDepth: boolean, values: LaunchValues, zeroName: string): OperandView {
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
    zeroText: shifted === 0 ? '0' : values.text(zeroName, shifted),
  };
}

export const tensorCoreMatmul: Kernel = {
  family: 'cuda',
  when: ({ graph, group: [node] }) => graph.provenance.arith !== 'shift' && operandsOf(node!, graph) !== null,
  instantiate({ graph, group: [node] }) {
    const { a, b, y, rows, depth, columns, matrices } = operandsOf(node!, graph)!;
    const [zeroA, zeroB] = zeroPoints(node!, 2) as [number, number];
    const values = new LaunchValues();
    const left = operandView(a, zeroA, [rows, depth], true, values, 'a_zero_point');
    const right = operandView(b, zeroB, [columns, depth], node!.attributes['transposeB'] === true, values, 'b_zero_point');
    const view = {
      a: left,
      b: right,
      outputType: cType(y.type),
      store: `y[row * ${columns} + column] = (${cType(y.type)})`,
      columns,
      depth,
      matrices,
      rowTileBytes: 16 * PITCH,
      stages: Math.ceil(depth / TILE),
      matrixElements: rows * columns,
      constantTerm: values.term('zero_product', depth * left.zeroPoint * right.zeroPoint),
      requantize: values.requantize(node!.requantize!, requantizeView(node!.requantize!, node!.bounds)),
      values: values.names,
    };
    const launched = ({ rows: tileRows, warp }: RowTile): Launched => {
      const rowTiles = Math.ceil(rows / tileRows);
      return {
        template: 'matmul-tiles',
        stem: `matmul_${typeName(a.type)}_${typeName(b.type)}_mma`,
        view: { ...view, tileRows, warp, rowTiles, rowBytes: 2 * tileRows * PITCH },
        launch: { threads: 128, grid: [`(unsigned int)(batch * ${matrices * rowTiles})`, String(Math.ceil(columns / TILE))] },
      };
    };
    return {
      family: 'cuda',
      ...byRowTile(rows, launched),
      values: values.list,
      arguments: [...node!.inputs.map((tensor) => ({ kind: 'input', tensor }) as const), { kind: 'output', tensor: y.id }],
      scratchBytes: 0,
      scalars: requantizeScalars(node!.requantize!, node!.bounds),
    };
  },
};
