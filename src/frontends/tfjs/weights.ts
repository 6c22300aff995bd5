/** Weights of a TensorFlow.js model: shards that belong together are one byte string, cut up by the manifest. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ModelFormatError } from '../../errors.js';
import { elementCount } from '../../graph/float.js';
import type { ConstantArray } from '../constant-array.js';
import { halfToFloat } from '../tensorflow/half.js';
import type { JsonObject } from './json.js';

/** How one lane of a weight is stored. */
interface Lanes {
  readonly bytes: number;
  read(view: DataView, at: number): number;
}

const LANES: Readonly<Record<string, Lanes>> = {
  float32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  float16: { bytes: 2, read: (view, at) => halfToFloat(view.getUint16(at, true)) },
  int32: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  uint8: { bytes: 1, read: (view, at) => view.getUint8(at) },
  uint16: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  bool: { bytes: 1, read: (view, at) => view.getUint8(at) },
};

/** Weight name → values, for every group of the manifest of the model at `path`. */
export function readWeights(model: JsonObject, path: string): ReadonlyMap<string, ConstantArray> {
  const weights = new Map<string, ConstantArray>();
  for (const group of model.objects('weightsManifest')) {
    const bytes = readShards(group, path);
    let offset = 0;
    for (const entry of group.objects('weights')) {
      const { value, end } = readWeight(entry, bytes, offset, path);
      weights.set(entry.text('name'), value);
      offset = end;
    }
    if (offset !== bytes.length) throw new ModelFormatError(`${path}: the shards ${group.list('paths').join(', ')} have ${bytes.length} bytes, the manifest describes ${offset}`);
  }
  return weights;
}

function readShards(group: JsonObject, path: string): Uint8Array {
  const shards = group.list('paths').map((name) => {
    if (typeof name !== 'string' || name.startsWith('/') || name.split(/[/\\]/).includes('..')) throw new ModelFormatError(`${path}: the shard ${JSON.stringify(name)} does not lie beside the model`);
    try {
      return readFileSync(join(dirname(path), name));
    } catch (cause) {
      throw new ModelFormatError(`${path}: the weight shard '${name}' cannot be read`, { cause, hint: 'copy all .bin files beside model.json' });
    }
  });
  return Buffer.concat(shards);
}

function readWeight(entry: JsonObject, bytes: Uint8Array, offset: number, path: string): { readonly value: ConstantArray; readonly end: number } {
  const name = entry.text('name');
  const shape = entry.integers('shape');
  if (shape.some((d) => d < 0)) entry.fail('shape', 'lengths of axes');
  const type = entry.text('dtype');
  const packed = entry.has('quantization') ? entry.object('quantization') : null;
  const lanes = LANES[packed ? packed.text('dtype') : type];
  if (!lanes) throw new ModelFormatError(`${path}: weight '${name}' is stored as ${packed ? packed.text('dtype') : type}, which is not read`, { hint: `stored forms that are read: ${Object.keys(LANES).join(', ')}` });
  const count = elementCount(shape);
  const end = offset + count * lanes.bytes;
  if (end > bytes.length) throw new ModelFormatError(`${path}: weight '${name}' [${shape.join(', ')}] ends at byte ${end} of shards of ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, count * lanes.bytes);
  // Affine shards: value = code·scale + min. Half-precision shards have neither.
  const scale = packed?.number('scale', 1) ?? 1;
  const min = packed?.number('min', 0) ?? 0;
  const data = type === 'float32' ? new Float32Array(count) : new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const value = lanes.read(view, i * lanes.bytes) * scale + min;
    data[i] = type === 'float32' ? value : Math.round(value);
  }
  return { value: { shape, data, elementType: type }, end };
}
