/** Token numbers looked up as the encoder does it: what a network whose lookup was cut off takes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readNpy } from '../src/calibration/data/npy.js';
import type { SampleSet } from '../src/calibration/index.js';
import type { FloatGraph } from '../src/graph/float.js';

/** Samples [length, width] = embedding of the token + embedding of its position, from the tables in `bench`/data. */
export function embeddedTokens(bench: string, name: string, graph: FloatGraph): SampleSet {
  const read = (file: string) => readNpy(readFileSync(join(bench, 'data', `${file}.npy`)), file);
  const [tokens, ofToken, ofPosition] = [read(name), read('text_token_embedding'), read('text_position_embedding')];
  const [count, length] = tokens.shape as [number, number];
  const width = ofToken.shape[1]!;
  const values = new Float32Array(count * length * width);
  for (let row = 0; row < count * length; row++) {
    const [token, position] = [Number(tokens.data[row]!), row % length];
    for (let c = 0; c < width; c++) values[row * width + c] = Number(ofToken.data[token * width + c]!) + Number(ofPosition.data[position * width + c]!);
  }
  return { count, inputs: new Map([[graph.inputs[0]!.name, values]]), codes: new Map(), raw: new Map(), sha256: name };
}
