/** Reads .npy files of tests as floats. */
import { readFileSync } from 'node:fs';

/** Version 1 files of float32 or uint8, little-endian, C order. */
export function readNpyFloats(file: string): Float32Array {
  const bytes = readFileSync(file);
  const end = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, end);
  const type = /'descr': '([^']+)'/.exec(header)?.[1];
  const body = Uint8Array.from(bytes.subarray(end));
  if (type === '|u1') return Float32Array.from(body);
  if (type === '<f4') return new Float32Array(body.buffer);
  throw new Error(`${file}: ${type} is not read here`);
}
