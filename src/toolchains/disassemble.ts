/** Reads a program back: functions, their instructions and who calls whom. */
import { RunError, ToolchainMissingError } from '../errors.js';
import type { Target } from '../targets/index.js';
import { binutilsOf } from './discover.js';
import { runProcess } from './process.js';

export interface Instruction {
  readonly address: number;
  readonly mnemonic: string;
  readonly operands: string;
}

export interface MachineFunction {
  readonly name: string;
  readonly address: number;
  readonly instructions: readonly Instruction[];
}

export interface Call {
  /** Address of the instruction. */
  readonly from: number;
  /** Address of the instruction behind it; where the callee returns to. */
  readonly next: number | null;
  /** Name of the callee; null: through a register. */
  readonly callee: string | null;
  /** The function ends with this jump instead of a return. */
  readonly tail: boolean;
}

/** Disassembles an ELF file. @throws RunError when the disassembler fails. */
export async function disassemble(elf: string, target: Target): Promise<ReadonlyMap<string, MachineFunction>> {
  if (!target.disassembler) throw new ToolchainMissingError(`no disassembler is known for target '${target.id}'`);
  const { command, args } = target.disassembler;
  const result = await runProcess(command, [...args, '-d', '--no-show-raw-insn', elf]);
  if (result.exitCode !== 0) throw new RunError(`${target.id}: the program cannot be disassembled`, result.command, result.stderr);
  return parseDisassembly(result.stdout, target.isa === 'avr' ? target.memory.flashBytes : undefined);
}

/** Text of GNU or LLVM objdump → functions by name. `wrapBytes`: branches of small AVRs go round at the end of the flash. */
export function parseDisassembly(text: string, wrapBytes = Number.POSITIVE_INFINITY): ReadonlyMap<string, MachineFunction> {
  const functions = new Map<string, MachineFunction & { readonly instructions: Instruction[] }>();
  let instructions: Instruction[] = [];
  for (const line of text.split('\n')) {
    const header = /^([0-9a-f]+) <(.+)>:$/.exec(line);
    if (header) {
      const name = header[2];
      // $t, $d and $x mark stretches of code and data inside a function
      if (/^\$[atdx]/.test(name)) continue;
      instructions = [];
      functions.set(name, { name, address: Number.parseInt(header[1], 16), instructions });
      continue;
    }
    const found = /^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$/.exec(line);
    if (!found || found[2].startsWith('.') || found[2].startsWith('<')) continue;
    instructions.push({ address: Number.parseInt(found[1], 16), mnemonic: found[2], operands: withoutComment(found[3], wrapBytes) });
  }
  nameMarkedTargets([...functions.values()]);
  return functions;
}

/** AVR branches are relative: `.+40 ; 0x8a <callee>` says where to in the comment, by any symbol of that value: a mark. */
function withoutComment(operands: string, wrapBytes: number): string {
  const target = /^\.[+-]\d+\s*; 0x([0-9a-f]+) <.*>$/.exec(operands.trim());
  return target ? `0x${(Number.parseInt(target[1]!, 16) % wrapBytes).toString(16)} <$t>` : operands.replace(/\s+[@;].*$/, '').trim();
}

/** LLVM calls some targets by the mapping symbol at their address (`bl 0x1234 <$t>`): the function there is meant. */
function nameMarkedTargets(functions: readonly { readonly name: string; readonly address: number; readonly instructions: Instruction[] }[]): void {
  const ordered = [...functions].sort((a, b) => a.address - b.address);
  const named = (target: number): string => {
    const owner = ordered.findLast((candidate) => candidate.address <= target);
    if (!owner) return '<?>';
    return owner.address === target ? `<${owner.name}>` : `<${owner.name}+0x${(target - owner.address).toString(16)}>`;
  };
  for (const { instructions } of ordered) {
    for (const [i, instruction] of instructions.entries()) {
      const operands = instruction.operands.replace(/(0x)?([0-9a-f]+) <\$[atdx][^>]*>/, (_, _prefix, address: string) => `${address} ${named(Number.parseInt(address, 16))}`);
      if (operands !== instruction.operands) instructions[i] = { ...instruction, operands };
    }
  }
}

const ARM_BRANCH = /^(b|bl|blx|bx|cbz|cbnz|b(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|al)|bx(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)|le|wls|dls|letp|wlstp|dlstp)(\.[nw]|\.\d+)?$/;
const RISCV_BRANCH = /^(c\.)?(j|jr|jal|jalr|call|tail)$/;
const AVR_BRANCH = /^(e?icall|e?ijmp|r?call|r?jmp|br[a-z]{2})$/;
/** x86-64 and AArch64. */
const NATIVE_BRANCH = /^(callq?|jmpq?|j[a-z]{1,3}|notrack|bnd|bl|blr|b|br|b\.[a-z]{2}|cbn?z|tbn?z)$/;

