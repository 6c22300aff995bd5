/**
 * Loops over the elements of a row-major output that read one or more operands at other strides: what broadcasting,
 * slicing, transposing and copying have in common. Axes that run on in every operand are merged, so that equal shapes
 * become one flat loop.
 */

export interface NestAxis {
  readonly size: number;
  /** Elements between neighbours on this axis, one entry an operand; 0 repeats. */
  readonly strides: readonly number[];
}

export interface LoopView {
  readonly indent: string;
  readonly variable: string;
  readonly size: number;
}

/** What templates print: `loops` opened in order, `closings` are the lines that close them. */
export interface NestView {
  readonly loops: readonly LoopView[];
  readonly closings: readonly string[];
  /** Indent of the statements inside. */
  readonly indent: string;
  /** Element offset of each operand as a C expression of the loop variables. */
  readonly offsets: readonly string[];
}

/** Row-major strides of a shape. */
export function rowMajorStrides(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}

/** Strides with which an operand of `shape` is read to fill an output of `outputShape` (NumPy broadcasting). */
export function broadcastStrides(shape: readonly number[], outputShape: readonly number[]): readonly number[] {
  const strides = rowMajorStrides(shape);
  const missing = outputShape.length - shape.length;
  return outputShape.map((_, i) => (i < missing || shape[i - missing] === 1 ? 0 : strides[i - missing]!));
}

/** Drops axes of one element and merges neighbours that every operand reads as one run. */
export function collapseAxes(axes: readonly NestAxis[]): readonly NestAxis[] {
  const merged: NestAxis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const outer = merged.at(-1);
    if (outer?.strides.every((stride, k) => stride === axis.size * axis.strides[k]!)) {
      merged[merged.length - 1] = { size: outer.size * axis.size, strides: axis.strides };
    } else {
      merged.push(axis);
    }
  }
  return merged;
}

/** `bases` are element offsets of the operands before the loops. */
export function nestView(axes: readonly NestAxis[], bases: readonly number[]): NestView {
  const loops = axes.map((axis, depth) => ({ indent: '  '.repeat(depth + 1), variable: `i${depth}`, size: axis.size }));
  return {
    loops,
    closings: loops.map((l) => `${l.indent}}`).reverse(),
    indent: '  '.repeat(axes.length + 1),
    offsets: bases.map((base, k) => offsetText(base, axes.map((axis, depth) => ({ stride: axis.strides[k]!, variable: `i${depth}` })))),
  };
}

function offsetText(base: number, terms: readonly { readonly stride: number; readonly variable: string }[]): string {
  let text = base === 0 ? '' : String(base);
  for (const { stride, variable } of terms) {
    if (stride === 0) continue;
    const magnitude = Math.abs(stride) === 1 ? variable : `${variable} * ${Math.abs(stride)}`;
    text = text === '' ? (stride < 0 ? `-${magnitude}` : magnitude) : `${text} ${stride < 0 ? '-' : '+'} ${magnitude}`;
  }
  return text === '' ? '0' : text;
}
