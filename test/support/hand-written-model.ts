/** A generated project written by hand: two kernels on eight bytes, to test building, running and comparing without the generator. */
import { mkdtempSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProjectManifest } from '../../src/emit/manifest.js';
import type { ProgramModel, Vector } from '../../src/toolchains/index.js';

export interface HandWrittenOptions {
  readonly name?: string;
  /** C expression of the second kernel's output, from `x` (int32_t) and `i`; default `(x >> 1) - i`. */
  readonly second?: string;
  /** Added in front of the kernels. */
  readonly prologue?: string;
}

/** tensor 0 = input, 1 = 3·x + 1 clamped to int8, 2 = output. */
export async function writeHandWrittenModel(options: HandWrittenOptions = {}): Promise<ProgramModel> {
  const name = options.name ?? 'tiny';
  const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-'));
  await mkdir(join(directory, 'test'));
  await writeFile(join(directory, `${name}.c`), source(name, options));
  const manifest: ProjectManifest = {
    schemaVersion: 1,
    modelName: name,
    digest: '0',
    target: 'host',
    arenaBytes: 24,
    arenaAlignment: 4,
    steps: [
      { index: 0, nodes: ['first'], kernel: `${name}_triple` },
      { index: 1, nodes: ['second'], kernel: `${name}_halve` },
    ],
    tensors: [
      { id: 'x', offset: 0, bytes: 8, laneBytes: 1, signed: true, step: -1 },
      { id: 'h', offset: 8, bytes: 8, laneBytes: 1, signed: true, step: 0 },
      { id: 'y', offset: 16, bytes: 8, laneBytes: 1, signed: true, step: 1 },
    ],
    inputs: [{ name: 'x', tensor: 'x' }],
    outputs: [{ name: 'y', tensor: 'y' }],
    sources: [`${name}.c`],
  };
  await writeFile(join(directory, 'test/manifest.json'), JSON.stringify(manifest));
  return { directory, manifest };
}

function source(name: string, options: HandWrittenOptions): string {
  return `#include <stdint.h>
#include <string.h>
#define PTQ_NOINLINE __attribute__((noinline))
#ifdef PTQ_TRACE
void ${name}_trace(int32_t step, const void *arena);
#define PTQ_TRACE_STEP(step) ${name}_trace((step), arena)
#else
#define PTQ_TRACE_STEP(step) ((void)0)
#endif
void ${name}_run(void *arena);
${options.prologue ?? ''}
static PTQ_NOINLINE void ${name}_triple(const int8_t *in, int8_t *out) {
  for (int32_t i = 0; i < 8; i++) {
    const int32_t y = in[i] * 3 + 1;
    out[i] = (int8_t)(y > 127 ? 127 : y < -128 ? -128 : y);
  }
}
static PTQ_NOINLINE void ${name}_halve(const int8_t *in, int8_t *out) {
  for (int32_t i = 0; i < 8; i++) {
    const int32_t x = in[i];
    out[i] = (int8_t)(${options.second ?? '(x >> 1) - i'});
  }
}
void ${name}_run(void *arena) {
  int8_t *bytes = (int8_t *)arena;
  ${name}_triple(bytes, bytes + 8);
  PTQ_TRACE_STEP(0);
  ${name}_halve(bytes + 8, bytes + 16);
  PTQ_TRACE_STEP(1);
}
`;
}

/** What the model computes: [h, y]. */
export function handWrittenTensors(x: readonly number[]): readonly Int8Array[] {
  const h = Int8Array.from(x, (v) => Math.max(-128, Math.min(127, 3 * v + 1)));
  return [h, h.map((v, i) => (v >> 1) - i)];
}

export const handWrittenInputs: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 4, 5, 6, 7],
  [-128, 127, -1, 50, -50, 42, -43, 9],
];

export function handWrittenVectors(): readonly Vector[] {
  return handWrittenInputs.map((values, index) => ({ index, inputs: [new Uint8Array(Int8Array.from(values).buffer)] }));
}
