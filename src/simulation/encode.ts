/** The float edge of an integer graph: real samples → input codes, output codes → real values. */
import type { SampleSet } from '../calibration/types.js';
import { CalibrationError } from '../errors.js';
import { integerTensor, type Codes, type IntegerGraph, type IntegerPort, type IntegerTensor } from '../graph/integer.js';
import { elementCount } from '../graph/float.js';
import { lanesFor, roundHalfAway } from '../graph/lanes.js';

/** Scale and zero point of a tensor with one affine meaning, null for index tensors and tables. */
export function affineOf(tensor: IntegerTensor): { readonly scale: number; readonly zeroPoint: number } | null {
  const { real } = tensor;
  return real?.kind === 'affine' && real.scale.length === 1 ? { scale: real.scale[0]!, zeroPoint: real.zeroPoint[0]! } : null;
}

/** real → clamp(halfAwayFromZero(real / scale) + zeroPoint) into the tensor's code range. */
export function quantizeValues(tensor: IntegerTensor, values: ArrayLike<number>): Codes {
  const affine = affineOf(tensor);
  const out = new (lanesFor(tensor.type))(values.length);
  const [low, high] = tensor.codeRange;
  for (let i = 0; i < values.length; i++) {
    const code = affine ? roundHalfAway(values[i]! / affine.scale) + affine.zeroPoint : values[i]!;
    out[i] = code < low ? low : code > high ? high : code;
  }
  return out;
}

/** scale·(code − zeroPoint); codes themselves where the tensor has no affine meaning. */
export function realValues(tensor: IntegerTensor, codes: ArrayLike<number>): Float32Array {
  const affine = affineOf(tensor);
  const out = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) out[i] = affine ? affine.scale * (codes[i]! - affine.zeroPoint) : codes[i]!;
  return out;
}

function codesOfPort(graph: IntegerGraph, port: IntegerPort, samples: SampleSet): Codes {
  const tensor = integerTensor(graph, port.tensor);
  const expected = samples.count * elementCount(tensor.shape);
  const given = samples.codes.get(port.name);
  if (given && !tensor.type.signed === given instanceof Uint8Array) return given;
  const raw = samples.raw.get(port.name);
  if (raw && tensor.type.bits === 8 && !tensor.type.signed && takesRawData(graph, port)) return raw;
  const real = samples.inputs.get(port.name);
  if (!real) throw new CalibrationError(`there are no data for the input '${port.name}'`, { hint: `name it: ${port.name}=FILE` });
  if (real.length !== expected) {
    throw new CalibrationError(`the data for '${port.name}' have ${real.length / samples.count} values a sample; the graph's input [${tensor.shape.join(', ')}] takes ${expected / samples.count}`);
  }
  return quantizeValues(tensor, real);
}

function takesRawData(graph: IntegerGraph, port: IntegerPort): boolean {
  return graph.nodes.some((n) => n.op === 'input-table' && n.inputs[0] === port.tensor);
}

/** Codes of every input port, all samples concatenated, in port order. */
export function encodeSamples(graph: IntegerGraph, samples: SampleSet): readonly Codes[] {
  return graph.inputs.map((port) => codesOfPort(graph, port, samples));
}

/** One sample of `encodeSamples`. */
export function sampleAt(graph: IntegerGraph, encoded: readonly Codes[], index: number): readonly Codes[] {
  return graph.inputs.map((port, i) => {
    const length = elementCount(integerTensor(graph, port.tensor).shape);
    return encoded[i]!.slice(index * length, (index + 1) * length);
  });
}
