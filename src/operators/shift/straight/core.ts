/** What straight-line sums cost on a core: registers, reach of an offset, instructions and bytes of each step. */
import type { TargetFeatures } from '../../../targets/target.js';

export interface Core {
  readonly name: 'thumb' | 'riscv';
  /** Sums that stay in registers beside one word and its address. */
  readonly accumulators: number;
  /** Words that a load reaches from its base, and that one addition moves the base on at most. */
  readonly reach: number;
  readonly longestStep: number;
  /** Accumulators that 16-bit subtractions reach. */
  readonly compressed: number;
}

/** Eight registers, offsets of five bits; sixteen registers, offsets of twelve bits. templates/c/shift/straight.hbs has the same. */
const THUMB: Core = { name: 'thumb', accumulators: 6, reach: 32, longestStep: 63, compressed: 6 };
const RISCV: Core = { name: 'riscv', accumulators: 9, reach: 512, longestStep: 511, compressed: 6 };

/** Other cores than Armv6-M are taken for a small RISC-V: they run the same steps, in C. */
export function coreOf({ lowRegisters }: TargetFeatures): Core {
  return lowRegisters ? THUMB : RISCV;
}

export type StepName = 'LOAD' | 'NEXT' | 'BACK' | 'UP' | 'COPY' | 'NEGATE' | 'CLEAR' | 'ADD' | 'SUB' | 'PUT';

export interface Cost {
  readonly instructions: number;
  readonly bytes: number;
}

/** What surrounds the steps of a block: the address comes from a high register and is kept from the caller. */
export function blockCost(core: Core): Cost {
  return core.name === 'thumb' ? { instructions: 3, bytes: 6 } : { instructions: 0, bytes: 0 };
}

export function stepCost(core: Core, step: StepName, operand: number): Cost {
  if (core.name === 'thumb') {
    if (step === 'BACK') return { instructions: 0, bytes: 0 };
    const instructions = step === 'PUT' ? 3 : 1;
    return { instructions, bytes: 2 * instructions };
  }
  if (step === 'PUT') return { instructions: operand + 1, bytes: 4 * operand + 4 };
  const isLong = step === 'LOAD' || step === 'NEXT' || step === 'BACK' || step === 'NEGATE' || (step === 'SUB' && operand >= core.compressed);
  return { instructions: 1, bytes: isLong ? 4 : 2 };
}
