/** Writes TensorFlow.js models in all the forms in which they lie on disks. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as tfl from '@tensorflow/tfjs-layers';

/** float32 in one shard, in several, or shards of quantized weights. */
export type StoredAs = 'float32' | 'shards' | 'float16' | 'uint8' | 'uint16';

export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
  readonly values: Float32Array | Int32Array;
}

/** Uniform in [−1, 1), the same for the same seed. */
export function uniform(count: number, seed: number): Float32Array {
  let state = (seed * 2654435761) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Saves a model into a fresh folder and returns the path of its model.json. */
export async function saveModel(model: tfl.LayersModel, directory: string, stored: StoredAs): Promise<string> {
  let path = '';
  await model.save({
    save: async (artifacts) => {
      const bytes = new Uint8Array(artifacts.weightData as ArrayBuffer);
      let offset = 0;
      const weights = (artifacts.weightSpecs ?? []).map((spec): Weight => {
        const count = spec.shape.reduce((a, b) => a * b, 1);
        const values = new Float32Array(bytes.slice(offset, offset + 4 * count).buffer);
        offset += 4 * count;
        return { name: spec.name, shape: spec.shape, dtype: 'float32', values };
      });
      path = writeModel({ format: 'layers-model', modelTopology: artifacts.modelTopology }, weights, directory, stored);
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  });
  return path;
}

/** Writes model.json and its shards. */
export function writeModel(model: object, weights: readonly Weight[], directory: string, stored: StoredAs = 'float32'): string {
  const folder = mkdtempSync(join(directory, 'model-'));
  const encoded = weights.map((w) => encode(w, stored));
  const bytes = Buffer.concat(encoded.map((e) => e.bytes));
  const cuts = stored === 'shards' ? [0, 101, Math.floor(bytes.length / 2), bytes.length] : [0, bytes.length];
  const paths = cuts.slice(1).map((end, i) => {
    const name = `shard${i + 1}.bin`;
    writeFileSync(join(folder, name), bytes.subarray(cuts[i], end));
    return name;
  });
  const manifest = [{ paths, weights: encoded.map((e) => e.entry) }];
  const path = join(folder, 'model.json');
  writeFileSync(path, JSON.stringify({ ...model, weightsManifest: manifest }));
  return path;
}

function encode({ name, shape, dtype, values }: Weight, stored: StoredAs): { readonly entry: object; readonly bytes: Uint8Array } {
  const entry = { name, shape, dtype };
  if (dtype === 'int32' || stored === 'float32' || stored === 'shards') return { entry, bytes: new Uint8Array(values.buffer) };
  if (stored === 'float16') return { entry: { ...entry, quantization: { dtype: 'float16', original_dtype: 'float32' } }, bytes: new Uint8Array(Uint16Array.from(values, half).buffer) };
  const min = Math.min(...values);
  const scale = (Math.max(...values) - min || 1) / (stored === 'uint8' ? 255 : 65535);
  const codes = Array.from(values, (v) => Math.round((v - min) / scale));
  const lanes = stored === 'uint8' ? Uint8Array.from(codes) : Uint16Array.from(codes);
  return { entry: { ...entry, quantization: { dtype: stored, min, scale, original_dtype: 'float32' } }, bytes: new Uint8Array(lanes.buffer) };
}

/** Nearest normal half-precision number of a value of modest size. */
function half(value: number): number {
  if (value === 0) return 0;
  const magnitude = Math.abs(value);
  const exponent = Math.max(Math.floor(Math.log2(magnitude)), -14);
  const fraction = Math.round((magnitude / 2 ** exponent - 1) * 1024);
  return (value < 0 ? 0x8000 : 0) + ((exponent + 15) << 10) + fraction;
}
