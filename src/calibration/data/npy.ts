/** NumPy's .npy format, versions 1 to 3 (numpy/lib/format.py describes it). Written by hand: forty lines, no dependency. */
import { CalibrationError } from '../../errors.js';
import { elementCount } from '../../graph/float.js';
import type { RawArray } from '../types.js';

export interface NamedArray {
  /** The file (or member of an archive) it came from, for messages. */
  readonly source: string;
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: RawArray;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

interface ElementType {
  readonly bytes: number;
  readonly make: (buffer: ArrayBuffer) => RawArray;
}

const ELEMENT_TYPES: Readonly<Record<string, ElementType>> = {
  f4: { bytes: 4, make: (b) => new Float32Array(b) },
  f8: { bytes: 8, make: (b) => new Float64Array(b) },
  u1: { bytes: 1, make: (b) => new Uint8Array(b) },
  b1: { bytes: 1, make: (b) => new Uint8Array(b) },
  i1: { bytes: 1, make: (b) => new Int8Array(b) },
  i2: { bytes: 2, make: (b) => new Int16Array(b) },
  i4: { bytes: 4, make: (b) => new Int32Array(b) },
  i8: { bytes: 8, make: (b) => new BigInt64Array(b) },
};

/** Throws CalibrationError naming `source` for anything that is not a whole, plain array of a supported type. */
export function readNpy(bytes: Uint8Array, source: string): NamedArray {
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte)) throw new CalibrationError(`${source} is not an .npy file (wrong magic)`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerStart = bytes[6]! >= 2 ? 12 : 10;
  const headerBytes = headerStart === 12 && bytes.length >= 12 ? view.getUint32(8, true) : view.getUint16(8, true);
  const dataStart = headerStart + headerBytes;
  if (dataStart > bytes.length) throw new CalibrationError(`${source} ends inside its header`);
  const header = parseHeader(new TextDecoder('latin1').decode(bytes.subarray(headerStart, dataStart)), source);
  const length = elementCount(header.shape) * header.type.bytes;
  if (bytes.length - dataStart < length) {
    throw new CalibrationError(`${source} holds ${bytes.length - dataStart} bytes of data where its shape [${header.shape.join(', ')}] needs ${length}`);
  }
  // A copy, and not bytes.slice: of a Buffer that would be a view.
  const body = new Uint8Array(bytes.subarray(dataStart, dataStart + length));
  if (header.bigEndian) swapBytes(body, header.type.bytes);
  const data = header.type.make(body.buffer as ArrayBuffer);
  return { source, shape: header.shape, data: header.fortran ? toRowMajor(data, header.shape) : data };
}

function parseHeader(text: string, source: string): { shape: number[]; type: ElementType; bigEndian: boolean; fortran: boolean } {
  const descriptor = /'descr':\s*'([<>|=])([a-zA-Z]\d+)'/.exec(text);
  const shape = /'shape':\s*\(([^)]*)\)/.exec(text);
  const order = /'fortran_order':\s*(True|False)/.exec(text);
  if (!shape || !order || !/'descr':/.test(text)) throw new CalibrationError(`${source} has a header that is not understood: ${text.trim()}`);
  const type = descriptor && ELEMENT_TYPES[descriptor[2]!];
  if (!type) {
    throw new CalibrationError(`${source} holds elements of type ${/'descr':\s*([^,]*)/.exec(text)?.[1] ?? '?'}`, {
      hint: 'save it as float32, float64, uint8, int8, int16, int32 or int64',
    });
  }
  const sizes = shape[1]!.split(',').map((s) => s.trim()).filter((s) => s !== '').map(Number);
  if (sizes.some((size) => !Number.isSafeInteger(size) || size < 0)) throw new CalibrationError(`${source} has an impossible shape (${shape[1]})`);
  return { shape: sizes, type, bigEndian: descriptor[1] === '>', fortran: order[1] === 'True' };
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let i = 0; i + width <= bytes.length; i += width) bytes.subarray(i, i + width).reverse();
}

/** Column-major (first axis fastest) to row-major. */
function toRowMajor(data: RawArray, shape: readonly number[]): RawArray {
  const result = data.slice();
  const index = new Array<number>(shape.length).fill(0);
  const strides = shape.map((_, axis) => elementCount(shape.slice(0, axis)));
  for (let to = 0; to < data.length; to++) {
    let from = 0;
    for (let axis = 0; axis < shape.length; axis++) from += index[axis]! * strides[axis]!;
    result[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return result;
}
