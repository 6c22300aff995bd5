/** loadSamples: the user's files matched to the inputs of a graph. */
import { existsSync } from 'node:fs';
import { CalibrationError } from '../../errors.js';
import type { FloatGraph } from '../../graph/float.js';
import type { Preprocess, SampleSet } from '../types.js';
import { DataReader, type SourceArrays } from './files.js';
import { layoutOf, samplePorts, type SampleLayout, type SamplePort } from './layout.js';
import type { NamedArray } from './npy.js';
import { stackImages, stackSamples } from './stack.js';
import { portValues, type PortValues } from './values.js';

export interface LoadOptions {
  readonly preprocess?: Preprocess;
  /** At most so many samples, from the first on. */
  readonly limit?: number;
}

/**
 * One path for a graph with one input (any array) or for all inputs (.npz or a folder, by name); several inputs also as
 * `name=path`, in a list or separated by commas. Arrays are in the model file's layout, the first axis = samples.
 * Throws CalibrationError.
 */
export async function loadSamples(paths: string | readonly string[], graph: FloatGraph, options: LoadOptions = {}): Promise<SampleSet> {
  return loadPortSamples(paths, samplePorts(graph), options);
}

/** The same for inputs described one by one (those of an integer graph). */
export async function loadPortSamples(paths: string | readonly string[], ports: readonly SamplePort[], options: LoadOptions = {}): Promise<SampleSet> {
  const reader = new DataReader();
  if (options.preprocess) reader.note(JSON.stringify(options.preprocess));
  const matched = await matchPorts(reader, splitPaths(paths), ports);
  const values = new Map(ports.map((port) => [port.name, portSamples(matched.get(port.name)!, port, options)]));
  const count = commonCount(values, matched);
  reader.note(String(count));
  return {
    count,
    inputs: pick(values, (v) => v.values),
    codes: pick(values, (v) => v.codes),
    raw: pick(values, (v) => v.raw),
    sha256: reader.digest(),
  };
}

function splitPaths(paths: string | readonly string[]): readonly string[] {
  return [paths].flat().flatMap((path) => (/^[^,=]+=[^,]*,[^,=]+=/.test(path) ? path.split(',') : [path]));
}

/** Reads every path once and says which array belongs to which input. */
async function matchPorts(reader: DataReader, paths: readonly string[], ports: readonly SamplePort[]): Promise<Map<string, SourceArrays>> {
  const matched = new Map<string, SourceArrays>();
  for (const path of paths) {
    const name = ports.map((port) => port.name).find((candidate) => path.startsWith(`${candidate}=`));
    if (name === undefined) refuseUnknownName(path, ports);
    const arrays = await reader.read(name === undefined ? path : path.slice(name.length + 1));
    if (name !== undefined) matched.set(name, only(arrays, name));
    else for (const [portName, found] of unnamed(arrays, ports)) matched.set(portName, found);
  }
  const missing = ports.filter((port) => !matched.has(port.name));
  if (missing.length === 0) return matched;
  throw new CalibrationError(`no data for input ${missing.map((port) => `'${port.name}'`).join(', ')}`, { hint: severalInputs(ports) });
}

/** `name=path` with a name that no input has. A path may hold an = of its own, so this looks whether the file exists. */
function refuseUnknownName(path: string, ports: readonly SamplePort[]): void {
  const name = /^([^=/\\]+)=/.exec(path)?.[1];
  if (name === undefined || existsSync(path)) return;
  throw new CalibrationError(`the model has no input called '${name}'`, { hint: severalInputs(ports) });
}

