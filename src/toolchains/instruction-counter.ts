/**
 * Counts executed instructions on the emulator, exactly: from the first instruction of `<model>_run` to its return,
 * callees included, and for every step. A QEMU plugin sums the executions of each address between marked addresses; the
 * marks are read off the program's own disassembly.
 */
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ProjectManifest } from '../emit/manifest.js';
import { BuildError } from '../errors.js';
import type { Build } from './build.js';
import { cyclesOf } from './cycles.js';
import { callsOf, disassemble, type MachineFunction, sourceName } from './disassemble.js';
import type { CycleModel } from '../targets/target.js';
import { harnessFolder, packageFolder } from './paths.js';
import { findProgram, runProcess } from './process.js';

export interface RunCount {
  readonly total: number;
  /** Per step of the manifest; null where the calls of `<model>_run` do not match its steps one to one. */
  readonly steps: readonly number[] | null;
}

export interface Counts {
  /** One a vector, in the order they ran. */
  readonly runs: readonly RunCount[];
  /** First vector: mnemonic → executions. */
  readonly histogram: ReadonlyMap<string, number>;
  /** First vector, by the target's cycle model; null where it has none. */
  readonly estimatedCycles: number | null;
  /** The same on a core with the small multiplier. */
  readonly slowMultiplierCycles: number | null;
}

export interface Counter {
  readonly args: readonly string[];
  readonly outputFile: string;
  readonly stepCount: number | null;
  readonly functions: ReadonlyMap<string, MachineFunction>;
  readonly cycles: CycleModel | null;
}

/** Arguments for QEMU; null where the build runs on no emulator, or holds several models. */
export async function counterArguments(build: Build): Promise<Counter | null> {
  if (build.target.runner.kind !== 'qemu' || build.models.length !== 1 || findProgram('gcc') === null) return null;
  const functions = await disassemble(build.elf, build.target);
  const manifest = build.models[0].manifest;
  const marks = marksOf(functions, manifest, build);
  if (marks === null) return null;
  const plugin = await compilePlugin();
  const marksFile = join(build.directory, 'marks.txt');
  const outputFile = join(build.directory, 'counts.txt');
  await writeFile(marksFile, marks.addresses.map((address) => `${address.toString(16)}\n`).join(''));
  return {
    args: ['-plugin', `${plugin},marks=${marksFile},out=${outputFile}${build.target.cycles ? ',jumps=on' : ''}`],
    outputFile,
    stepCount: marks.stepCount,
    functions,
    cycles: build.target.cycles ?? null,
  };
}

interface Marks {
  /** Entry of run, return addresses of its steps, the return address of run itself. */
  readonly addresses: readonly number[];
  readonly stepCount: number | null;
}

function marksOf(functions: ReadonlyMap<string, MachineFunction>, manifest: ProjectManifest, build: Build): Marks | null {
  const run = functions.get(`${manifest.modelName}_run`);
  const caller = functions.get('ptq_call_run');
  if (!run || !caller) return null;
  const callSites = callsOf(caller, build.target).filter((call) => call.callee === null || call.callee === run.name);
  const end = callSites.length === 1 ? callSites[0].next : null;
  if (end === null) return null;
  const returns = stepReturns(run, manifest, build);
  return { addresses: [run.address, ...(returns ?? []), end], stepCount: returns === null ? null : manifest.steps.length };
}

/** Return addresses of all steps but the last, which ends with run itself. */
function stepReturns(run: MachineFunction, manifest: ProjectManifest, build: Build): readonly number[] | null {
  const { steps, modelName } = manifest;
  // what a streaming network keeps for its next run counts for the last step
  const calls = callsOf(run, build.target).filter((call) => call.callee === null || sourceName(call.callee) !== `${modelName}_keep_states`);
  // compilers may merge kernels that turn out alike: any kernel of the model may stand for a step
  const kernels = new Set(steps.map((step) => step.kernel));
  const matches =
    calls.length === steps.length &&
    calls.every((call, i) => call.callee !== null && kernels.has(sourceName(call.callee)) && (!call.tail || i === steps.length - 1));
  if (!matches) return null;
  return calls.slice(0, -1).map((call) => call.next ?? 0);
}

export async function readCounts(counter: Counter): Promise<Counts> {
  const runs: RunCount[] = [];
  const executions = new Map<number, number>();
  const jumps = new Map<number, number>();
  for (const line of (await readFile(counter.outputFile, 'utf8')).split('\n')) {
    const [kind, ...fields] = line.split(' ');
    if (kind === 'run') {
      const sections = fields.map(Number);
      runs.push({ total: sections.reduce((a, b) => a + b, 0), steps: counter.stepCount === null ? null : sections });
    } else if (kind === 'at') executions.set(Number.parseInt(fields[0], 16), Number(fields[1]));
    else if (kind === 'jump') jumps.set(Number.parseInt(fields[0], 16), Number(fields[1]));
  }
  const { cycles, functions } = counter;
  const cyclesBy = (multiply: keyof Pick<CycleModel, 'multiply' | 'slowMultiply'>) => cycles && cyclesOf(functions.values(), { executions, jumps }, { ...cycles, multiply: cycles[multiply] });
  return { runs, histogram: histogramOf(functions, executions), estimatedCycles: cyclesBy('multiply'), slowMultiplierCycles: cyclesBy('slowMultiply') };
}

function histogramOf(functions: ReadonlyMap<string, MachineFunction>, executions: ReadonlyMap<number, number>): Map<string, number> {
  const histogram = new Map<string, number>();
  for (const machine of functions.values()) {
    for (const { address, mnemonic } of machine.instructions) {
      const count = executions.get(address);
      if (count !== undefined) histogram.set(mnemonic, (histogram.get(mnemonic) ?? 0) + count);
    }
  }
  return new Map([...histogram].sort((a, b) => b[1] - a[1]));
}

/** Compiles the plugin once a version of its source; kept below node_modules/.cache. */
async function compilePlugin(): Promise<string> {
  const source = join(harnessFolder, 'instruction-counter.c');
  const digest = createHash('sha256').update(await readFile(source)).digest('hex').slice(0, 16);
  const folder = join(packageFolder, 'node_modules/.cache/ptq-gen');
  const library = join(folder, `instruction-counter-${digest}.so`);
  if (await stat(library).catch(() => null)) return library;
  await mkdir(folder, { recursive: true });
  const partial = `${library}.${process.pid}`;
  const result = await runProcess('gcc', ['-O2', '-shared', '-fPIC', source, '-o', partial]);
  if (result.exitCode !== 0) throw new BuildError('the instruction counter does not compile', result.command, result.stderr);
  await rename(partial, library);
  return library;
}
