/** Chooses the inputs that the built firmware must reproduce. */
import type { Codes, IntegerGraph, IntegerTensor } from '../graph/integer.js';
import { integerTensor } from '../graph/integer.js';
import { allocateCodes } from '../../sim/index.js';

export type VectorKind = 'data' | 'minimum' | 'maximum' | 'alternating' | 'random';

export interface ChosenVector {
  readonly kind: VectorKind;
  /** Index of the sample in the evaluation (else calibration) data; null for made-up inputs. */
  readonly sample: number | null;
  /** Codes of every input, in port order. */
  readonly inputs: readonly Codes[];
}

export interface VectorData {
  readonly count: number;
  /** Codes of every input of one sample, in port order. */
  sample(index: number): readonly Codes[];
}

/**
 * Half of `count` (rounded up) evenly spaced from the data, the rest all-minimum, all-maximum, alternating extremes,
 * then seeded uniform codes over the inputs' code ranges. Without data all are made up.
 */
export function chooseVectors(graph: IntegerGraph, count: number, data: VectorData | null, seed: number): readonly ChosenVector[] {
  const fromData = data === null ? 0 : Math.min(Math.ceil(count / 2), data.count);
  const chosen: ChosenVector[] = [];
  for (let i = 0; i < fromData; i++) {
    const sample = Math.floor((i * (data as VectorData).count) / fromData);
    chosen.push({ kind: 'data', sample, inputs: (data as VectorData).sample(sample) });
  }
  const tensors = graph.inputs.map((port) => integerTensor(graph, port.tensor));
  const random = generator(seed);
  const madeUp: readonly VectorKind[] = ['minimum', 'maximum', 'alternating'];
  for (let i = 0; chosen.length < count; i++) {
    const kind = madeUp[i] ?? 'random';
    chosen.push({ kind, sample: null, inputs: tensors.map((tensor) => fill(tensor, kind, random)) });
  }
  return chosen;
}

function fill(tensor: IntegerTensor, kind: VectorKind, random: () => number): Codes {
  const [low, high] = tensor.codeRange;
  const codes = allocateCodes(tensor);
  for (let i = 0; i < codes.length; i++) {
    if (kind === 'minimum') codes[i] = low;
    else if (kind === 'maximum') codes[i] = high;
    else if (kind === 'alternating') codes[i] = i % 2 === 0 ? low : high;
    else codes[i] = low + Math.floor(random() * (high - low + 1));
  }
  return codes;
}

/** Uniform in [0, 1), the same for the same seed everywhere (mulberry32). */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
