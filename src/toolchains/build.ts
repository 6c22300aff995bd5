/** Compiles and links generated models with the harness. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { ProjectManifest } from '../emit/manifest.js';
import { BuildError } from '../errors.js';
import type { Target } from '../targets/index.js';
import { buildEmulation } from './cuda-emulation.js';
import { compilerOf, requireTools } from './discover.js';
import { buildExternal, type Checkouts } from './external.js';
import { renderModels, renderVectors } from './harness.js';
import { harnessFolder } from './paths.js';
import type { ProcessResult } from './process.js';
import { runProcess } from './process.js';
import { type DumpRequest, encodeVectors, type Vector } from './vectors-file.js';

/**
 * `trace`: a CRC-32 of every tensor; `release`: nothing but the model; `sanitize`: trace under the undefined behaviour
 * and address sanitizers (host only).
 */
export type Variant = 'trace' | 'release' | 'sanitize';

/** A generated model: its folder and what it says about itself. */
export interface ProgramModel {
  readonly directory: string;
  readonly manifest: ProjectManifest;
}

export interface BuildOptions {
  /** Folder for objects and the program; default `<model>/build/<target>-<variant>`. */
  readonly workDirectory?: string;
  /** Compiled-in vectors: the program needs no file (boards). */
  readonly vectors?: readonly Vector[];
  /** Compiled-in vectors: the tensor to print in full. */
  readonly dump?: DumpRequest;
  /** The user's own linker script, start-up and UART sources instead of the emulator's. */
  readonly linkerScript?: string;
  readonly boardSources?: readonly string[];
  /** Added to the compiler's arguments. */
  readonly flags?: readonly string[];
  /** Files that are compiled instead of sources of the models, by their absolute paths. */
  readonly instead?: ReadonlyMap<string, string>;
  /** Where the libraries are that the models call, unless the environment says it. */
  readonly checkouts?: Checkouts;
}

export interface Build {
  readonly target: Target;
  readonly variant: Variant;
  readonly directory: string;
  readonly elf: string;
  readonly mapFile: string;
  readonly models: readonly ProgramModel[];
  /** Objects of the models' own sources, absolute. */
  readonly modelObjects: readonly string[];
  /** Objects of libraries that the models call, absolute. */
  readonly externalObjects: readonly string[];
  /** The exact command lines, in order. */
  readonly commands: readonly string[];
  /** What the compiler said about the generated sources; empty when it had nothing to say. */
  readonly warnings: string;
  readonly seconds: number;
}

const WARNINGS = ['-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Wundef', '-pedantic'];
const SANITIZERS = ['-fsanitize=undefined,address', '-fno-sanitize-recover=all'];

export async function buildProject(
  directory: string,
  target: Target,
  variant: Variant,
  manifest: ProjectManifest,
  options: BuildOptions = {},
): Promise<Build> {
  return buildProgram([{ directory, manifest }], target, variant, options);
}

/**
 * Builds one program out of several models.
 *
 * @throws ToolchainMissingError, BuildError with the command and what the compiler said.
 */
