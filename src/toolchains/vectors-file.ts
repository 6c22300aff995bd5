/** The file of vectors that the harness reads (harness.c describes it). */

/** One run of one model. */
export interface Vector {
  /** Index of the model in the program; 0 where there is only one. */
  readonly model?: number;
  readonly index: number;
  /** Bytes of every input, in port order, as they lie in the arena. */
  readonly inputs: readonly Uint8Array[];
}

export interface DumpRequest {
  readonly vector: number;
  /** Index into the manifest's tensors. */
  readonly tensor: number;
}

const END = 0xffffffff;

export function encodeVectors(vectors: readonly Vector[], dump: DumpRequest | null = null): Uint8Array {
  const parts: Uint8Array[] = [new TextEncoder().encode('PTQV'), words([dump?.vector ?? END, dump?.tensor ?? END])];
  for (const vector of vectors) parts.push(words([vector.model ?? 0, vector.index]), ...vector.inputs);
  parts.push(words([END]));
  return Buffer.concat(parts);
}

/**
 * Reads such a file back; `inputBytes` are the sizes of the model's inputs, in port order.
 *
 * @throws RangeError where the file does not hold whole vectors of these sizes.
 */
export function decodeVectors(file: Uint8Array, inputBytes: readonly number[]): readonly Vector[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 16 || new TextDecoder().decode(file.subarray(0, 4)) !== 'PTQV') throw new RangeError('it is no file of vectors');
  const vectors: Vector[] = [];
  let offset = 12;
  while (view.getUint32(offset, true) !== END) {
    const index = view.getUint32(offset + 4, true);
    offset += 8;
    const inputs = inputBytes.map((bytes) => file.slice(offset, (offset += bytes)));
    if (offset + 4 > file.length) throw new RangeError(`it ends within vector ${index}`);
    vectors.push({ model: 0, index, inputs });
  }
  if (offset + 4 !== file.length) throw new RangeError('something follows its end');
  return vectors;
}

function words(values: readonly number[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4 * values.length));
  for (const [i, value] of values.entries()) bytes.setUint32(4 * i, value, true);
  return new Uint8Array(bytes.buffer);
}
