/** Runs a built program: on this machine, on an emulator, or through the user's own command on a board. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunError } from '../errors.js';
import type { Build } from './build.js';
import { requireTools } from './discover.js';
import { type Counts, counterArguments, readCounts } from './instruction-counter.js';
import { type Log, type ModelLog, parseLog } from './log.js';
import { commandLine, type ProcessResult, runProcess, runShell } from './process.js';
import { EEPROM_FILE, fittingFile, intelHex, mergeLogs, RECORD_FILE, runCycles, type SimavrRunner } from './simavr.js';
import { type DumpRequest, encodeVectors, type Vector } from './vectors-file.js';

export interface RunOptions {
  readonly dump?: DumpRequest;
  /** Count instructions (release builds on an emulator). */
  readonly count?: boolean;
  readonly timeoutMs?: number;
  /** What the emulation of CUDA plays, where the default for the build does not do. */
  readonly device?: EmulatedDevice;
}

/** A GPU as the emulation of CUDA plays it: launches choose kernels by its size. */
export interface EmulatedDevice {
  /** Of threads and copies: docs/cuda.md. */
  readonly order: number;
  readonly multiprocessors: number;
  /** Whether it runs products of warpgroups, as sm_90a does. */
  readonly hasWarpgroups: boolean;
}

export interface Run {
  readonly log: Log;
  /** Null where nothing counted: host, boards, no counter. */
  readonly counts: Counts | null;
  /** Of every vector's run, where the emulator counts them. */
  readonly cycles?: readonly number[];
  readonly command: string;
  readonly seconds: number;
}

const DEFAULT_TIMEOUT_MS = 600_000;

const EXIT_MEANINGS: Readonly<Record<number, string>> = {
  1: 'it found no vectors.bin',
  2: 'its vectors are not for this program',
  3: 'its vectors end early',
  4: 'something was written behind the end of the arena',
  5: 'a library refused a call, or wants other scratch memory than was planned: it is another version than this tool knows, or the project is for another core',
  6: 'CUDA refused a call',
  77: 'there is no GPU',
  86: 'the emulation of CUDA found a fault in a kernel',
  98: 'the processor trapped',
  99: 'the processor faulted',
};

/**
 * Runs the vectors and reads what the program printed.
 *
 * @throws RunError with the command and stderr: non-zero exit, time limit, damaged or unfinished log.
 */
export async function runBuild(build: Build, vectors: readonly Vector[], options: RunOptions = {}): Promise<Run> {
  requireTools(build.target);
  if (build.target.runner.kind === 'simavr') return runInSimavr(build, vectors, build.target.runner, options);
  const log = join(build.directory, 'output.log');
  await rm(log, { force: true });
  await writeFile(join(build.directory, 'vectors.bin'), encodeVectors(vectors, options.dump ?? null));
  const counter = options.count ? await counterArguments(build) : null;
  const { command, args } = runnerCommand(build);
  const result = await runProcess(command, [...args, ...(counter?.args ?? [])], {
    directory: build.directory,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    environment: deviceEnvironment(build, options.device),
  });
  checkExit(build, result);
  return {
    log: parseLog(await readFile(log, 'latin1'), result.command, result.stderr),
    counts: counter ? await readCounts(counter) : null,
    command: result.command,
    seconds: result.seconds,
  };
}

/**
 * The two builds of a verification run the threads of CUDA kernels in different orders, which differ in all that the emulation
 * varies: backward in turns with late copies, and by chance with warps that run ahead and early copies; and on devices of
 * different size, with and without products of warpgroups, for which launches choose different kernels. The user's own choice counts.
 */
function deviceEnvironment({ variant }: Build, device: EmulatedDevice = variant === 'release' ? HOPPER_OF_ONE : AMPERE): Readonly<Record<string, string>> {
  const played = { PTQ_CUDA_ORDER: device.order, PTQ_CUDA_MULTIPROCESSORS: device.multiprocessors, PTQ_CUDA_WGMMA: Number(device.hasWarpgroups) };
  return Object.fromEntries(Object.entries(played).map(([name, value]) => [name, process.env[name] ?? String(value)]));
}

