/** Reads the lines that the harness prints (harness.c describes them), out of a file or a captured serial log. */
import { RunError } from '../errors.js';
import { crc32, hex32 } from './crc32.js';

export interface ModelLog {
  /** vector → tensor index → CRC-32. */
  readonly tensors: Map<number, Map<number, number>>;
  /** vector → bytes of all outputs, one after the other. */
  readonly outputs: Map<number, Uint8Array>;
  /** vector → bytes of stack that run was seen to use (builds that paint it). */
  readonly stack: Map<number, number>;
  /** The arena that the next run goes on with; empty unless an AVR ran a network that remembers. */
  readonly carried: Uint8Array;
  /** The tensor that was asked for. */
  readonly dump: { readonly vector: number; readonly tensor: number; readonly bytes: Uint8Array } | null;
}

/** By model name, in the order of the log. */
export type Log = ReadonlyMap<string, ModelLog>;

interface Chunk {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

class ModelLogBuilder {
  readonly tensors = new Map<number, Map<number, number>>();
  readonly outputs = new Map<number, Chunk[]>();
  readonly stack = new Map<number, number>();
  readonly carried: Chunk[] = [];
  readonly dump: Chunk[] = [];
  dumped: { vector: number; tensor: number } | null = null;

  add(fields: readonly string[]): boolean {
    const [kind, ...rest] = fields;
    const vector = Number(rest[0]);
    if (kind === 'T' && rest.length === 3) {
      const crcs = this.tensors.get(vector) ?? new Map<number, number>();
      this.tensors.set(vector, crcs.set(Number(rest[1]), Number.parseInt(rest[2], 16)));
    } else if (kind === 'S' && rest.length === 2) {
      this.stack.set(vector, Number(rest[1]));
    } else if (kind === 'O' && rest.length === 3) {
      const chunks = this.outputs.get(vector) ?? [];
      this.outputs.set(vector, chunks);
      chunks.push({ offset: Number(rest[1]), bytes: Buffer.from(rest[2], 'hex') });
    } else if (kind === 'C' && rest.length === 3) {
      this.carried.push({ offset: Number(rest[1]), bytes: Buffer.from(rest[2], 'hex') });
    } else if (kind === 'D' && rest.length === 4) {
      this.dumped = { vector, tensor: Number(rest[1]) };
      this.dump.push({ offset: Number(rest[2]), bytes: Buffer.from(rest[3], 'hex') });
    } else return false;
    return true;
  }

  finish(): ModelLog {
    return {
      tensors: this.tensors,
      stack: this.stack,
      carried: join(this.carried),
      outputs: new Map([...this.outputs].map(([vector, chunks]) => [vector, join(chunks)])),
      dump: this.dumped && { ...this.dumped, bytes: join(this.dump) },
    };
  }
}

function join(chunks: readonly Chunk[]): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, ...chunks.map((chunk) => chunk.offset + chunk.bytes.length)));
  for (const chunk of chunks) bytes.set(chunk.bytes, chunk.offset);
  return bytes;
}

/**
 * Parses a log; lines that do not speak of the harness are skipped (boot messages of a board), a prefix before `PTQ1` too.
 *
 * @throws RunError where the end is missing, a line was garbled or lost (the CRC of the lines tells).
 */
export function parseLog(text: string, command: string, stderr = ''): Log {
  const models = new Map<string, ModelLogBuilder>();
  let model: ModelLogBuilder | null = null;
  const seen: string[] = [];
  for (const raw of text.split('\n')) {
    const start = raw.indexOf('PTQ1 ');
    if (start < 0) continue;
    const line = raw.slice(start).trimEnd();
    const [, kind, ...rest] = line.split(' ');
    if (kind === 'END') {
      const sum = crc32(Buffer.from(seen.map((l) => `${l}\n`).join('')));
      if (rest[0] !== hex32(sum)) throw new RunError(`the log is damaged: its lines have CRC-32 ${hex32(sum)}, its end says ${rest[0]}`, command, stderr);
      return new Map([...models].map(([name, builder]) => [name, builder.finish()]));
    }
    seen.push(line);
    if (kind === 'M' || model === null) {
      const name: string = kind === 'M' ? rest.join(' ') : '';
      model = models.get(name) ?? new ModelLogBuilder();
      models.set(name, model);
      if (kind === 'M') continue;
    }
    if (!model.add([kind, ...rest])) throw new RunError(`the log has a line that cannot be read: '${line}'`, command, stderr);
  }
  throw new RunError(seen.length === 0 ? 'the program printed nothing' : `the log ends after ${seen.length} line(s) without 'PTQ1 END'`, command, stderr);
}
