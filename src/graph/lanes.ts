/** Codes of a type: their range, how real numbers round to them, how they lie in memory, one lane a code. */
import { laneBytes, type Codes, type IntegerType } from './integer.js';

/** Lowest and highest code of a type. */
export function typeRange(type: Pick<IntegerType, 'bits' | 'signed'>): readonly [number, number] {
  const span = 2 ** type.bits;
  return type.signed ? [-span / 2, span / 2 - 1] : [0, span - 1];
}

/** C's round(): half away from zero. */
export function roundHalfAway(value: number): number {
  const whole = Math.trunc(value);
  return Math.abs(value - whole) >= 0.5 ? whole + Math.sign(value) : whole || 0;
}

/** The array class that holds unpacked codes of a type; unsigned codes of 32 bits do not exist. */
export function lanesFor(type: IntegerType): new (length: number) => Codes {
  const bytes = laneBytes(type);
  if (bytes === 1) return type.signed ? Int8Array : Uint8Array;
  if (bytes === 2) return type.signed ? Int16Array : Uint16Array;
  return Int32Array;
}

/** Little-endian bytes of codes. */
export function codesToBytes(codes: Codes): Uint8Array {
  const bytes = new Uint8Array(codes.length * codes.BYTES_PER_ELEMENT);
  const view = new DataView(bytes.buffer);
  if (codes.BYTES_PER_ELEMENT === 1) bytes.set(codes);
  else if (codes.BYTES_PER_ELEMENT === 2) codes.forEach((code, i) => view.setInt16(2 * i, code, true));
  else codes.forEach((code, i) => view.setInt32(4 * i, code, true));
  return bytes;
}

/** Codes of `type` from little-endian bytes, whose length is a whole number of lanes. */
export function bytesToCodes(bytes: Uint8Array, type: IntegerType): Codes {
  const size = laneBytes(type);
  const codes = new (lanesFor(type))(bytes.length / size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = size === 1 ? (i: number) => view.getUint8(i) : size === 2 ? (i: number) => view.getUint16(2 * i, true) : (i: number) => view.getInt32(4 * i, true);
  for (let i = 0; i < codes.length; i++) codes[i] = read(i);
  return codes;
}
