/** Labels of an evaluation set. */
import { readFile } from 'node:fs/promises';
import { CalibrationError } from '../../errors.js';
import { readNpy } from './npy.js';

export interface Labels {
  /** [samples] for classes, [samples, height, width] for masks, any shape for regression targets. */
  readonly shape: readonly number[];
  readonly data: Int32Array | Float32Array;
}

/** .npy of integers (classes, masks) or floats (targets), or a text file with one integer a line. Throws CalibrationError. */
export async function loadLabels(path: string): Promise<Labels> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new CalibrationError(`cannot read the labels ${path}`, { cause });
  });
  if (!path.toLowerCase().endsWith('.npy')) return textLabels(new TextDecoder().decode(bytes), path);
  const { shape, data } = readNpy(bytes, path);
  if (data.length === 0) throw new CalibrationError(`${path} is empty`);
  const real = data instanceof Float32Array || data instanceof Float64Array;
  return { shape, data: real ? Float32Array.from(data as Float64Array) : Int32Array.from(data as Int32Array, Number) };
}

function textLabels(text: string, path: string): Labels {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const data = Int32Array.from(lines, (line) => {
    const value = Number(line);
    if (!Number.isInteger(value)) throw new CalibrationError(`${path}: '${line.trim().slice(0, 40)}' is not a label`, { hint: 'labels are an .npy file, or text with one class number a line' });
    return value;
  });
  if (data.length === 0) throw new CalibrationError(`${path} is empty`);
  return { shape: [data.length], data };
}
