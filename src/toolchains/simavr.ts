/** What runs in simavr need: vectors as an image of the EEPROM, and the logs of several runs as one. */
import { RunError } from '../errors.js';
import type { Runner } from '../targets/index.js';
import type { Log, ModelLog } from './log.js';
import { type DumpRequest, encodeVectors, type Vector } from './vectors-file.js';

export type SimavrRunner = Extract<Runner, { readonly kind: 'simavr' }>;

export const EEPROM_FILE = 'vectors.hex';
/** Where simavr writes when a model ran; io-simavr.c names it. */
export const RECORD_FILE = 'cycles.vcd';

/** simavr takes addresses from here on for its EEPROM. */
const EEPROM_SEGMENT = 0x81;
const RECORD_BYTES = 16;

/** Vector number that stands for no vector, but the arena as the run before left it. */
const RESUME = 0xffffffff;

/**
 * A file of the first vectors, as many as so many bytes hold, behind what the run before left. @throws RunError where one
 * vector alone is larger.
 */
export function fittingFile(vectors: readonly Vector[], most: number, dump: DumpRequest | null, before: ModelLog | null = null): { readonly file: Uint8Array; readonly count: number } {
  const [first] = vectors as readonly [Vector];
  const resume: Vector[] = before && before.carried.length > 0 ? [{ model: first.model ?? 0, index: RESUME, inputs: [before.carried] }] : [];
  const fileOf = (count: number) => encodeVectors([...resume, ...vectors.slice(0, count)], dump);
  const { length } = fileOf(1);
  if (length > most) throw new RunError(`a vector${resume.length > 0 ? ' and what the network remembers' : ''} takes ${length} bytes, the EEPROM through which the emulated program gets them holds ${most}`, '', '');
  let count = 1;
  while (count < vectors.length && fileOf(count + 1).length <= most) count++;
  return { file: fileOf(count), count };
}

/** Cycles of every run in a record of its value changes: 1 while a model runs, else 0 (Verilog's VCD format). */
export function runCycles(record: string, hertz: number): readonly number[] {
  const unit = Number(/\$timescale (\d+)ns/.exec(record)?.[1] ?? 1);
  const cycles: number[] = [];
  let [time, began] = [0, 0];
  for (const line of record.split('\n')) {
    if (line.startsWith('#')) time = Number(line.slice(1));
    else if (line.startsWith('b00000001')) began = time;
    else if (line.startsWith('b00000000')) cycles.push(Math.round(((time - began) * unit * hertz) / 1e9));
  }
  return cycles;
}

/** Intel's format of hexadecimal records. */
export function intelHex(bytes: Uint8Array): string {
  const lines = [record(0, 4, Uint8Array.of(0, EEPROM_SEGMENT))];
  for (let start = 0; start < bytes.length; start += RECORD_BYTES) lines.push(record(start, 0, bytes.subarray(start, start + RECORD_BYTES)));
  return `${[...lines, record(0, 1, new Uint8Array())].join('\n')}\n`;
}

function record(address: number, type: number, data: Uint8Array): string {
  const bytes = [data.length, address >> 8, address & 255, type, ...data];
  const sum = bytes.reduce((a, b) => a + b, 0);
  return `:${Buffer.from([...bytes, -sum & 255]).toString('hex').toUpperCase()}`;
}

/** The same models with the vectors of all runs. */
export function mergeLogs(logs: readonly Log[]): Log {
  const merged = new Map<string, ModelLog>();
  for (const [name, part] of logs.flatMap((log) => [...log])) {
    const whole = merged.get(name);
    merged.set(name, whole ? join(whole, part) : part);
  }
  return merged;
}

function join(a: ModelLog, b: ModelLog): ModelLog {
  return {
    tensors: new Map([...a.tensors, ...b.tensors]),
    outputs: new Map([...a.outputs, ...b.outputs]),
    stack: new Map([...a.stack, ...b.stack]),
    carried: b.carried,
    dump: a.dump ?? b.dump,
  };
}
