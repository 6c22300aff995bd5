/** What runs in simavr need: vectors as an image of the EEPROM, and the logs of several runs as one. */
import { RunError } from '../errors.js';
import type { Runner } from '../targets/index.js';
import type { Log, ModelLog } from './log.js';
import { type DumpRequest, encodeVectors, type Vector } from './vectors-file.js';

export type SimavrRunner = Extract<Runner, { readonly kind: 'simavr' }>;

export const EEPROM_FILE = 'vectors.hex';

/** simavr takes addresses from here on for its EEPROM. */
const EEPROM_SEGMENT = 0x81;
const RECORD_BYTES = 16;

/** Files of vectors of at most so many bytes each. @throws RunError where one vector alone is larger. */
export function fittingGroups(vectors: readonly Vector[], most: number, dump: DumpRequest | null): readonly Uint8Array[] {
  const groups: Vector[][] = [];
  for (const vector of vectors) {
    const bytes = encodeVectors([vector], dump).length;
    if (bytes > most) throw new RunError(`a vector takes ${bytes} bytes, the EEPROM through which the emulated program gets them holds ${most}`, '', '');
    const group = groups.at(-1);
    if (group && encodeVectors([...group, vector], dump).length <= most) group.push(vector);
    else groups.push([vector]);
  }
  return groups.map((group) => encodeVectors(group, dump));
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
    dump: a.dump ?? b.dump,
  };
}
