/** Worst-case stack of `<model>_run`: the longest path through the call graph. */
import { readFile } from 'node:fs/promises';
import type { Build, MachineFunction } from '../toolchains/index.js';
import type { Reach } from './reach.js';

/** Bytes, or null where no bound exists: recursion, a call through a pointer, a frame of variable size. */
export async function stackBound(reach: Reach, build: Build): Promise<number | null> {
  const frames = await readStackUsage(build);
  const known = new Map<string, number | null>();
  const visiting = new Set<string>();
  const depth = (name: string): number | null => {
    const cached = known.get(name);
    if (cached !== undefined) return cached;
    const found = reach.functions.get(name);
    if (visiting.has(name) || !found?.machine || (found.indirect > 0 && found.provenance !== 'library')) return null;
    visiting.add(name);
    const own = frameBytes(found.machine, frames, build.target.isa === 'avr' ? AVR_RETURN_BYTES : 0);
    const below = found.callees.map(depth);
    visiting.delete(name);
    const total = own === null || below.includes(null) ? null : own + Math.max(0, ...(below as number[]));
    known.set(name, total);
    return total;
  };
  return depth(reach.root);
}

/** Calls push it; the compiler counts it, the instructions do not show it. */
const AVR_RETURN_BYTES = 2;

/** The larger of what the compiler says and what the instructions show; null where the compiler calls it dynamic. */
function frameBytes(machine: MachineFunction, frames: ReadonlyMap<string, number | null>, returnBytes: number): number | null {
  // clones are called `f.constprop.0` in the program and `f.constprop` in the compiler's account
  const names = [machine.name, machine.name.replace(/\.\d+$/, '')];
  const told = names.flatMap((name) => (frames.has(name) ? [frames.get(name) as number | null] : []));
  return told.includes(null) ? null : Math.max(frameOf(machine) + returnBytes, ...(told as number[]));
}

/** Function → bytes by the compiler's own account (-fstack-usage); null: not static. */
async function readStackUsage(build: Build): Promise<ReadonlyMap<string, number | null>> {
  const frames = new Map<string, number | null>();
  for (const object of [...build.modelObjects, ...build.externalObjects]) {
    const text = await readFile(object.replace(/\.o$/, '.su'), 'utf8').catch(() => '');
    for (const line of text.split('\n')) {
      const found = /:([^:\t]+)\t(\d+)\t(\S+)$/.exec(line);
      if (found) frames.set(found[1], found[3].startsWith('static') || found[3].includes('bounded') ? Number(found[2]) : null);
    }
  }
  return frames;
}

/** Frame by the instructions that move the stack pointer down: for helpers that come as binaries. */
export function frameOf(machine: MachineFunction): number {
  let bytes = 0;
  for (const { mnemonic, operands } of machine.instructions) {
    if (/^v?push/.test(mnemonic) || (mnemonic.startsWith('stmdb') && operands.startsWith('sp!'))) bytes += pushedBytes(operands, mnemonic);
    const stored = /\[sp, #-(\d+)\]!$/.exec(operands);
    if (stored) bytes += Number(stored[1]);
    const moved = /^sp, (?:sp, )?#(\d+)$/.exec(operands) ?? /^sp,\s*sp,\s*-(\d+)(?:\s*#.*)?$/.exec(operands) ?? /^\$0x([0-9a-f]+),%rsp$/.exec(operands);
    const down = mnemonic.startsWith('sub') || operands.includes('-');
    if (moved && down) bytes += operands.startsWith('$') ? Number.parseInt(moved[1], 16) : Number(moved[1]);
  }
  return bytes;
}

function pushedBytes(operands: string, mnemonic: string): number {
  if (operands.startsWith('%')) return 8;
  // AVR: one register of 8 bits
  if (/^r\d+$/.test(operands)) return 1;
  const list = /\{([^}]*)\}/.exec(operands)?.[1] ?? '';
  const registers = list.split(',').reduce((count, item) => {
    const range = /^\s*[a-z]+(\d+)-[a-z]+(\d+)\s*$/.exec(item);
    return count + (range ? Number(range[2]) - Number(range[1]) + 1 : 1);
  }, 0);
  return registers * (mnemonic.startsWith('vpush') && list.includes('d') ? 8 : 4);
}
