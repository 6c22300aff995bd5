/**
 * Tensors inside fused steps never exist whole in a project. The same layers are generated once more with fusion off, into
 * a temporary folder, run on the same vectors, and there every tensor is compared. What the fused steps themselves make of
 * them shows in what they write, which the run of the project compares.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitProject, writeProject } from '../emit/index.js';
import type { IntegerGraph } from '../graph/integer.js';
import { reportMismatch } from '../report/report.js';
import { buildUnfused, type ScheduleOptions } from '../schedule/index.js';
import type { Target } from '../targets/index.js';
import { buildTrace, compareOnEmulator } from './emulator.js';
import { Expected, type VectorInputs } from './expected.js';
import type { VerifyOptions, VerifyResult } from './verify-project.js';

/** How the project was generated; `target` may differ from the one that it is verified on. */
export interface Generation {
  readonly target: Target;
  readonly options: ScheduleOptions;
}

/** Tensors that the run of the project cannot show, and a second program can. */
export function wantsUnfused({ report }: VerifyResult): boolean {
  return report.bitExact === true && report.tensorsUnobserved.length > 0;
}

/**
 * The verdict with the second program's comparison in it. Runs on the emulator or on this machine.
 *
 * @throws BuildError, RunError, FileError.
 */
export async function checkUnfused(
  result: VerifyResult,
  graph: IntegerGraph,
  target: Target,
  generation: Generation,
  vectors: readonly VectorInputs[],
  options: Pick<VerifyOptions, 'timeoutMs' | 'checkouts'> = {},
): Promise<VerifyResult> {
  const expected = new Expected(graph, vectors);
  const project = emitProject(buildUnfused(graph, generation.target, generation.options), { commandLine: 'ptq-gen verify' });
  const folder = await mkdtemp(join(tmpdir(), 'ptq-gen-unfused-'));
  try {
    const directory = join(folder, 'project');
    await writeProject(project, directory);
    const build = await buildTrace(directory, target, project.manifest, options.checkouts ? { checkouts: options.checkouts } : {});
    const { mismatch, run } = await compareOnEmulator(build, project.manifest, expected, options.timeoutMs);
    const here = new Set(project.manifest.tensors.map((tensor) => graph.tensors.get(tensor.id)?.name));
    const { report, seconds } = result;
    const found = mismatch && { ...mismatch, unfused: true };
    return {
      ...result,
      mismatch: found,
      commands: [...result.commands, ...build.commands, run.command],
      report: {
        ...report,
        bitExact: found === null,
        tensorsCheckedUnfused: report.tensorsUnobserved.filter((name) => here.has(name)),
        tensorsUnobserved: report.tensorsUnobserved.filter((name) => !here.has(name)),
        firstMismatch: found && reportMismatch(found),
        outputCrc32: found === null ? report.outputCrc32 : null,
      },
      seconds: { build: seconds.build + build.seconds, run: seconds.run + run.seconds, simulate: seconds.simulate + expected.seconds },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