export async function buildProgram(
  models: readonly ProgramModel[],
  target: Target,
  variant: Variant,
  options: BuildOptions = {},
): Promise<Build> {
  requireTools(target, { run: false });
  if (target.language === 'cuda') return buildEmulation(models, target, variant, options);
  const started = performance.now();
  const directory = resolve(options.workDirectory ?? join(models[0].directory, 'build', `${target.id}-${variant}`));
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const compiler = compilerOf(target);
  const commands: string[] = [];
  const compile = async (sources: readonly string[], flags: readonly string[], what: string): Promise<ProcessResult> => {
    const result = await runProcess(compiler, [...flags, '-c', ...sources], { directory, timeoutMs: 600_000 });
    commands.push(result.command);
    if (result.exitCode !== 0) throw new BuildError(`${target.id}: ${what} does not compile`, result.command, result.stderr);
    return result;
  };

  const sources = models.flatMap((model) => model.manifest.sources.map((source) => resolve(model.directory, source)));
  const harness = await harnessSources(models, target, directory, options);
  const external = await buildExternal(models.map((model) => model.manifest), target, options.checkouts);
  commands.push(...external.commands);
  const [compiled] = await Promise.all([
    compile(sources, [...modelFlags(target, variant), ...sizeFlags(models, target, variant), ...external.flags, ...(options.flags ?? [])], 'the generated model'),
    compile(harness, [...harnessFlags(target, variant), ...(options.flags ?? [])], 'the harness'),
  ]);
  const modelObjects = sources.map((source) => objectOf(source, directory));
  const elf = join(directory, 'program.elf');
  const mapFile = join(directory, 'program.map');
  const linked = await runProcess(
    compiler,
    [...linkFlags(target, variant, options), ...modelObjects, ...external.objects, ...harness.map((s) => objectOf(s, directory)), ...libraries(target, models), `-Wl,-Map=${mapFile}`, '-o', elf],
    { directory },
  );
  commands.push(linked.command);
  if (linked.exitCode !== 0) throw linkError(target, linked);
  const seconds = (performance.now() - started) / 1000;
  return { target, variant, directory, elf, mapFile, models, modelObjects, externalObjects: external.objects, commands, warnings: compiled.stderr, seconds };
}

