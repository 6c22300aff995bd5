/** The one oracle of generated code: built with real compilers, run on real emulators, compared with the simulator, tensor by tensor. */
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { emitProject } from '../../src/emit/index.js';
import { MismatchError } from '../../src/errors.js';
import type { Codes, IntegerGraph } from '../../src/graph/integer.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS, type Schedule, type ScheduleOptions } from '../../src/schedule/index.js';
import { findTarget, type Target, targets } from '../../src/targets/index.js';
import { type Build, type BuildOptions, buildProgram, buildTranslated, compileCuda, type CompiledModel, type EmulatedDevice, missingTools, type ProgramModel, requireTools, runBuild, type Vector } from '../../src/toolchains/index.js';
import { compareTrace } from '../../src/verify/compare.js';
import { describeDifference } from '../../src/verify/divergence.js';
import { Expected, toVectors } from '../../src/verify/expected.js';
import { leftOut } from './bench.js';
import { sayKernelCases } from './kernel-cases.js';

export interface FirmwareCase {
  readonly name: string;
  readonly graph: IntegerGraph;
  /** One entry a vector: codes of every input, in port order. */
  readonly inputs: readonly (readonly Codes[])[];
}

/** Every C target, for tests that want all of them. */
export const allTargetIds: readonly string[] = targets.filter((target) => target.language === 'c').map((target) => target.id);

/** Few targets that differ most: native with sanitizers, no long multiply and no unaligned access, DSP, RISC-V. */
export const representativeTargetIds: readonly string[] = ['host', 'cortex-m0', 'cortex-m7', 'rv32imc'];

/** C targets that can be built and run here. */
export function availableTargetIds(): readonly string[] {
  return targets.filter((target) => target.language === 'c' && missingTools(target).length === 0).map((target) => target.id);
}

/**
 * All cases in one program a target, one run each; the host's under the undefined behaviour and address sanitizers.
 * Every tensor of every vector must equal the simulator's, the compiler must have nothing to say about the generated
 * sources, and nothing may be written outside the arena.
 *
 * A target whose tools are missing is left out visibly, and fails with CI=true.
 *
 * @throws MismatchError naming case, target, tensor, index, both values.
 */
export async function expectFirmwareMatchesSimulator(
  cases: readonly FirmwareCase[],
  targetIds: readonly string[] = representativeTargetIds,
  options: Partial<ScheduleOptions> = {},
): Promise<void> {
  const runs: { schedule: Schedule; inputs: FirmwareCase['inputs'] }[] = [];
  // PTQ_GEN_TARGETS=cuda runs the cases of any test on a target of one's choice
  const wanted = process.env['PTQ_GEN_TARGETS']?.split(',') ?? targetIds;
  for (const target of wanted.map(findTarget)) {
    if (missingTools(target).length > 0) {
      if (process.env['CI'] === 'true') requireTools(target);
      leftOut(cases.length, `cases on ${target.id}: ${missingTools(target).map((tool) => tool.command).join(', ')} missing`);
      continue;
    }
    const schedules = await expectOnTarget(cases, target, { ...DEFAULT_SCHEDULE_OPTIONS, ...options });
    runs.push(...schedules.map((schedule, i) => ({ schedule, inputs: cases[i]!.inputs })));
  }
  sayKernelCases(runs);
}

/** From few multiprocessors to many, so that every kernel which a launch may choose runs; and in orders of all kinds. */
const EMULATED_DEVICES: readonly EmulatedDevice[] = [
  { order: 1, multiprocessors: 1, hasWarpgroups: false },
  { order: 4, multiprocessors: 5, hasWarpgroups: false },
  { order: 3, multiprocessors: 192, hasWarpgroups: false },
  { order: 3, multiprocessors: 1, hasWarpgroups: true },
  { order: 4, multiprocessors: 5, hasWarpgroups: true },
];

/** How each case was computed, where nothing differs. */
async function expectOnTarget(cases: readonly FirmwareCase[], target: Target, options: ScheduleOptions): Promise<readonly Schedule[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-firmware-'));
  try {
    const schedules = cases.map((one, i) => buildSchedule({ ...one.graph, name: `case${i}` }, target, options));
    const models: ProgramModel[] = [];
    for (const schedule of schedules) models.push(await writeProject(schedule, folder));
    const variant = target.isa === 'native' ? 'sanitize' : 'trace';
    const workDirectory = join(folder, 'program');
    const ptxFor = process.env['PTQ_GEN_PTX'];
    // kernels of CUDA are many and long: compiling them would take most of the time
    const own = { workDirectory, ...(target.language === 'cuda' && { flags: ['-O0'] }) };
    const build = ptxFor !== undefined && target.language === 'cuda' ? await buildFromPtx(models, target, ptxFor, own) : await buildProgram(models, target, variant, own);
    if (build.warnings !== '') throw new Error(`${target.id}: the compiler warns about generated code:\n${build.warnings}`);
    for (const device of target.language === 'cuda' ? devicesFor(ptxFor) : [undefined]) await runAndCompare(cases, models, build, device);
    return schedules;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** PTX without products of warpgroups runs on none that would choose them. */
function devicesFor(ptxFor: string | undefined): readonly EmulatedDevice[] {
  return EMULATED_DEVICES.filter(({ hasWarpgroups }) => !hasWarpgroups || ptxFor === undefined || ptxFor === 'sm_90a');
}

/** PTQ_GEN_PTX=sm_80 executes what nvcc makes of the kernels for that architecture, and finds races in it. */
async function buildFromPtx(models: readonly ProgramModel[], target: Target, architecture: string, options: BuildOptions): Promise<Build> {
  const compiled: CompiledModel[] = [];
  for (const model of models) compiled.push({ ...model, code: await compileCuda(model.directory, model.manifest, architecture) });
  return buildTranslated(compiled as [CompiledModel, ...CompiledModel[]], target, options);
}

async function writeProject(schedule: Schedule, folder: string): Promise<ProgramModel> {
  const project = emitProject(schedule, { commandLine: 'test' });
  const directory = join(folder, schedule.graph.name);
  for (const [path, content] of project.files) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
  return { directory, manifest: project.manifest };
}

async function runAndCompare(cases: readonly FirmwareCase[], models: readonly ProgramModel[], build: Build, device?: EmulatedDevice): Promise<void> {
  const vectors: readonly Vector[] = cases.flatMap((one, i) => toVectors(one.inputs, i));
  const run = await runBuild(build, vectors, { ...(device && { device }) });
  for (const [i, one] of cases.entries()) {
    const { manifest } = models[i];
    const log = run.log.get(manifest.modelName);
    if (!log) throw new Error(`the log lacks model '${manifest.modelName}'`);
    const expected = new Expected(one.graph, one.inputs);
    const { difference } = compareTrace(log, manifest, expected, run.command);
    if (!difference) continue;
    const { vector, tensor } = difference;
    const dumped = await runBuild(build, toVectors(one.inputs, i).slice(0, vector + 1), { dump: { vector, tensor }, ...(device && { device }) });
    const bytes = dumped.log.get(manifest.modelName)?.dump?.bytes ?? null;
    const mismatch = describeDifference({ ...difference, bytes: bytes ?? difference.bytes }, manifest, expected, build.target.id);
    throw new MismatchError({ ...mismatch, node: `${one.name}: ${mismatch.node}` });
  }
}
