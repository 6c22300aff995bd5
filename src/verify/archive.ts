/** What a project keeps beside its sources so that it can be verified again: the integer graph, the vectors and the harness, in `test/`. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelFormatError } from '../errors.js';
import { type Codes, type IntegerGraph, type IntegerTensor, integerTensor } from '../graph/integer.js';
import { loadIntegerGraph, saveIntegerGraph } from '../graph/serialize.js';
import { allocateCodes } from '../../sim/index.js';
import { decodeVectors, encodeVectors, readManifest, type Vector, writeHarness } from '../toolchains/index.js';
import { bytesOf, toVectors } from './expected.js';
import type { ChosenVector, VectorKind } from './vectors.js';

export interface Verification {
  readonly graph: IntegerGraph;
  readonly vectors: readonly ChosenVector[];
}

const GRAPH_FILE = 'test/model.ptq.json';
const VECTORS_FILE = 'test/vectors.bin';
const ORDER_FILE = 'test/vectors.json';

/** Writes the graph, the vectors as the harness reads them, where each came from, and the harness itself. */
export async function saveVerification(directory: string, graph: IntegerGraph, vectors: readonly ChosenVector[]): Promise<void> {
  saveIntegerGraph(graph, join(directory, GRAPH_FILE));
  await writeFile(join(directory, VECTORS_FILE), encodeVectors(toVectors(vectors.map((vector) => vector.inputs))));
  await writeHarness(directory, await readManifest(directory));
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
  const tensors = graph.inputs.map((port) => integerTensor(graph, port.tensor));
  const stored = decode(bytes, tensors.map((tensor) => bytesOf(allocateCodes(tensor)).length), directory);
  if (stored.length !== order.length) throw new ModelFormatError(`${directory}: ${VECTORS_FILE} has ${stored.length} vector(s), ${ORDER_FILE} ${order.length}`);
  const vectors = stored.map((vector, i) => ({ ...order[i], inputs: tensors.map((tensor, k) => codesFrom(vector.inputs[k], tensor)) }));
  return { graph, vectors };
}

function decode(bytes: Uint8Array, inputBytes: readonly number[], directory: string): readonly Vector[] {
  try {
    return decodeVectors(bytes, inputBytes);
  } catch (cause) {
    throw new ModelFormatError(`${directory}: ${VECTORS_FILE} does not fit the graph: ${(cause as Error).message}`, { cause });
  }
}

function codesFrom(bytes: Uint8Array, tensor: IntegerTensor): Codes {
  const codes = allocateCodes(tensor);
  bytesOf(codes).set(bytes);
  return codes;
}

function parseOrder(text: string, directory: string): readonly { kind: VectorKind; sample: number | null }[] {
  try {
    return (JSON.parse(text) as { kind: VectorKind; sample: number | null }[]).map(({ kind, sample }) => ({ kind, sample }));
  } catch (cause) {
    throw new ModelFormatError(`${directory}/${ORDER_FILE} is no JSON`, { cause });
  }
}
