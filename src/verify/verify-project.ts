/** The verification of one project on one target: trace build and run, release build and run, proofs. */
import type { ProjectManifest } from '../emit/manifest.js';
import type { Mismatch } from '../errors.js';
import type { IntegerGraph } from '../graph/integer.js';
import { NOT_RUN, reportMismatch, type ReportVerify } from '../report/report.js';
import type { Target } from '../targets/index.js';
import { type Build, type BuildOptions, buildProject, type Checkouts, crc32, hex32, parseLog, readManifest, requireTools, runBuild, runnerCommand } from '../toolchains/index.js';
import { compareOnBoard } from './board.js';
import { compareOutputs, compareTrace, modelLog, type Observed } from './compare.js';
import { inspectCuda, verifyCuda } from './cuda-levels.js';
import { describeDifference } from './divergence.js';
import { buildTrace, compareOnEmulator } from './emulator.js';
import { Expected, toVectors, type VectorInputs } from './expected.js';
import { type BinaryProofs, proveBinary } from './proofs.js';
import { reachFromRun } from './reach.js';
import { measureSizes, type Sizes } from './sizes.js';
import { stackBound } from './stack.js';

export interface VerifyOptions {
  /** Command that runs `{elf}` on a real board, instead of the emulator; it prints the log. */
  readonly runner?: string;
  /** The board's own linker script and sources (start-up, UART), instead of the emulator's. */
  readonly linkerScript?: string;
  readonly boardSources?: readonly string[];
  readonly timeoutMs?: number;
  /** Checkouts of the libraries that the model calls. */
  readonly checkouts?: Checkouts;
  /** False: build and inspect the binary, execute nothing. */
  readonly run?: boolean;
  /** Told when the next stage begins. */
  readonly onStage?: (stage: 'build' | 'run') => void;
}

export interface InstructionCount {
  /** First vector. */
  readonly total: number;
  /** One a step of the manifest; null where they could not be told apart. */
  readonly steps: readonly number[] | null;
  /** Most of all vectors. */
  readonly worst: number;
  /** First vector: mnemonic → executions, most frequent first. */
  readonly histogram: ReadonlyMap<string, number>;
  /** First vector, by the target's cycle model; null where it has none. */
  readonly estimatedCycles: number | null;
  /** The same on a core with the small multiplier. */
  readonly slowMultiplierCycles: number | null;
}

export interface VerifyResult {
  readonly target: string;
  /** For report.json. */
  readonly report: ReportVerify;
  readonly mismatch: Mismatch | null;
  /** Null on the host and on boards. */
  readonly instructions: InstructionCount | null;
  /** First vector, where the emulator counts cycles and no instructions. */
  readonly cycles?: number | null;
  /** Null where nothing was built (a captured log), and after a mismatch. */
  readonly sizes: Sizes | null;
  readonly stackBytes: number | null;
  readonly proofs: BinaryProofs | null;
  /** Exact command lines of compilers and runners, in order. */
  readonly commands: readonly string[];
  /** What should be said beside the result. */
  readonly notes: readonly string[];
  readonly seconds: { readonly build: number; readonly run: number; readonly simulate: number };
}

/**
 * Never throws for a difference: `mismatch` names it.
 *
 * @throws ToolchainMissingError, BuildError, RunError.
 */
export async function verifyProject(
  directory: string,
  graph: IntegerGraph,
  target: Target,
  vectors: readonly VectorInputs[],
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const runs = options.run !== false;
  requireTools(target, { run: runs && options.runner === undefined });
  const manifest = await readManifest(directory);
  const board = boardOptions(options);
  if (!runs) return buildOnly(directory, target, manifest, board);
  const expected = new Expected(graph, vectors);
  options.onStage?.('build');
  const started = performance.now();
  const [release, trace] = await Promise.all([
    buildProject(directory, target, 'release', manifest, board),
    options.runner === undefined ? buildTrace(directory, target, manifest, board) : null,
  ]);
  const buildSeconds = (performance.now() - started) / 1000;
  options.onStage?.('run');
  const observed = trace
    ? await compareOnEmulator(trace, manifest, expected, options.timeoutMs)
    : await compareOnBoard({ directory, target, manifest, expected, runner: options.runner as string, board, timeoutMs: options.timeoutMs });
  const commands = [...(trace?.commands ?? []), ...release.commands, observed.run.command];
  const base = {
    target: target.id,
    commands,
    notes: [...observed.notes, ...notesOf(release)],
  };
  if (observed.mismatch) {
    const report = reportOf(observed, manifest, expected, runnerName(release, options));
    const seconds = { build: buildSeconds, run: observed.run.seconds, simulate: expected.seconds };
    return { ...base, report, mismatch: observed.mismatch, instructions: null, sizes: null, stackBytes: null, proofs: null, seconds };
  }
  const measured = await measureRelease(release, manifest, expected, options);
  const onCuda = target.language === 'cuda' ? await verifyCuda(directory, target, manifest, expected, options.timeoutMs) : null;
  const inspected = onCuda ? { sizes: null, stackBytes: null, ...onCuda } : await inspectBinary(release);
  const mismatch = measured.mismatch ?? onCuda?.mismatch ?? null;
  return {
    ...base,
    sizes: inspected.sizes,
    stackBytes: inspected.stackBytes,
    proofs: inspected.proofs,
    report: reportOf({ ...observed, mismatch }, manifest, expected, onCuda?.runner ?? runnerName(release, options)),
    mismatch,
    instructions: measured.instructions,
    cycles: measured.cycles,
    notes: [...base.notes, ...inspected.notes],
    commands: [...commands, ...(measured.command === null ? [] : [measured.command]), ...inspected.commands],
    seconds: { build: buildSeconds, run: observed.run.seconds + measured.seconds, simulate: expected.seconds },
  };
}

