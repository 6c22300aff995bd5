/** Model file → verified FloatGraph. The format is found by content, then by extension. */
import { readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { FileError, ModelFormatError } from '../errors.js';
import type { FloatGraph } from '../graph/float.js';
import { verifyFloatGraph } from '../graph/verify.js';

export type ModelFormat = 'onnx' | 'tflite' | 'tfjs';

/** Reads `path`: an .onnx file, a .tflite file, a TensorFlow.js model.json, or the folder that holds one. */
export async function loadModel(path: string): Promise<FloatGraph> {
  const file = await modelFile(path);
  const bytes = await readModel(file);
  const graph = await importModel(file, bytes);
  verifyFloatGraph(graph);
  return graph;
}

async function importModel(file: string, bytes: Uint8Array): Promise<FloatGraph> {
  switch (detectFormat(bytes, file)) {
    case 'tflite':
      return (await import('./tflite/index.js')).importTflite(bytes, file);
    case 'tfjs':
      return (await import('./tfjs/index.js')).importTfjs(file);
    case 'onnx':
      return (await import('./onnx/index.js')).importOnnx(bytes, file);
  }
}

async function modelFile(path: string): Promise<string> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new FileError(`cannot read model '${path}'`, { cause, hint: 'is the path right?' });
  });
  return found.isDirectory() ? join(path, 'model.json') : path;
}

async function readModel(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new FileError(`cannot read model '${file}'`, { cause, hint: 'is the path right, and may you read the file?' });
  }
}

/** Throws ModelFormatError where the content belongs to another format than the extension says, or to none. */
export function detectFormat(bytes: Uint8Array, file: string): ModelFormat {
  const name = basename(file);
  const extension = extname(file).toLowerCase();
  if (bytes.length === 0) throw new ModelFormatError(`${name}: the file is empty`);
  if (hasText(bytes, 4, 'TFL3')) return 'tflite';
  if (firstCharacter(bytes) === '{') return 'tfjs';
  if (extension === '.tflite') throw new ModelFormatError(`${name}: not a TFLite file ('TFL3' is missing at byte 4)`, { hint: 'is it a TFLite model, and was it copied whole?' });
  const other = foreignFormat(bytes);
  if (other) throw new ModelFormatError(`${name}: this is ${other}, not a model that is read`, { hint: 'export the model as ONNX, TFLite or a TensorFlow.js model.json' });
  if (extension === '.json') throw new ModelFormatError(`${name}: not JSON`, { hint: 'a TensorFlow.js model is a model.json with its weight files beside it' });
  return 'onnx';
}

function hasText(bytes: Uint8Array, offset: number, text: string): boolean {
  return [...text].every((character, i) => bytes[offset + i] === character.charCodeAt(0));
}

function firstCharacter(bytes: Uint8Array): string {
  const start = bytes.findIndex((b) => b > 32 && b !== 0xef && b !== 0xbb && b !== 0xbf);
  return start < 0 ? '' : String.fromCharCode(bytes[start]!);
}

/** Files that people give by mistake. ONNX itself has no magic number. */
function foreignFormat(bytes: Uint8Array): string | null {
  if (hasText(bytes, 0, 'PK')) return 'a zip archive (a PyTorch checkpoint, a .keras or .npz file)';
  if (hasText(bytes, 1, 'HDF')) return 'an HDF5 file (a Keras .h5 model)';
  if (hasText(bytes, 1, 'NUMPY')) return 'a NumPy array';
  if (hasText(bytes, 0, 'GGUF')) return 'a GGUF file';
  if (hasText(bytes, 1, 'ELF')) return 'a program';
  return null;
}
