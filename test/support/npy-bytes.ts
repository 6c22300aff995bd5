/** Writes .npy files for tests. */
import { elementCount } from '../../src/graph/float.js';

/** `descriptor` as NumPy writes it ('<f4', '|u1', …); `data` in the order the file is to hold it. */
export function npyBytes(descriptor: string, shape: readonly number[], data: ArrayBufferView, fortran = false): Uint8Array {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descriptor}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${tuple}), }`;
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + '\n';
  const bytes = new Uint8Array(10 + header.length + data.byteLength);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
  return bytes;
}

export function float32Npy(shape: readonly number[], value: (index: number) => number): Uint8Array {
  return npyBytes('<f4', shape, Float32Array.from({ length: elementCount(shape) }, (_, i) => value(i)));
}