/** An argument without `name=`: everything for the one input, or arrays by the names of the inputs. */
function unnamed(arrays: SourceArrays, ports: readonly SamplePort[]): readonly (readonly [string, SourceArrays])[] {
  if (arrays.kind === 'named') {
    const found = ports.flatMap((port) => {
      const array = byName(arrays.arrays, port.name);
      return array ? [[port.name, { kind: 'array', array } as SourceArrays] as const] : [];
    });
    if (found.length > 0) return found;
  }
  if (ports.length === 1) return [[ports[0]!.name, only(arrays, ports[0]!.name)]];
  const held = arrays.kind === 'named' ? ` (it holds ${[...arrays.arrays.keys()].join(', ')})` : '';
  const source = arrays.kind === 'array' ? arrays.array.source : arrays.source;
  throw new CalibrationError(`${source}: the model has ${ports.length} inputs, and it is not said which one this is for${held}`, { hint: severalInputs(ports) });
}

/** Arrays all meant for one input: an archive must hold one array, or one of that name; files of a folder follow one another. */
function only(arrays: SourceArrays, name: string): SourceArrays {
  if (arrays.kind !== 'named') return arrays;
  const array = byName(arrays.arrays, name) ?? (arrays.arrays.size === 1 ? [...arrays.arrays.values()][0] : undefined);
  if (array) return { kind: 'array', array };
  if (!arrays.source.toLowerCase().endsWith('.npz')) return arrays;
  throw new CalibrationError(`${arrays.source} holds ${[...arrays.arrays.keys()].join(', ')}, none of which is called '${name}'`);
}

function byName(arrays: ReadonlyMap<string, NamedArray>, name: string): NamedArray | undefined {
  const plain = (text: string): string => text.replace(/[^A-Za-z0-9]/g, '_');
  return arrays.get(name) ?? [...arrays].find(([key]) => plain(key) === plain(name))?.[1];
}

function portSamples(arrays: SourceArrays, port: SamplePort, options: LoadOptions): PortValues {
  const images = arrays.kind === 'images';
  const preprocess = options.preprocess ?? null;
  const array = arrays.kind === 'array' ? arrays.array : images ? stackImages(arrays.images, port) : stackSamples(arrays, port);
  // Images come channels last whatever the model's layout, so that this need not be said.
  const layout = images && !preprocess?.layout ? layoutOf(array, port, { scale: 1, mean: [0], std: [1], ...preprocess, layout: 'nhwc' }) : layoutOf(array, port, preprocess);
  return portValues(array, port, layout, takenCount(array, layout, options.limit), preprocess);
}

function takenCount(array: NamedArray, layout: SampleLayout, limit: number | undefined): number {
  if (layout.count === 0) throw new CalibrationError(`${array.source} is empty (shape [${array.shape.join(', ')}])`);
  return Math.min(layout.count, limit ?? layout.count);
}

function commonCount(values: ReadonlyMap<string, PortValues>, matched: ReadonlyMap<string, SourceArrays>): number {
  const counts = [...values].map(([name, { count }]) => [name, count] as const);
  const count = counts[0]?.[1] ?? 0;
  const other = counts.find(([, n]) => n !== count);
  if (!other) return count;
  throw new CalibrationError(`the inputs have different numbers of samples: ${counts.map(([name, n]) => `'${name}' ${n}`).join(', ')} (${matched.size} arrays)`);
}

function pick<T>(values: ReadonlyMap<string, PortValues>, field: (value: PortValues) => T | null): ReadonlyMap<string, T> {
  const picked = new Map<string, T>();
  for (const [name, value] of values) {
    const found = field(value);
    if (found !== null) picked.set(name, found);
  }
  return picked;
}

function severalInputs(ports: readonly SamplePort[]): string {
  if (ports.length === 1) return `give one array for '${ports[0]!.name}'`;
  return `give an .npz with arrays named ${ports.map((port) => port.name).join(', ')}, or ${ports.map((port) => `${port.name}=FILE`).join(' ')}`;
}

/** The first samples, at most so many. */
export function firstSamples(samples: SampleSet, most: number): SampleSet {
  const count = Math.min(samples.count, most);
  return { ...samples, count, inputs: new Map([...samples.inputs].map(([name, values]) => [name, values.subarray(0, (values.length / samples.count) * count)])) };
}
