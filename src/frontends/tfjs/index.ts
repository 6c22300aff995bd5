/** TensorFlow.js models (model.json and its weight shards) as float graphs: both LayersModel and GraphModel. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { FileError, ModelFormatError } from '../../errors.js';
import type { FloatGraph } from '../../graph/float.js';
import { ImportContext } from '../import-context.js';
import { importGraphModel } from './graph/model.js';
import { JsonObject } from './json.js';
import { importLayersModel } from './layers/model.js';
import { readWeights } from './weights.js';

/**
 * `path` is the model.json. The digest covers the topology and the weights as they are read.
 * Throws ModelFormatError for a damaged model, UnsupportedOperatorError naming every layer that cannot be imported.
 */
export function importTfjs(path: string): FloatGraph {
  const text = read(path);
  const model = JsonObject.of(parse(text, path), path, '');
  const weights = readWeights(model, path);
  const hash = createHash('sha256').update(text);
  for (const weight of weights.values()) hash.update(new Uint8Array(weight.data.buffer, weight.data.byteOffset, weight.data.byteLength));
  const file = basename(path);
  const name = /^model$/i.test(file.replace(/\.json$/i, '')) ? basename(dirname(path)) : file.replace(/\.json$/i, '');
  const context = new ImportContext({ name: name || 'model', source: { file, format: 'tfjs', sha256: hash.digest('hex') } });
  const topology = model.object('modelTopology');
  if (topology.has('node')) importGraphModel(context, model, weights);
  else if (topology.has('model_config') || topology.has('class_name')) importLayersModel(context, topology, weights);
  else throw new ModelFormatError(`${path}: modelTopology holds neither layers nor graph nodes`);
  return context.finish();
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new FileError(`cannot read '${path}'`, { cause });
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ModelFormatError(`${path}: is not JSON: ${(cause as Error).message}`, { cause, hint: 'the file is damaged or was not copied completely' });
  }
}
