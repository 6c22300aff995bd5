/** Rows packed and unpacked by the generated functions, against the layout that packed-rows.ts describes, code by code. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { renderTemplate } from '../../src/emit/render.js';
import type { IntegerTensor } from '../../src/graph/integer.js';
import { packedRows, type PackedRows, packingConstants, packingInstructions, packingSuffix, packingView } from '../../src/schedule/strips/packed-rows.js';
import { findTarget } from '../../src/targets/index.js';
import { missingTools } from '../../src/toolchains/index.js';
import { leftOut } from '../support/bench.js';
import { Random } from '../support/integer-graphs.js';

const test = suite('packed rows');
const HEIGHT = 3;

interface Case {
  readonly rows: PackedRows;
  readonly low: number;
  readonly codes: readonly number[];
  readonly padByte: number;
}

function tensor(shape: readonly number[], bits: number, signed: boolean, codeRange: readonly [number, number]): IntegerTensor {
  return { id: 't', name: 't', shape, type: { bits, signed, packed: false }, real: null, codeRange, origin: { file: '', format: 'builder', nodeName: 't', opType: 't' } };
}

/** Ranges of 2 to 4 bits of either sign, at the ends of a byte and anywhere; rows of 1 to 48 codes. */
function cases(): readonly Case[] {
  const random = new Random(1);
  return Array.from({ length: 120 }, (_, i) => {
    const signed = i % 2 === 0;
    const bits = 2 + (i % 3);
    const [least, most] = signed ? [-128, 128 - 2 ** bits] : [0, 256 - 2 ** bits];
    const low = random.pick([least, most, signed ? -(2 ** (bits - 1)) : 0, random.integer(least, most)]);
    const width = random.pick([1, 3, 5, 8, 16, random.integer(1, 12)]);
    const rows = packedRows(tensor([HEIGHT, width, random.integer(1, 4)], 8, signed, [low, low + 2 ** bits - 1]))!;
    return { rows, low, codes: Array.from({ length: HEIGHT * rows.rowCodes }, () => low + random.integer(0, 2 ** bits - 1)), padByte: random.integer(0, 255) };
  });
}

/** Byte i of a row: the codes i, i + b, i + 2b, … less the least one, the first in the lowest bits. */
function packedByHand({ rows, low, codes }: Case): readonly number[] {
  const bytes = new Array<number>(HEIGHT * rows.rowBytes).fill(0);
  codes.forEach((code, at) => {
    const [row, column] = [Math.floor(at / rows.rowCodes), at % rows.rowCodes];
    bytes[row * rows.rowBytes + (column % rows.rowBytes)]! += (code - low) * 2 ** (rows.bits * Math.floor(column / rows.rowBytes));
  });
  return bytes;
}

/** Packs all rows, takes the rows −1 to 3 back, and prints both; what lies behind must stay 0xEE. */
function program(all: readonly Case[]): string {
  const functions = new Set(all.flatMap(({ rows }) => ['strips/put-packed-rows', 'strips/take-packed-rows'].map((template) => renderTemplate(template, packingView(rows)))));
  const calls = all.map(({ rows, codes, padByte }) => {
    const [add, flip] = packingConstants(rows);
    const [packed, taken] = [HEIGHT * rows.rowBytes, (HEIGHT + 2) * rows.rowCodes];
    return `{ static const _Alignas(4) uint8_t codes[] = {${codes.map((code) => code & 255).join()}};
  static _Alignas(4) uint8_t packed[${packed + 4}], taken[${taken + 4}];
  memset(packed, 0xee, sizeof packed); memset(taken, 0xee, sizeof taken);
  ptq_put_rows_${packingSuffix(rows)}(packed, codes, ${HEIGHT}, ${rows.rowCodes}, ${rows.rowBytes}, ${add}, ${flip});
  ptq_take_rows_${packingSuffix(rows)}(taken, packed, ${-rows.rowBytes}, -1, ${HEIGHT + 2}, ${HEIGHT}, ${rows.rowCodes}, ${rows.rowBytes}, ${padByte}, ${add}, ${flip});
  print(packed, sizeof packed); print(taken, sizeof taken); }`;
  });
  return `#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\n#define PTQ_NOINLINE __attribute__((noinline))\n${[...functions].join('\n')}
static void print(const uint8_t *bytes, size_t count) { for (size_t i = 0; i < count; i++) printf("%02x", bytes[i]); printf("\\n"); }
int main(void) {\n${calls.join('\n')}\n  return 0;\n}\n`;
}

function run(text: string): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-packed-'));
  try {
    writeFileSync(join(folder, 'packed.c'), text);
    const options = ['-O2', '-std=c11', '-Wall', '-Wextra', '-Wconversion', '-Werror', '-fsanitize=undefined,address', '-fno-sanitize-recover=all'];
    const build = spawnSync('gcc', [...options, 'packed.c', '-o', 'packed'], { cwd: folder, encoding: 'utf8' });
    assert.is(build.status, 0, build.stderr);
    const result = spawnSync(join(folder, 'packed'), { encoding: 'utf8', env: { ASAN_OPTIONS: 'detect_leaks=0' } });
    assert.is(result.status, 0, result.stderr);
    return result.stdout.trim().split('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const hex = (bytes: readonly number[]) => bytes.map((byte) => (byte & 255).toString(16).padStart(2, '0')).join('');

test('generated functions pack as described and give every code back, padding outside, nothing behind the rows', () => {
  const all = cases();
  if (missingTools(findTarget('host')).length > 0) return leftOut(all.length, 'packed rows: no host compiler');
  for (const bits of [2, 4]) for (const words of [true, false]) assert.ok(all.some(({ rows }) => rows.bits === bits && rows.words === words), `${bits} bits, words ${words}`);
  const lines = run(program(all));
  const guard = 'ee'.repeat(4);
  all.forEach((one, i) => {
    const pads = new Array<number>(one.rows.rowCodes).fill(one.padByte);
    const name = `case ${i}: ${JSON.stringify(one.rows)}`;
    assert.is(lines[2 * i], hex(packedByHand(one)) + guard, name);
    assert.is(lines[2 * i + 1], hex([...pads, ...one.codes, ...pads]) + guard, name);
  });
});

test('only images of at most 16 different codes in bytes are packed, in the fewest bits', () => {
  const bitsOf = (range: readonly [number, number], shape = [4, 4, 4], bits = 8) => packedRows(tensor(shape, bits, true, range))?.bits ?? null;
  assert.equal([[-8, 7], [0, 15], [-128, -113], [-2, 1], [5, 8], [-4, 3]].map((range) => bitsOf(range as [number, number])), [4, 4, 4, 2, 2, 4]);
  assert.is(bitsOf([0, 16]), null);
  assert.is(bitsOf([0, 15], [16]), null);
  assert.is(bitsOf([0, 15], [4, 4, 4], 16), null);
});

test('words cost fewer instructions than bytes', () => {
  const of = (width: number) => packingInstructions(packedRows(tensor([2, width, 1], 4, true, [-8, 7]))!);
  assert.ok(of(16) < of(15));
});

test.run();
