/** The steps of straight-line code as macros: assembly for the core that they are counted for, C anywhere else. */
import type { SupportText } from '../../kernel.js';
import type { Core } from './core.js';

/** Rows in registers; the first of them have 16-bit subtractions. */
const RISCV_ROWS = ['s0', 's1', 'a1', 'a2', 'a3', 'a4', 't0', 't1', 't2'];

export function straightSupport({ name, accumulators }: Core): SupportText {
  const rows = Array.from({ length: accumulators }, (_, i) => i);
  const puts = rows.map((last) => ({
    count: last + 1,
    text: name === 'thumb' ? rows.slice(0, last + 1).map((row) => `r${row}`).join(', ') : rows.slice(0, last + 1).map((row) => `sw ${RISCV_ROWS[row]}, ${4 * row}(ra)\\n\\t`).join(''),
  }));
  return { template: 'shift/straight', view: { accumulators, thumb: name === 'thumb', registers: name === 'thumb' ? [] : RISCV_ROWS, puts } };
}
