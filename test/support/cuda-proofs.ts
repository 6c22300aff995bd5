/** nvcc compiles the kernels of a graph for every architecture of the target, and PTX and machine code hold what they promise. */
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { emitProject } from '../../src/emit/index.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { buildSchedule } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { findNvcc } from '../../src/toolchains/index.js';
import { inspectCuda } from '../../src/verify/cuda-levels.js';
import { brokenPromises } from '../../src/verify/proofs.js';
import { leftOut } from './bench.js';

/** No floating point, no foreign code, no multiplication where the network promises none, no register in memory. Left out visibly without nvcc. */
export async function expectCudaProofs(graph: IntegerGraph): Promise<readonly string[]> {
  if (findNvcc() === null) {
    leftOut(1, `proofs of '${graph.name}': nvcc missing`);
    return [];
  }
  const target = findTarget('cuda');
  const { files, manifest } = emitProject(buildSchedule(graph, target), { commandLine: 'test' });
  const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-cuda-proofs-'));
  try {
    for (const [path, content] of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    const { proofs, notes } = await inspectCuda(folder, manifest, target);
    assert.equal(brokenPromises(proofs!, manifest.withoutMultiplication === true), []);
    assert.equal(notes.filter((note) => !note.endsWith('none spills')), []);
    return notes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
