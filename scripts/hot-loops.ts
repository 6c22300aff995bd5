/**
 * Cycles of the innermost loops of a built project, as llvm-mca estimates them: `npx tsx scripts/hot-loops.ts DIR [CPU…]`.
 *
 * DIR is a generated project that was run on a Cortex-M target. A loop is a backward branch without another one inside;
 * its multiply-accumulates are counted by mnemonic. llvm-mca knows no caches, no flash wait states and no taken-branch
 * refill: its figures compare loop bodies, they are no measurement.
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

/** Cycles of one pass through the body, null where llvm-mca refuses it. */
function cyclesOf(loop: Loop, cpu: string): number | null {
  const lines = loop.body.map((i) => (branchTarget(i) === null ? `${i.mnemonic} ${i.operands.replace(/\s*[;@].*$/, '').replace(/\s*<.*>$/, '')}` : `${mnemonic(i)} 1b`));
  const iterations = 200;
  const result = spawnSync('llvm-mca', ['-mtriple=thumbv7em-none-eabi', `-mcpu=${cpu}`, `-iterations=${iterations}`, '-'], { input: `.syntax unified\n.thumb\n1:\n${lines.join('\n')}\n`, encoding: 'utf8' });
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
