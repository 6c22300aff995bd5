/** Comparison on a real board: vectors compiled in, the log read from what the runner prints. */
import type { ProjectManifest } from '../emit/manifest.js';
import type { Target } from '../targets/index.js';
import { type BuildOptions, buildProject, type Run, runOnBoard, type Vector } from '../toolchains/index.js';
import { compareTrace, modelLog, type Observed, withDump } from './compare.js';
import { describeDifference } from './divergence.js';
import { Expected, toVectors } from './expected.js';

export interface BoardRequest {
  readonly directory: string;
  readonly target: Target;
  readonly manifest: ProjectManifest;
  readonly expected: Expected;
  readonly runner: string;
  readonly board: BuildOptions;
  readonly timeoutMs: number | undefined;
}

export async function compareOnBoard(request: BoardRequest): Promise<Observed> {
  const { manifest, expected, target } = request;
  const all = toVectors(expected.vectors);
  const vectors = thatFit(all, target);
  const run = await buildAndRun(request, vectors, {});
  const seen = new Expected(expected.graph, expected.vectors.slice(0, vectors.length));
  const comparison = compareTrace(modelLog(run.log, manifest, run.command), manifest, seen, run.command);
  const notes = vectors.length < all.length ? [`flash holds ${vectors.length} of ${all.length} vectors: only those ran`] : [];
  const { difference } = comparison;
  if (!difference) return { comparison, mismatch: null, run, notes };
  const dumped = await buildAndRun(request, vectors.slice(0, difference.vector + 1), { dump: difference });
  const mismatch = describeDifference(withDump(difference, modelLog(dumped.log, manifest, dumped.command)), manifest, seen, target.id);
  return { comparison, mismatch, run, notes };
}

async function buildAndRun(request: BoardRequest, vectors: readonly Vector[], options: Pick<BuildOptions, 'dump'>): Promise<Run> {
  const { directory, target, manifest, runner, board, timeoutMs } = request;
  const build = await buildProject(directory, target, 'trace', manifest, { ...board, ...options, vectors });
  return runOnBoard(build, runner, timeoutMs);
}

/** At most half of the flash is for vectors. */
function thatFit(vectors: readonly Vector[], target: Target): readonly Vector[] {
  let room = target.memory.flashBytes / 2;
  const fitting = vectors.filter((vector) => {
    room -= 8 + vector.inputs.reduce((sum, bytes) => sum + bytes.length, 0);
    return room >= 0;
  });
  return fitting.length > 0 ? fitting : vectors.slice(0, 1);
}
