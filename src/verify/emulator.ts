/** Comparison on an emulator (or this machine): the trace build, every tensor of every vector. */
import type { ProjectManifest } from '../emit/manifest.js';
import type { Target } from '../targets/index.js';
import { type Build, type BuildOptions, buildProject, type EmulatedDevice, runBuild } from '../toolchains/index.js';
import { compareTrace, modelLog, type Observed, withDump } from './compare.js';
import { describeDifference } from './divergence.js';
import { type Expected, toVectors } from './expected.js';

/** The host's trace runs under the sanitizers. */
export function buildTrace(directory: string, target: Target, manifest: ProjectManifest, options: BuildOptions): Promise<Build> {
  return buildProject(directory, target, target.isa === 'native' ? 'sanitize' : 'trace', manifest, options);
}

/** Runs again after a difference, to learn the tensor's bytes. */
export async function compareOnEmulator(build: Build, manifest: ProjectManifest, expected: Expected, timeoutMs: number | undefined, device?: EmulatedDevice): Promise<Observed> {
  const vectors = toVectors(expected.vectors);
  const timing = { ...(timeoutMs === undefined ? {} : { timeoutMs }), ...(device && { device }) };
  const run = await runBuild(build, vectors, timing);
  const comparison = compareTrace(modelLog(run.log, manifest, run.command), manifest, expected, run.command);
  const { difference } = comparison;
  if (!difference) return { comparison, mismatch: null, run, notes: [] };
  const dumped = await runBuild(build, vectors.slice(0, difference.vector + 1), { ...timing, dump: difference });
  const described = describeDifference(withDump(difference, modelLog(dumped.log, manifest, dumped.command)), manifest, expected, build.target.id);
  return { comparison, mismatch: described, run, notes: [] };
}
