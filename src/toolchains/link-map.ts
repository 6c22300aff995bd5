/** Reads the linker's map: which piece of which object lies where. */
import { readFile } from 'node:fs/promises';

/** One input section in the finished program. */
export interface LinkedSection {
  /** `.text.conv2d_s8`. */
  readonly name: string;
  readonly address: number;
  readonly bytes: number;
  /** Object file, or `archive.a(member.o)`. */
  readonly file: string;
}

export async function readMap(file: string): Promise<readonly LinkedSection[]> {
  return parseMap(await readFile(file, 'utf8'));
}

/** Sections that were kept, in the order of the map; empty ones are left out. */
export function parseMap(text: string): readonly LinkedSection[] {
  const start = text.indexOf('Linker script and memory map');
  const sections: LinkedSection[] = [];
  let pending = '';
  for (const line of text.slice(Math.max(start, 0)).split('\n')) {
    // a long name stands on a line of its own
    const alone = /^ (\.\S+|COMMON)$/.exec(line);
    if (alone) {
      pending = alone[1];
      continue;
    }
    const found = /^ (\.\S+|COMMON)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$/.exec(line);
    const name = found?.[1] ?? pending;
    pending = '';
    if (!found || name === '') continue;
    const bytes = Number.parseInt(found[3], 16);
    if (bytes > 0) sections.push({ name, address: Number.parseInt(found[2], 16), bytes, file: found[4] });
  }
  return sections;
}
