/** Inputs for thousands of runs out of a few recorded ones: the same codes here and in the harness (measure.cpp). */
import { type Codes, type IntegerGraph, integerTensor } from '../../src/graph/integer.js';
import { elementCount } from '../../src/graph/float.js';
import { lanesFor } from '../../src/graph/lanes.js';

export interface BaseSamples {
  readonly count: number;
  /** Codes of every input port, samples one after the other. */
  readonly codes: readonly Codes[];
}

const MAGIC = 0x53515450;
const WIDEST_NOISE = 8;

/** The file that measure.cpp reads. @throws RangeError where codes are wider than a byte. */
export function samplesFile(graph: IntegerGraph, base: BaseSamples): Uint8Array {
  const tensors = graph.inputs.map((port) => integerTensor(graph, port.tensor));
  if (base.codes.some((codes) => codes.BYTES_PER_ELEMENT !== 1)) throw new RangeError(`${graph.name}: inputs wider than a byte cannot be repeated with noise`);
  const words = [MAGIC, base.count, tensors.length, ...tensors.flatMap(({ shape, codeRange }) => [elementCount(shape), ...codeRange])];
  const parts: Uint8Array[] = [new Uint8Array(Int32Array.from(words).buffer)];
  for (let sample = 0; sample < base.count; sample++) {
    for (const [i, codes] of base.codes.entries()) {
      const length = elementCount(tensors[i]!.shape);
      parts.push(new Uint8Array(codes.buffer, codes.byteOffset + sample * length, length));
    }
  }
  return Buffer.concat(parts);
}

/** Samples [first, last) of every port: recorded ones, beyond them repetitions with -8 to 8 added to every code. */
export function repeatSamples(graph: IntegerGraph, base: BaseSamples, first: number, last: number): readonly Codes[] {
  return graph.inputs.map((port, input) => {
    const { shape, type, codeRange } = integerTensor(graph, port.tensor);
    const length = elementCount(shape);
    const out = new (lanesFor(type))((last - first) * length) as Codes;
    for (let index = first; index < last; index++) {
      const from = (index % base.count) * length;
      const recorded = base.codes[input]!.subarray(from, from + length);
      const to = out.subarray((index - first) * length, (index - first + 1) * length) as Codes;
      if (index < base.count) to.set(recorded);
      else addNoise(to, recorded, codeRange, ((Math.imul(index, 2_654_435_761) ^ Math.imul(input, 2_246_822_519)) | 1) >>> 0);
    }
    return out;
  });
}

function addNoise(to: Codes, from: Codes, [low, high]: readonly [number, number], seed: number): void {
  let state = seed;
  for (let i = 0; i < from.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const code = from[i]! + (((state >>> 8) % (2 * WIDEST_NOISE + 1)) - WIDEST_NOISE);
    to[i] = Math.min(high, Math.max(low, code));
  }
}
