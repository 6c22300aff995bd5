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

function words(values: readonly number[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4 * values.length));
  for (const [i, value] of values.entries()) bytes.setUint32(4 * i, value, true);
  return new Uint8Array(bytes.buffer);
}
