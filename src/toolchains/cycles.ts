/**
 * Cycles of a run, from how often each instruction was executed and how often it jumped. Exact for a core that takes a
 * fixed number of cycles for each instruction and has memory without wait states, such as the Cortex-M0+ at the speed of
 * its flash; an estimate otherwise.
 */
import type { CycleModel } from '../targets/target.js';
import type { Instruction, MachineFunction } from './disassemble.js';

export interface Executions {
  /** Address → how often the instruction there was executed. */
  readonly executions: ReadonlyMap<number, number>;
  /** Address → how often another instruction than the next in memory followed. */
  readonly jumps: ReadonlyMap<number, number>;
}

export function cyclesOf(functions: Iterable<MachineFunction>, { executions, jumps }: Executions, model: CycleModel): number {
  let cycles = 0;
  for (const { instructions } of functions) {
    for (const instruction of instructions) {
      const count = executions.get(instruction.address) ?? 0;
      if (count === 0) continue;
      const taken = jumps.get(instruction.address) ?? 0;
      cycles += count * straightCycles(instruction, model) + taken * (jumpCycles(instruction, model) - (isBranch(instruction) ? 1 : 0));
    }
  }
  return cycles;
}

/** Cycles of one execution that goes on with the next instruction. */
function straightCycles({ mnemonic, operands }: Instruction, model: CycleModel): number {
  const name = mnemonic.replace(/\.[nw]$/, '');
  if (/^(ldm|stm|push|pop)/.test(name)) return model.multipleTransfer + registerCount(operands);
  if (/^ldr/.test(name)) return model.load;
  if (/^str/.test(name)) return model.store;
  return /^mul/.test(name) ? model.multiply : 1;
}

/** What a jump takes: all of a branch, the additional cycles of a pop that returns. */
function jumpCycles({ mnemonic }: Instruction, model: CycleModel): number {
  const name = mnemonic.replace(/\.[nw]$/, '');
  if (name === 'bl') return model.call;
  if (name === 'pop') return model.popReturn - 1;
  return isBranch({ mnemonic }) ? model.takenBranch : model.takenBranch - 1;
}

function isBranch({ mnemonic }: Pick<Instruction, 'mnemonic'>): boolean {
  return /^b(l|lx|x|eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|al)?(\.[nw])?$/.test(mnemonic);
}

/** Registers in `r0!, {r4, r5}` or `{r4-r7, lr}`. */
function registerCount(operands: string): number {
  const list = /\{(.*)\}/.exec(operands)?.[1] ?? '';
  return list.split(',').filter((part) => part.trim() !== '').reduce((sum, part) => {
    const range = /r(\d+)-r(\d+)/.exec(part);
    return sum + (range ? Number(range[2]) - Number(range[1]) + 1 : 1);
  }, 0);
}