/** Its launches never have too few blocks. */
const HOPPER_OF_ONE: EmulatedDevice = { order: 4, multiprocessors: 1, hasWarpgroups: true };
const AMPERE: EmulatedDevice = { order: 1, multiprocessors: 132, hasWarpgroups: false };

/** Runs the user's command on a build with compiled-in vectors; `{elf}` becomes the program's path. Reads what it prints. */
export async function runOnBoard(build: Build, runner: string, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<Run> {
  const line = runner.includes('{elf}') ? runner.replaceAll('{elf}', commandLine(build.elf, [])) : `${runner} ${commandLine(build.elf, [])}`;
  const result = await runShell(line, { timeoutMs });
  if (result.timedOut && !/PTQ1 END/.test(result.stdout + result.stderr)) {
    throw new RunError(`the runner did not end within ${timeoutMs / 1000} s`, result.command, result.stderr);
  }
  // Semihosting consoles differ: some print on stdout, QEMU on stderr. The one that holds the log counts.
  const text = result.stdout.includes('PTQ1 ') ? result.stdout : result.stderr;
  return { log: parseLog(text, result.command, result.stderr), counts: null, command: result.command, seconds: result.seconds };
}

/** How the target's programs are started. */
export function runnerCommand(build: Pick<Build, 'target' | 'elf'>): { command: string; args: readonly string[] } {
  const { runner } = build.target;
  if (runner.kind === 'host' || runner.kind === 'cuda-emulation') return { command: build.elf, args: [] };
  if (runner.kind === 'simavr') return { command: runner.command, args: ['-m', runner.machine, '-f', String(runner.hertz), ...runner.args, build.elf] };
  return {
    command: runner.command,
    args: [
      '-M', runner.machine, ...runner.args,
      '-nographic', '-monitor', 'none', '-serial', 'null',
      '-semihosting-config', 'enable=on,target=native',
      '-kernel', build.elf,
    ],
  };
}

/** As many runs as it takes: the EEPROM holds few vectors. */
async function runInSimavr(build: Build, vectors: readonly Vector[], runner: SimavrRunner, options: RunOptions): Promise<Run> {
  const logs: Log[] = [];
  const cycles: number[] = [];
  let seconds = 0;
  const { command, args } = runnerCommand(build);
  for (let done = 0; done < vectors.length; ) {
    const next = vectors.slice(done);
    // What a network remembers hangs on the vectors before, which another run saw.
    const before = vectors[done - 1]?.model === next[0]!.model ? lastLog(logs.at(-1)) : null;
    const { file, count } = fittingFile(next, runner.vectorBytes, options.dump ?? null, before);
    done += count;
    await writeFile(join(build.directory, EEPROM_FILE), intelHex(file));
    const result = await runProcess(command, [...args, '-ee', EEPROM_FILE], { directory: build.directory, timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS });
    const status = /^O:exit (\d+)/m.exec(result.stderr)?.[1];
    checkExit(build, status === undefined ? result : { ...result, exitCode: Number(status) });
    logs.push(parseLog(result.stderr, result.command, result.stderr));
    cycles.push(...runCycles(await readFile(join(build.directory, RECORD_FILE), 'latin1'), runner.hertz));
    seconds += result.seconds;
  }
  return { log: mergeLogs(logs), counts: null, cycles, command: commandLine(command, [...args, '-ee', EEPROM_FILE]), seconds };
}

/** Of the model that ran last. */
function lastLog(log: Log | undefined): ModelLog | null {
  return [...(log?.values() ?? [])].at(-1) ?? null;
}

function checkExit(build: Build, result: ProcessResult): void {
  if (result.timedOut) throw new RunError(`${build.target.id}: the program did not end within its time limit`, result.command, result.stderr);
  if (result.exitCode === 0) return;
  const meaning = result.exitCode === null ? 'it was killed' : EXIT_MEANINGS[result.exitCode];
  throw new RunError(
    `${build.target.id}: the program ended with exit code ${result.exitCode}${meaning ? `: ${meaning}` : ''}`,
    result.command,
    result.stderr,
  );
}
