/**
 * Activations of few codes lie several to a byte in the arena, between the steps that compute them strip by strip: rows are
 * unpacked as they enter a step's line buffers and packed as they leave, so that no kernel knows of it.
 *
 * A row takes whole bytes. Byte i of a row of b bytes holds the codes i, i + b, i + 2b, …, the first one in its lowest bits:
 * each part of a row is as many bytes in a row, and words of four bytes move at a time. What is stored is the code less the
 * least one, so that signs need no care: with L = least code mod 256, code = (stored + (L & 127)) ^ (L & 128) for each byte of
 * a word at once, without carries, because stored + (L & 127) ≤ 15 + 127.
 */
import { elementCount } from '../../graph/float.js';
import { type IntegerTensor, laneBytes, type TensorId } from '../../graph/integer.js';
import type { PackedBits } from '../../operators/packing.js';
import type { Step } from '../schedule.js';

export interface PackedRows {
  /** Of one code; codes of 3 bits lie in 4. */
  readonly bits: PackedBits;
  /** Rows, codes of a row, bytes of a packed row. */
  readonly height: number;
  readonly rowCodes: number;
  readonly rowBytes: number;
  /** L & 127 and L & 128 of the least code L mod 256. */
  readonly add: number;
  readonly flip: number;
  /** Every part of a row is whole words, so that four codes move at a time. */
  readonly words: boolean;
}

/** How an image [height, …] of few different codes lies packed; null where a code needs more than 4 bits. */
export function packedRows({ shape, type, codeRange: [low, high] }: IntegerTensor): PackedRows | null {
  const bits = ([2, 4] as const).find((width) => high - low < 2 ** width);
  if (bits === undefined || type.packed || laneBytes(type) !== 1 || shape.length !== 3) return null;
  const rowCodes = elementCount(shape.slice(1));
  const rowBytes = Math.ceil((rowCodes * bits) / 8);
  return { bits, height: shape[0]!, rowCodes, rowBytes, add: low & 127, flip: low & 128, words: rowCodes % (32 / bits) === 0 };
}

/** Instructions a code that unpacking or packing takes, roughly: by words (load, 4 a word of codes, loop) or by bytes. */
const PER_CODE = { words: 1.5, bytes: 7 } as const;

/** Instructions to unpack or to pack one row. */
export function packingInstructions({ rowCodes, words }: PackedRows): number {
  return rowCodes * (words ? PER_CODE.words : PER_CODE.bytes);
}

/** Part of the functions' names: `4bit`, `2bit_words`. */
export function packingSuffix({ bits, words }: PackedRows): string {
  return `${bits}bit${words ? '_words' : ''}`;
}

/** Fields of templates/c/strips/{take,put}-packed-rows.hbs. */
export function packingView({ bits, words, ...rows }: PackedRows): object {
  const parts = Array.from({ length: 8 / bits }, (_, index) => {
    // sums, because nothing may be multiplied where the model's arithmetic has no products
    const start = new Array<string>(index).fill('bytes').join(' + ');
    const from = (pointer: string) => (index === 0 ? pointer : `(${pointer} + ${start})`);
    return { index, shift: index * bits, stored: index === 0 ? 'stored' : `(stored >> ${index * bits})`, start, to: from('to'), rows: from('rows') };
  });
  const mask = 2 ** bits - 1;
  return {
    suffix: packingSuffix({ bits, words, ...rows }),
    perByte: 8 / bits,
    order: parts.map(({ index }) => (index === 0 ? 'i' : index === 1 ? 'i + bytes' : `i + ${index} * bytes`)).join(', '),
    words,
    mask: hex(words ? eachByte(mask) : mask),
    parts,
    laterParts: parts.slice(1),
  };
}

/** The same byte four times in a word. */
function eachByte(byte: number): number {
  return byte * 0x01010101;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(value > 255 ? 8 : 2, '0')}u`;
}

/** Arguments `add` and `flip` of the functions as C literals, for a byte or for each byte of a word. */
export function packingConstants({ add, flip, words }: PackedRows): readonly [string, string] {
  return words ? [hex(eachByte(add)), hex(eachByte(flip))] : [hex(add), hex(flip)];
}

/** Tensors that lie packed while these steps run. */
export function packedTensors(steps: readonly Pick<Step, 'strips'>[]): ReadonlyMap<TensorId, PackedRows> {
  return new Map(steps.flatMap(({ strips }) => [...(strips?.packed ?? [])]));
}
