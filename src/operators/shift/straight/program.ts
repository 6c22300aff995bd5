/**
 * Straight-line code for rows of digits. A block of rows has its sums in registers; every column is loaded once a block,
 * shifted to one exponent after the other, and added to or subtracted from the rows that want it there: shifted inputs are
 * shared by all outputs of a block (the transposed form of multiple constant multiplication; Gustafsson, "A difference
 * based adder graph heuristic", 2007, section I).
 */
import { blockCost, type Core, type Cost, type StepName, stepCost } from './core.js';
import type { Digit, Segment } from './rows.js';

type Rows = readonly (readonly Digit[])[];
type Emit = (step: StepName, operand: number) => void;

export interface Program extends Cost {
  /** One a block: its lines, a column each. */
  readonly blocks: readonly (readonly string[])[];
  /** Words that it writes, in the order of the rows. */
  readonly words: number;
}

/** Steps that begin a line. */
const OPENERS: ReadonlySet<StepName> = new Set(['CLEAR', 'LOAD', 'NEXT', 'BACK', 'PUT']);

/** `groups` follow each other: a row may read what an earlier group has written. */
export function programOf(groups: readonly Rows[], core: Core): Program {
  const blocks: string[][] = [];
  let [instructions, bytes, words] = [0, 0, 0];
  for (const block of groups.flatMap((rows) => blocksOf(rows, core))) {
    const lines: string[] = [];
    walk(block, core, (step, operand) => {
      const text = `${step}(${operand})`;
      if (OPENERS.has(step)) lines.push(text);
      else lines[lines.length - 1] += ` ${text}`;
      const cost = stepCost(core, step, operand);
      instructions += cost.instructions;
      bytes += cost.bytes;
    });
    instructions += blockCost(core).instructions;
    bytes += blockCost(core).bytes;
    words += block.length;
    blocks.push(lines);
  }
  return { blocks, words, instructions, bytes };
}

export function costOfSegment({ rows }: Segment, core: Core): number {
  let instructions = 0;
  for (const block of blocksOf(rows, core)) {
    instructions += blockCost(core).instructions;
    walk(block, core, (step, operand) => {
      instructions += stepCost(core, step, operand).instructions;
    });
  }
  return instructions;
}

function blocksOf(rows: Rows, { accumulators }: Core): readonly Rows[] {
  return Array.from({ length: Math.ceil(rows.length / accumulators) }, (_, i) => rows.slice(i * accumulators, (i + 1) * accumulators));
}

function walk(rows: Rows, core: Core, emit: Emit): void {
  const started = rows.map(({ length }) => length === 0);
  started.forEach((isEmpty, row) => {
    if (isEmpty) emit('CLEAR', row);
  });
  let base = 0;
  for (const { column, uses } of columnsOf(rows)) {
    while (column - base >= core.reach) {
      const step = Math.min(column - base, core.longestStep);
      emit('NEXT', step);
      base += step;
    }
    emit('LOAD', column - base);
    let exponent = 0;
    for (const use of uses) {
      if (use.exponent > exponent) emit('UP', use.exponent - exponent);
      exponent = use.exponent;
      const isFirst = !started[use.row];
      started[use.row] = true;
      if (isFirst) emit(use.sign > 0 ? 'COPY' : 'NEGATE', use.row);
      else emit(use.sign > 0 ? 'ADD' : 'SUB', use.row);
    }
  }
  for (let left = base; left > 0; left -= core.longestStep) emit('BACK', Math.min(left, core.longestStep));
  emit('PUT', rows.length);
}

interface Use {
  readonly row: number;
  readonly exponent: number;
  readonly sign: 1 | -1;
}

/** Columns that some row uses, ascending, and their uses by exponent. */
function columnsOf(rows: Rows): readonly { readonly column: number; readonly uses: readonly Use[] }[] {
  const columns = new Map<number, Use[]>();
  rows.forEach((digits, row) => {
    for (const { column, exponent, sign } of digits) {
      const uses = columns.get(column);
      if (uses) uses.push({ row, exponent, sign });
      else columns.set(column, [{ row, exponent, sign }]);
    }
  });
  return [...columns].sort(([a], [b]) => a - b).map(([column, uses]) => ({ column, uses: uses.sort((a, b) => a.exponent - b.exponent || a.row - b.row) }));
}
