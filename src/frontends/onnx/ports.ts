/** Shapes of the network's inputs and which of their axes is the batch. */
import { ModelFormatError } from '../../errors.js';
import type { OnnxModel, OnnxPort } from './reader.js';

export interface InputAxes {
  readonly shape: readonly number[];
  readonly batchAxis: number | null;
}

const BATCH_NAMES = /^(n|b|batch|batch[-_ ]?size|unk__\d+|\?)$/i;

/** Length N > 1 that all inputs and outputs share as their static first axis, null where there is none. */
export function sharedBatchSize(model: OnnxModel): number | null {
  const ports = [...model.inputs, ...model.outputs];
  const lengths = new Set(ports.map((p) => (p.dimensions && p.dimensions.length > 1 ? p.dimensions[0] : null)));
  const [length] = lengths;
  return lengths.size === 1 && typeof length === 'number' && length > 1 && model.inputs.length > 0 ? length : null;
}

/**
 * The batch is the one dynamic axis, else a leading axis of length `batchSize` (a scalar or vector has none).
 * Any further dynamic axis is an error: shapes are static.
 */
export function inputAxes(port: OnnxPort, file: string, batchSize: number): InputAxes {
  const dimensions = port.dimensions;
  if (!dimensions) throw new ModelFormatError(`${file}: input '${port.name}' has no shape`, { hint: 'export the model with a static shape for every input' });
  const dynamic = dimensions.flatMap((d, i) => (typeof d === 'string' || d < 0 ? [i] : []));
  const batch = dynamic.find((i) => i === 0) ?? dynamic.find((i) => BATCH_NAMES.test(String(dimensions[i]))) ?? null;
  const other = dynamic.find((i) => i !== batch);
  if (other !== undefined) {
    throw new ModelFormatError(`${file}: axis ${other} ('${dimensions[other]}') of input '${port.name}' has no fixed length`, {
      hint: 'only the batch may be dynamic: export the model with a fixed length for the other axes',
    });
  }
  const shape = dimensions.map((d, i) => (i === batch ? batchSize : Number(d)));
  const empty = shape.indexOf(0);
  if (empty >= 0) throw new ModelFormatError(`${file}: axis ${empty} of input '${port.name}' has length 0`, { hint: 'export the model with the real shape of every input' });
  if (batch !== null) return { shape, batchAxis: batch };
  return { shape, batchAxis: shape.length > 1 && shape[0] === batchSize ? 0 : null };
}