function boardOptions(options: VerifyOptions): Pick<BuildOptions, 'linkerScript' | 'boardSources' | 'checkouts'> {
  const { linkerScript, boardSources, checkouts } = options;
  return { ...(linkerScript === undefined ? {} : { linkerScript }), ...(boardSources === undefined ? {} : { boardSources }), ...(checkouts === undefined ? {} : { checkouts }) };
}

/** The release build and what its binary shows. */
async function buildOnly(directory: string, target: Target, manifest: ProjectManifest, board: BuildOptions): Promise<VerifyResult> {
  const release = await buildProject(directory, target, 'release', manifest, board);
  const inspected = await inspectBinary(release);
  return {
    target: target.id,
    report: NOT_RUN,
    mismatch: null,
    instructions: null,
    ...inspected,
    commands: [...release.commands, ...inspected.commands],
    notes: [...notesOf(release), ...inspected.notes],
    seconds: { build: release.seconds, run: 0, simulate: 0 },
  };
}

function notesOf(build: Build): readonly string[] {
  return build.warnings === '' ? [] : [`the compiler warned:\n${build.warnings}`];
}

/** Compares a captured log of a board. Nothing is built: sizes and instructions stay null. */
export async function verifyLog(directory: string, graph: IntegerGraph, target: Target, vectors: readonly VectorInputs[], text: string, source: string): Promise<VerifyResult> {
  const manifest = await readManifest(directory);
  const expected = new Expected(graph, vectors);
  const log = modelLog(parseLog(text, source), manifest, source);
  const comparison = log.tensors.size > 0 ? compareTrace(log, manifest, expected, source) : compareOutputs(log, manifest, expected, source);
  const mismatch = comparison.difference && describeDifference(comparison.difference, manifest, expected, target.id);
  return {
    target: target.id,
    report: reportOf({ comparison, mismatch }, manifest, expected, `log ${source}`),
    mismatch,
    instructions: null,
    sizes: null,
    stackBytes: null,
    proofs: null,
    commands: [],
    notes: mismatch && mismatch.index.length === 0 ? ['the log holds check sums only: the values shown are CRC-32s of the whole tensor'] : [],
    seconds: { build: 0, run: 0, simulate: expected.seconds },
  };
}

interface Measured {
  readonly mismatch: Mismatch | null;
  readonly instructions: InstructionCount | null;
  readonly cycles: number | null;
  readonly command: string | null;
  readonly seconds: number;
}

async function measureRelease(build: Build, manifest: ProjectManifest, expected: Expected, options: VerifyOptions): Promise<Measured> {
  if (options.runner !== undefined) return { mismatch: null, instructions: null, cycles: null, command: null, seconds: 0 };
  const run = await runBuild(build, toVectors(expected.vectors), { count: true, ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }) });
  const { difference } = compareOutputs(modelLog(run.log, manifest, run.command), manifest, expected, run.command);
  const mismatch = difference && describeDifference(difference, manifest, expected, build.target.id);
  const { counts } = run;
  const instructions = counts?.runs.length
    ? { ...counts.runs[0], worst: Math.max(...counts.runs.map((one) => one.total)), histogram: counts.histogram, estimatedCycles: counts.estimatedCycles, slowMultiplierCycles: counts.slowMultiplierCycles }
    : null;
  return { mismatch, instructions, cycles: run.cycles?.[0] ?? null, command: run.command, seconds: run.seconds };
}

type Inspection = Pick<VerifyResult, 'sizes' | 'stackBytes' | 'proofs' | 'notes' | 'commands'>;

async function inspectBinary(build: Build): Promise<Inspection> {
  const { directory, manifest } = build.models[0];
  if (build.target.language === 'cuda') {
    const { proofs, notes, commands } = await inspectCuda(directory, manifest, build.target);
    return { sizes: null, stackBytes: null, proofs, notes, commands };
  }
  const reach = await reachFromRun(build);
  const proofs = proveBinary(reach, build.target, manifest.withoutMultiplication);
  return { sizes: measureSizes(reach, build), stackBytes: await stackBound(reach, build), proofs, notes: [], commands: [] };
}

function runnerName(build: Build, options: VerifyOptions): string {
  if (options.runner !== undefined) return options.runner;
  const { runner } = build.target;
  if (runner.kind === 'host') return 'host';
  return runner.kind === 'cuda-emulation' ? 'CUDA emulated on this machine' : `${runnerCommand(build).command} ${runner.machine}`;
}

function reportOf(observed: Pick<Observed, 'comparison' | 'mismatch'>, manifest: ProjectManifest, expected: Expected, runner: string): ReportVerify {
  const { mismatch } = observed;
  const here = new Set(manifest.tensors.map((tensor) => tensor.id));
  const unobserved = [...expected.graph.tensors.values()].filter((tensor) => !tensor.constant && !here.has(tensor.id));
  let sum = 0;
  for (let vector = 0; vector < expected.vectors.length; vector++) sum = crc32(expected.outputs(vector), sum);
  return {
    ran: true,
    bitExact: mismatch === null,
    vectors: expected.vectors.length,
    tensorsCompared: observed.comparison.compared,
    tensorsCheckedUnfused: [],
    tensorsUnobserved: unobserved.map((tensor) => tensor.name),
    runner,
    firstMismatch: mismatch && reportMismatch(mismatch),
    outputCrc32: mismatch === null ? hex32(sum) : null,
  };
}