const BRANCHES: Partial<Record<Target['isa'], RegExp>> = { thumb: ARM_BRANCH, riscv32: RISCV_BRANCH, avr: AVR_BRANCH };

/** Calls and jumps of a function that leave it. */
export function callsOf(machine: MachineFunction, target: Pick<Target, 'isa'>): readonly Call[] {
  const calls: Call[] = [];
  for (const [i, instruction] of machine.instructions.entries()) {
    const next = machine.instructions[i + 1]?.address ?? null;
    const call = callAt(instruction, machine.name, target.isa);
    if (call) calls.push({ from: instruction.address, next, ...call });
  }
  return calls;
}

function callAt(instruction: Instruction, owner: string, isa: Target['isa']): { callee: string | null; tail: boolean } | null {
  const { mnemonic, operands } = instruction;
  const pattern = BRANCHES[isa] ?? NATIVE_BRANCH;
  if (!pattern.test(mnemonic)) return null;
  const symbol = /<([^>+]+)(\+0x[0-9a-f]+)?>/.exec(operands);
  const links = isLink(mnemonic, operands, isa);
  if (symbol) {
    // a jump inside the function itself
    if (symbol[1] === owner && (symbol[2] !== undefined || !links)) return null;
    return { callee: symbol[1], tail: !links };
  }
  if (isa === 'thumb') return /^blx/.test(mnemonic) ? { callee: null, tail: false } : /^bx/.test(mnemonic) && operands !== 'lr' ? { callee: null, tail: true } : null;
  if (isa === 'riscv32') {
    if (/^(c\.)?jalr$/.test(mnemonic)) return { callee: null, tail: false };
    return /^(c\.)?jr$/.test(mnemonic) && !/^(ra|t0)$/.test(operands) ? { callee: null, tail: true } : null;
  }
  if (isa === 'avr') return /^e?i(call|jmp)$/.test(mnemonic) ? { callee: null, tail: !links } : null;
  const indirect = /^(callq? |jmpq? )?\*/.test(operands) || /^blr?$|^br$/.test(mnemonic);
  return indirect ? { callee: null, tail: !links } : null;
}

function isLink(mnemonic: string, operands: string, isa: Target['isa']): boolean {
  if (isa === 'thumb') return /^blx?(\.[nw])?$/.test(mnemonic);
  if (isa === 'riscv32') return (/^(c\.)?(jal|jalr|call)$/.test(mnemonic) && !operands.startsWith('zero')) || /^call$/.test(mnemonic);
  if (isa === 'avr') return mnemonic.endsWith('call');
  return `${mnemonic} ${operands}`.includes('call') || /^blr?$/.test(mnemonic);
}

/** The name in the source: compilers mark specialised copies (`conv2d.constprop.0`). */
export function sourceName(name: string): string {
  return name.replace(/\.(constprop|isra|part|cold|lto_priv)\b.*$/, '');
}

/** A veneer (long jump that the linker put between) stands for the function it names. */
export function throughVeneer(name: string): string {
  return /^__(.+)_veneer$/.exec(name)?.[1] ?? name;
}

export interface SymbolSize {
  readonly name: string;
  readonly address: number;
  readonly bytes: number;
  /** nm's letter: t and T are code. */
  readonly type: string;
}

/** Symbols of an ELF file; a symbol without a size reaches to the next one. */
export async function readSymbols(elf: string, target: Target): Promise<readonly SymbolSize[]> {
  const result = await runProcess(binutilsOf(target, 'nm'), ['-S', '-n', elf]);
  if (result.exitCode !== 0) throw new RunError(`${target.id}: the program's symbols cannot be read`, result.command, result.stderr);
  const rows = result.stdout.split('\n').flatMap((line) => {
    const found = /^([0-9a-f]+)(?: ([0-9a-f]+))? ([a-zA-Z]) (\S+)$/.exec(line);
    if (!found || found[4].startsWith('$')) return [];
    return [{ name: found[4], address: Number.parseInt(found[1], 16), size: found[2], type: found[3] }];
  });
  return rows.map((row, i) => {
    const next = rows.slice(i + 1, i + 65).find((other) => other.address > row.address);
    const bytes = row.size === undefined ? (next?.address ?? row.address) - row.address : Number.parseInt(row.size, 16);
    return { name: row.name, address: row.address, bytes, type: row.type };
  });
}
