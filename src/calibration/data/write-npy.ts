/** Arrays as NumPy files: .npy version 1.0, .npz (stored zip of .npy). */
import { zipSync } from 'fflate';

export type WritableArray = Float32Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array;

const DESCRIPTORS = new Map<string, string>([
  ['Float32Array', '<f4'],
  ['Int8Array', '|i1'],
  ['Uint8Array', '|u1'],
  ['Int16Array', '<i2'],
  ['Uint16Array', '<u2'],
  ['Int32Array', '<i4'],
]);

/** Row-major. */
export function encodeNpy(data: WritableArray, shape: readonly number[]): Uint8Array {
  const shapeText = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const header = `{'descr': '${DESCRIPTORS.get(data.constructor.name)}', 'fortran_order': False, 'shape': ${shapeText}, }`;
  // The data start at a multiple of 64 and the header ends with a newline.
  const padded = header + ' '.repeat(63 - ((header.length + 10) % 64)) + '\n';
  const out = new Uint8Array(10 + padded.length + data.byteLength);
  out.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
  out.set(new TextEncoder().encode(padded), 10);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + padded.length);
  return out;
}

/** One member an array; the same arrays give the same bytes. */
export function encodeNpz(arrays: ReadonlyMap<string, { readonly data: WritableArray; readonly shape: readonly number[] }>): Uint8Array {
  const files = Object.fromEntries([...arrays].map(([name, a]) => [`${name}.npy`, encodeNpy(a.data, a.shape)]));
  return zipSync(files, { level: 6, mtime: new Date('1980-01-01T00:00:00') });
}
