/** Compiles what a model needs of a library, from the user's own checkout. Objects are kept a compiler, its flags and the sources' content. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { ManifestExternal, ProjectManifest } from '../emit/manifest.js';
import { BuildError, ToolchainMissingError } from '../errors.js';
import type { Target } from '../targets/index.js';
import { compilerOf } from './discover.js';
import { harnessFolder, packageFolder } from './paths.js';
import { commandLine, runProcess } from './process.js';

/** Name of a library → folder of its checkout, where the environment does not say it. */
export type Checkouts = Readonly<Record<string, string>>;

export interface ExternalBuild {
  /** Absolute. */
  readonly objects: readonly string[];
  /** Arguments for compiling sources that include its headers. */
  readonly flags: readonly string[];
  readonly commands: readonly string[];
}

const NOTHING: ExternalBuild = { objects: [], flags: [], commands: [] };

/**
 * The checkout of a library: as given, else from the environment.
 *
 * @throws ToolchainMissingError where none is named, or it is none.
 */
export function checkoutOf({ name, variable, includes, sources = [] }: Omit<ManifestExternal, 'sources'> & Partial<ManifestExternal>, checkouts: Checkouts = {}): string {
  const given = checkouts[name] ?? process.env[variable];
  const hint = `name your checkout of ${name} with --${name} DIR or the environment variable ${variable}, or leave the choice to --kernels auto`;
  if (given === undefined || given === '') throw new ToolchainMissingError(`the kernels call ${name}, and no checkout of it is named`, { hint });
  const folder = resolve(given);
  const missing = [...includes, ...sources].find((path) => !existsSync(join(folder, path)));
  if (missing !== undefined) throw new ToolchainMissingError(`${folder} is no checkout of ${name} that this tool knows: it has no ${missing}`, { hint });
  return folder;
}

/** All libraries that the models need. Throws ToolchainMissingError, BuildError. */
export async function buildExternal(manifests: readonly ProjectManifest[], target: Target, checkouts: Checkouts = {}): Promise<ExternalBuild> {
  const [first, ...others] = manifests.flatMap(({ external }) => external ?? []);
  if (!first) return NOTHING;
  const sources = [...new Set([first, ...others].flatMap((external) => external.sources))].sort();
  const checkout = checkoutOf({ ...first, sources }, checkouts);
  const headers = first.includes.map((folder) => join(checkout, folder));
  const flags = [...libraryFlags(target), ...headers.map((folder) => `-I${folder}`)];
  const compiler = compilerOf(target);
  const { stdout: version } = await runProcess(compiler, ['--version']);
  const common = [version, ...flags, ...(await contents(headers))].join('\n');
  const commands: string[] = [];
  const objects = await inTurn(sources, async (source) => {
    const { object, command } = await compileOnce(compiler, flags, join(checkout, source), common);
    commands.push(command);
    return object;
  });
  return { objects, flags: headers.map((folder) => `-isystem${folder}`), commands };
}

/** As the model's own flags; the library's sources are others' work: no warnings. */
function libraryFlags(target: Target): readonly string[] {
  return [
    ...target.flags,
    target.optimization,
    '-std=gnu11',
    '-w',
    '-ffunction-sections',
    '-fdata-sections',
    '-fno-jump-tables',
    '-fno-stack-protector',
    '-fstack-usage',
    ...(target.isa === 'native' ? [] : ['-ffreestanding', '-fbuiltin', `-isystem${join(harnessFolder, 'include')}`]),
  ];
}

async function contents(folders: readonly string[]): Promise<readonly string[]> {
  const files = await Promise.all(folders.map(async (folder) => (await readdir(folder, { recursive: true, encoding: 'utf8' })).filter((f) => f.endsWith('.h')).sort().map((f) => join(folder, f))));
  return Promise.all(files.flat().map((file) => readFile(file, 'utf8')));
}

async function compileOnce(compiler: string, flags: readonly string[], source: string, common: string): Promise<{ readonly object: string; readonly command: string }> {
  const digest = createHash('sha256').update(common).update(await readFile(source)).digest('hex').slice(0, 16);
  const folder = join(packageFolder, 'node_modules/.cache/ptq-gen/external');
  const stem = join(folder, `${basename(source, '.c')}-${digest}`);
  const object = `${stem}.o`;
  const command = commandLine(compiler, [...flags, '-c', source, '-o', object]);
  if (existsSync(object)) return { object, command };
  await mkdir(folder, { recursive: true });
  const partial = `${stem}-${process.pid}-${nextPartial++}`;
  const result = await runProcess(compiler, [...flags, '-c', source, '-o', `${partial}.o`]);
  if (result.exitCode !== 0) {
    await rm(`${partial}.o`, { force: true });
    throw new BuildError(`${basename(source)} of the library does not compile`, result.command, result.stderr);
  }
  // the stack usage first: where the object is, all is there
  await rename(`${partial}.su`, `${stem}.su`);
  await rename(`${partial}.o`, object);
  return { object, command };
}

let nextPartial = 0;

/** As many at a time as the machine has processors; results in the order of the list. */
async function inTurn<T, R>(list: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < list.length; i = next++) results[i] = await work(list[i]!);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results;
}
