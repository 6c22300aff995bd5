/** What a project keeps beside its sources so that it can be verified again: the integer graph and the vectors, in `test/`. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelFormatError } from '../errors.js';
import { type IntegerGraph, integerTensor } from '../graph/integer.js';
import { loadIntegerGraph, saveIntegerGraph } from '../graph/serialize.js';
import { allocateCodes } from '../../sim/index.js';
import { bytesOf } from './expected.js';
import type { ChosenVector, VectorKind } from './vectors.js';

export interface Verification {
  readonly graph: IntegerGraph;
  readonly vectors: readonly ChosenVector[];
}

const GRAPH_FILE = 'test/model.ptq.json';
const VECTORS_FILE = 'test/vectors.bin';
const ORDER_FILE = 'test/vectors.json';

/** Writes the graph, the vectors (inputs of one vector after the other) and where each came from. */
export async function saveVerification(directory: string, graph: IntegerGraph, vectors: readonly ChosenVector[]): Promise<void> {
  saveIntegerGraph(graph, join(directory, GRAPH_FILE));
  await writeFile(join(directory, VECTORS_FILE), Buffer.concat(vectors.flatMap((vector) => vector.inputs.map(bytesOf))));
  const order = vectors.map(({ kind, sample }, index) => ({ index, kind, sample }));
  await writeFile(join(directory, ORDER_FILE), `[\n${order.map((row) => `  ${JSON.stringify(row)}`).join(',\n')}\n]\n`);
}

/** @throws ModelFormatError where the folder is no generated project, or its files do not fit each other. */
export async function loadVerification(directory: string): Promise<Verification> {
  const read = async (file: string): Promise<Buffer> => {
    try {
      return await readFile(join(directory, file));
    } catch (cause) {
      throw new ModelFormatError(`${directory} has no ${file}`, { cause, hint: 'verify a folder that ptq-gen has generated' });
    }
  };
  const [bytes, text] = [await read(VECTORS_FILE), await read(ORDER_FILE)];
  await read(GRAPH_FILE);
  const graph = loadIntegerGraph(join(directory, GRAPH_FILE));
  const order = parseOrder(text.toString('utf8'), directory);
  const vectors: ChosenVector[] = [];
  let offset = 0;
  for (const { kind, sample } of order) {
    const inputs = graph.inputs.map((port) => {
      const codes = allocateCodes(integerTensor(graph, port.tensor));
      const target = bytesOf(codes);
      target.set(bytes.subarray(offset, offset + target.length));
      offset += target.length;
      return codes;
    });
    vectors.push({ kind, sample, inputs });
  }
  if (offset !== bytes.length) throw new ModelFormatError(`${directory}/${VECTORS_FILE} has ${bytes.length} bytes; its ${order.length} vector(s) need ${offset}`);
  return { graph, vectors };
}

function parseOrder(text: string, directory: string): readonly { kind: VectorKind; sample: number | null }[] {
  try {
    return JSON.parse(text) as readonly { kind: VectorKind; sample: number | null }[];
  } catch (cause) {
    throw new ModelFormatError(`${directory}/${ORDER_FILE} is no JSON`, { cause });
  }
}