/** `kernel calls __mulsi3`, for every section of a function in which the linker misses such a routine. */
function multiplyingCalls(message: string): readonly string[] {
  const calls = [...message.matchAll(/\(\.text\.([^+)]+)\+0x[0-9a-f]+\): undefined reference to `(__\w*(?:mul|div|mod)\w*)'/g)];
  return [...new Set(calls.map(([, owner, helper]) => `${owner} calls ${helper}`))];
}

function linkError(target: Target, linked: ProcessResult): BuildError {
  const multiplies = multiplyingCalls(linked.stderr);
  if (multiplies.length > 0) return new BuildError(`${target.id}: a program without multiplication does not link: ${multiplies.join(', ')}`, linked.command, linked.stderr);
  const overflow = /region `(\w+)' overflowed by (\d+) bytes/.exec(linked.stderr) ?? /address 0x[0-9a-f]+ of \S+ section `\S+' is not within region `(\w+)'/.exec(linked.stderr);
  if (!overflow) return new BuildError(`${target.id}: the program does not link`, linked.command, linked.stderr);
  const hint = 'choose a target with more memory, --optimize ram or flash, or your own --linker-script';
  return new BuildError(`${target.id}: the program is ${overflow[2] ? `${overflow[2]} bytes ` : ''}too large for region ${overflow[1]}`, linked.command, linked.stderr, { hint });
}

function objectOf(source: string, directory: string): string {
  return join(directory, basename(source).replace(/\.[cS]$/, '.o'));
}

/** The last of several -O counts. */
function sizeFlags(models: readonly ProgramModel[], { optimization }: Target, variant: Variant): readonly string[] {
  const isSmall = variant !== 'sanitize' && models.every(({ manifest }) => manifest.smallCode);
  // To save code gcc multiplies the step of a loop by its turns, instead of adding it up.
  const avoidsProducts = (isSmall || optimization === '-Os') && models.every(({ manifest }) => manifest.withoutMultiplication);
  return [...(isSmall ? ['-Os'] : []), ...(avoidsProducts ? ['-fno-tree-scev-cprop'] : [])];
}

/** Flags for the model's own sources. */
export function modelFlags(target: Target, variant: Variant): readonly string[] {
  return [...commonFlags(target, variant), ...WARNINGS];
}

function commonFlags(target: Target, variant: Variant): readonly string[] {
  const cross = target.isa !== 'native';
  // avr-gcc knows its flash as an address space in GNU C only
  const standard = target.features.separateFlash ? '-std=gnu99' : '-std=c99';
  return [
    ...target.flags,
    ...(variant === 'sanitize' ? ['-O1', '-g', ...SANITIZERS] : [target.optimization]),
    standard,
    '-ffunction-sections',
    '-fdata-sections',
    // what the proofs follow: no jumps through tables, no calls that a distribution's defaults add
    '-fno-jump-tables',
    '-fno-stack-protector',
    ...(variant === 'release' ? ['-fstack-usage'] : []),
    ...(cross ? ['-ffreestanding', '-fbuiltin', `-isystem${join(harnessFolder, 'include')}`] : ['-DPTQ_HOST']),
    ...(variant === 'release' ? [] : ['-DPTQ_TRACE']),
  ];
}

/** The harness is plain C with GNU extensions; loops must not become calls of the very functions that they define. */
function harnessFlags(target: Target, variant: Variant): readonly string[] {
  return [...commonFlags(target, variant), '-std=gnu11', '-fno-tree-loop-distribute-patterns', `-I${harnessFolder}`];
}

/** Writes what depends on the models; names all sources of the harness. */
async function harnessSources(
  models: readonly ProgramModel[],
  target: Target,
  directory: string,
  options: BuildOptions,
): Promise<readonly string[]> {
  const glue = join(directory, 'models.c');
  await writeFile(glue, renderModels(models.map((model) => model.manifest)));
  const own = (name: string): string => join(harnessFolder, name);
  const sources = [glue, own('harness.c')];
  if (options.vectors) {
    const vectors = join(directory, 'vectors.c');
    await writeFile(vectors, renderVectors(encodeVectors(options.vectors, options.dump ?? null)));
    sources.push(vectors, own('io-board.c'));
  } else sources.push(own(IO_SOURCES[target.runner.kind]!));
  if (!bringsLibrary(target)) sources.push(own('runtime.c'));
  if (options.boardSources) sources.push(...options.boardSources.map((source) => resolve(source)));
  else if (target.startup) sources.push(own(target.startup));
  return sources;
}

const IO_SOURCES: Readonly<Record<string, string>> = { host: 'io-host.c', qemu: 'io-semihosting.c', simavr: 'io-simavr.c' };

/** Start-up, linker script and the three functions of <string.h> come with the compiler. */
function bringsLibrary({ isa }: Target): boolean {
  return isa === 'native' || isa === 'avr';
}

function linkFlags(target: Target, variant: Variant, options: BuildOptions): readonly string[] {
  if (target.isa === 'native') return [...target.flags, ...(variant === 'sanitize' ? SANITIZERS : [])];
  if (target.isa === 'avr') {
    // the device's own memory, and a place outside of it for what only the emulator reads
    return [...target.flags, '-Wl,--gc-sections', `-Wl,--defsym=__DATA_REGION_LENGTH__=${target.memory.ramBytes}`, `-Wl,--defsym=__TEXT_REGION_LENGTH__=${target.memory.flashBytes}`, '-Wl,--section-start=.mmcu=0x910000', '-Wl,--undefined=ptq_console,--undefined=ptq_running,--undefined=ptq_record'];
  }
  const script = options.linkerScript ? resolve(options.linkerScript) : join(harnessFolder, target.linkerScript ?? '');
  return [
    ...target.flags,
    '-nostdlib',
    '-nostartfiles',
    '-Wl,--gc-sections',
    '-Wl,--no-warn-rwx-segments',
    `-L${join(harnessFolder, 'linker')}`,
    '-T',
    script,
  ];
}

/** On a core without multiplication a program that promises none gets no library either that would have one: a second proof. */
function libraries(target: Target, models: readonly ProgramModel[]): readonly string[] {
  const { isa, features } = target;
  const isPlain = isa === 'riscv32' && !features.hardwareMultiplier && models.every(({ manifest }) => manifest.withoutMultiplication);
  return bringsLibrary(target) || isPlain ? [] : ['-lgcc'];
}

/** What the project in this folder says about itself. */
export async function readManifest(directory: string): Promise<ProjectManifest> {
  return JSON.parse(await readFile(join(directory, 'test/manifest.json'), 'utf8')) as ProjectManifest;
}
