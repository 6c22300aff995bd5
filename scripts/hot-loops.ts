/**
 * Cycles of the innermost loops of a built project, as llvm-mca estimates them: `npx tsx scripts/hot-loops.ts DIR [CPU…]`.
 *
 * DIR is a generated project that was run on a Cortex-M target. A loop is a backward branch without another one inside;
 * its multiply-accumulates are counted by mnemonic. llvm-mca knows no caches, no flash wait states and no taken-branch
 * refill: its figures compare loop bodies, they are no measurement. It takes LDM and STM for one cycle whatever they move,
 * where the cores take one for every two registers (M7) or each (M4): they stand as LDRD and STRD, or LDR and STR, in its input.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { table } from '../src/report/terminal.js';
import { findTarget } from '../src/targets/index.js';
import { disassemble, readManifest, type Instruction, type MachineFunction } from '../src/toolchains/index.js';

/** Multiply-accumulates of one instruction by mnemonic (without .w and condition). */
const MACS: readonly (readonly [RegExp, number])[] = [
  [/^sm(lad|uad|lsd)x?$/, 2],
  [/^sml(a|al)[bt][bt]$|^smul[bt][bt]$/, 1],
  [/^(mla|mls)$/, 1],
];

/** Loops of fewer multiply-accumulates a pass are no hot loops of a network (address arithmetic, requantization). */
const LEAST_MACS = 4;

interface Loop {
  readonly name: string;
  readonly body: readonly Instruction[];
  readonly macs: number;
}

function mnemonic(instruction: Instruction): string {
  return instruction.mnemonic.replace(/\.[nw]$/, '');
}

function macsOf(instruction: Instruction): number {
  return MACS.find(([pattern]) => pattern.test(mnemonic(instruction)))?.[1] ?? 0;
}

/** Address that a branch names. */
function branchTarget(instruction: Instruction): number | null {
  const match = /^(b(?:eq|ne|cs|cc|mi|pl|hi|ls|ge|lt|gt|le|hs|lo)?|cbn?z)$/.test(mnemonic(instruction)) ? /([0-9a-f]+)(?: <|$)/.exec(instruction.operands) : null;
  return match ? Number.parseInt(match[1]!, 16) : null;
}

function innermostLoops(name: string, { instructions }: MachineFunction): Loop[] {
  const ranges = instructions.flatMap((instruction, end) => {
    const target = branchTarget(instruction);
    const start = target === null || target > instruction.address ? -1 : instructions.findIndex((i) => i.address === target);
    return start < 0 ? [] : [{ start, end }];
  });
  const innermost = ranges.filter((r) => !ranges.some((o) => o !== r && o.start >= r.start && o.end <= r.end));
  return innermost.map(({ start, end }) => {
    const body = instructions.slice(start, end + 1);
    return { name, body, macs: body.reduce((sum, i) => sum + macsOf(i), 0) };
  });
}

/** `r4-r7, lr` as single registers. */
function registersOf(list: string): string[] {
  return list.split(',').flatMap((entry) => {
    const range = /^\s*r(\d+)-r(\d+)\s*$/.exec(entry);
    if (!range) return [entry.trim()];
    const [first, last] = [Number(range[1]), Number(range[2])];
    return Array.from({ length: last - first + 1 }, (_, i) => `r${first + i}`);
  });
}

/** Several registers as the transfers that they take: pairs on cores that issue two instructions, the last pair overlapping. */
function transfers(instruction: Instruction, paired: boolean): string[] | null {
  const multiple = /^(ldm|stm)(?:ia)?$/.exec(mnemonic(instruction));
  const operands = /^(\w+)(!?), \{(.+)\}$/.exec(instruction.operands);
  if (!multiple || !operands) return null;
  const [name, [, base, writeBack], registers] = [multiple[1] === 'ldm' ? 'ldr' : 'str', operands as unknown as [string, string, string], registersOf(operands[3]!)];
  const step = paired && registers.length > 1 ? 2 : 1;
  const starts = Array.from({ length: Math.ceil(registers.length / step) }, (_, i) => Math.min(i * step, registers.length - step));
  return starts.map((start, i) => {
    const end = writeBack && i === starts.length - 1 ? `[${base}], #${4 * registers.length}` : `[${base}, #${4 * start}]`;
    return step === 2 ? `${name}d ${registers[start]}, ${registers[start + 1]}, ${end}` : `${name} ${registers[start]}, ${end}`;
  });
}

/** What llvm-mca reads: no widths, no comments, one label. */
function assembly(loop: Loop, cpu: string): string {
  const lines = loop.body.flatMap((i) => {
    if (branchTarget(i) !== null) return [`${mnemonic(i)} 1b`];
    return transfers(i, cpu === 'cortex-m7') ?? [`${mnemonic(i)} ${i.operands.replace(/\s*<.*>$/, '')}`];
  });
  return `.syntax unified\n.thumb\n1:\n${lines.join('\n')}\n`;
}

/** Cycles of one pass through the body, null where llvm-mca refuses it. */
function cyclesOf(loop: Loop, cpu: string): number | null {
  const iterations = 200;
  const result = spawnSync('llvm-mca', ['-mtriple=thumbv7em-none-eabi', `-mcpu=${cpu}`, `-iterations=${iterations}`, '-'], { input: assembly(loop, cpu), encoding: 'utf8' });
  const total = /Total Cycles:\s+(\d+)/.exec(result.stdout)?.[1];
  return total === undefined ? null : Number(total) / iterations;
}

const [directory, ...cpus] = process.argv.slice(2);
if (directory === undefined) {
  console.error('usage: npx tsx scripts/hot-loops.ts DIR [cortex-m7 cortex-m4 …]');
  process.exit(2);
}
const { target: targetId } = await readManifest(directory);
const release = readdirSync(join(directory, 'build')).find((name) => name.endsWith('-release'));
if (release === undefined) throw new Error(`${directory} was not built yet: run 'ptq-gen verify ${directory}'`);
const functions = await disassemble(join(directory, 'build', release, 'program.elf'), findTarget(targetId));
const cores = cpus.length > 0 ? cpus : ['cortex-m7', 'cortex-m4'];
const loops = [...functions].flatMap(([name, machine]) => innermostLoops(name, machine)).filter((loop) => loop.macs >= LEAST_MACS);
const rows = loops.map((loop) => [
  loop.name,
  String(loop.body.length),
  String(loop.macs),
  (loop.body.length / loop.macs).toFixed(3),
  ...cores.map((cpu) => {
    const cycles = cyclesOf(loop, cpu);
    return cycles === null ? 'refused' : (cycles / loop.macs).toFixed(3);
  }),
]);
console.log(table(['function', 'instructions', 'MACs', 'instructions/MAC', ...cores.map((cpu) => `${cpu} cycles/MAC`)], rows, [1, 2, 3, ...cores.map((_, i) => 4 + i)]));
