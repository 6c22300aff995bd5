/**
 * The IntegerGraph on disk: `<name>.ptq.json`, one line a tensor and a node so that two graphs diff well, and
 * `<name>.ptq.bin` with the constants, little-endian, each at a multiple of 16 bytes.
 */
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as v from 'valibot';
import { FileError, IntegerGraphError, PtqError } from '../errors.js';
import { integerGraphFile, type IntegerGraphFile } from './integer-schema.js';
import { laneBytes, type IntegerGraph, type IntegerTensor } from './integer.js';
import { bytesToCodes, codesToBytes } from './lanes.js';
import { verifyIntegerGraph } from './verify-integer.js';

const ALIGNMENT = 16;

/** Both files of a graph, in memory. */
export interface SerializedGraph {
  readonly json: string;
  readonly bin: Uint8Array;
}

/** Pure function of the graph and of the name under which the .bin will lie. */
export function serializeIntegerGraph(graph: IntegerGraph, binFile: string): SerializedGraph {
  const offsets = new Map<string, number>();
  const chunks: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  let end = 0;
  for (const tensor of graph.tensors.values()) {
    if (!tensor.constant) continue;
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    const bytes = codesToBytes(tensor.constant.data);
    offsets.set(tensor.id, offset);
    chunks.push({ offset, bytes });
    end = offset + bytes.length;
  }
  const bin = new Uint8Array(end);
  for (const chunk of chunks) bin.set(chunk.bytes, chunk.offset);
  const file: IntegerGraphFile = {
    schema: graph.schema,
    version: graph.version,
    name: graph.name,
    origin: graph.origin,
    provenance: graph.provenance,
    nominalMacs: graph.nominalMacs,
    bin: { file: binFile, bytes: end, sha256: sha256(bin) },
    inputs: graph.inputs as IntegerGraphFile['inputs'],
    outputs: graph.outputs as IntegerGraphFile['outputs'],
    states: graph.states as IntegerGraphFile['states'],
    tensors: [...graph.tensors.values()].map((t) => tensorLine(t, offsets.get(t.id))),
    nodes: graph.nodes as unknown as IntegerGraphFile['nodes'],
  };
  return { json: stringify(file), bin };
}

/** Writes `jsonPath` (….ptq.json) and the .bin beside it. Both are complete or neither is there. Throws FileError. */
export function saveIntegerGraph(graph: IntegerGraph, jsonPath: string): void {
  const binPath = binPathOf(jsonPath);
  const { json, bin } = serializeIntegerGraph(graph, basename(binPath));
  const writes = [
    { path: binPath, temporary: `${binPath}.${process.pid}.tmp`, content: bin },
    { path: jsonPath, temporary: `${jsonPath}.${process.pid}.tmp`, content: json },
  ] as const;
  try {
    for (const write of writes) writeFileSync(write.temporary, write.content);
    for (const write of writes) renameSync(write.temporary, write.path);
  } catch (cause) {
    for (const write of writes) rmSync(write.temporary, { force: true });
    throw new FileError(`cannot write the integer graph '${jsonPath}': ${messageOf(cause)}`, { cause, hint: 'check that the folder exists and can be written' });
  }
}

/** Reads and validates everything: structure, digest, offsets, then verifyIntegerGraph. Throws IntegerGraphError or FileError. */
export function loadIntegerGraph(jsonPath: string): IntegerGraph {
  const file = parse(jsonPath);
  const binPath = join(dirname(jsonPath), file.bin.file);
  const bin = read(binPath);
  if (bin.length !== file.bin.bytes) throw new IntegerGraphError(`${binPath}: has ${bin.length} bytes, but ${jsonPath} bin.bytes says ${file.bin.bytes}`);
  if (sha256(bin) !== file.bin.sha256) {
    throw new IntegerGraphError(`${binPath}: its content does not have the digest that ${jsonPath} bin.sha256 says`, { hint: 'the two files belong together; copy both, or quantize again' });
  }
  const graph = assemble(file, bin, jsonPath);
  try {
    verifyIntegerGraph(graph);
  } catch (error) {
    if (!(error instanceof IntegerGraphError)) throw error;
    throw new IntegerGraphError(`${jsonPath}: ${error.message}`, { cause: error, origin: error.origin, hint: error.hint });
  }
  return graph;
}

function parse(jsonPath: string): IntegerGraphFile {
  const text = new TextDecoder().decode(read(jsonPath));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new IntegerGraphError(`${jsonPath}: is not JSON: ${messageOf(cause)}`, { cause });
  }
  const result = v.safeParse(integerGraphFile, json, { abortEarly: true });
  if (!result.success) {
    const issue = result.issues[0];
    throw new IntegerGraphError(`${jsonPath}: ${v.getDotPath(issue) ?? 'file'}: ${issue.message}`);
  }
  return result.output;
}

function assemble(file: IntegerGraphFile, bin: Uint8Array, jsonPath: string): IntegerGraph {
  const tensors = new Map<string, IntegerTensor>();
  let end = 0;
  file.tensors.forEach((line, i) => {
    const field = `${jsonPath}: tensors.${i} ('${line.id}')`;
    if (tensors.has(line.id)) throw new IntegerGraphError(`${field}: the id occurs twice`);
    const { constant, ...tensor } = line;
    if (!constant) {
      tensors.set(line.id, tensor);
      return;
    }
    const { offset, bytes, encoding } = constant;
    const expected = tensor.shape.reduce((a, b) => a * b, 1) * laneBytes(tensor.type);
    if (bytes !== expected) throw new IntegerGraphError(`${field}: constant.bytes is ${bytes}, shape and type need ${expected}`);
    if (offset % ALIGNMENT !== 0) throw new IntegerGraphError(`${field}: constant.offset ${offset} is no multiple of ${ALIGNMENT}`);
    if (offset < end) throw new IntegerGraphError(`${field}: constant.offset ${offset} lies inside the constant before it, which ends at ${end}`);
    if (offset + bytes > bin.length) throw new IntegerGraphError(`${field}: constant ends at byte ${offset + bytes} of a .bin of ${bin.length} bytes`);
    end = offset + bytes;
    tensors.set(line.id, { ...tensor, constant: { encoding, data: bytesToCodes(bin.subarray(offset, end), tensor.type) } });
  });
  const { schema, version, name, origin, inputs, outputs, states, nodes, provenance, nominalMacs } = file;
  return { schema, version, name, origin, inputs, outputs, states, tensors, nodes, provenance, nominalMacs };
}

function tensorLine(t: IntegerTensor, offset: number | undefined): IntegerGraphFile['tensors'][number] {
  const { id, name, shape, type, real, codeRange, origin, constant } = t as IntegerTensor & IntegerGraphFile['tensors'][number];
  const stored = (t.constant && { offset: offset!, bytes: t.constant.data.byteLength, encoding: constant!.encoding }) as IntegerGraphFile['tensors'][number]['constant'];
  return { id, name, shape, type, real, codeRange, ...(stored && { constant: stored }), origin };
}

/** Key order that does not depend on how an object was built; long lists one entry a line. */
function stringify(file: IntegerGraphFile): string {
  const fields = Object.entries(file).map(([key, value]) => {
    if (!Array.isArray(value)) return `  ${JSON.stringify(key)}: ${JSON.stringify(ordered(value))}`;
    if (value.length === 0) return `  ${JSON.stringify(key)}: []`;
    return `  ${JSON.stringify(key)}: [\n${value.map((entry) => `    ${JSON.stringify(ordered(entry))}`).join(',\n')}\n  ]`;
  });
  return `{\n${fields.join(',\n')}\n}\n`;
}

/** `id`, `name`, `kind` and `mode` first, then by the alphabet. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (value === null || typeof value !== 'object') return value;
  const first = ['id', 'name', 'op', 'kind', 'mode', 'inputs', 'outputs'];
  const rank = (key: string): string => (first.includes(key) ? String(first.indexOf(key)) : `~${key}`);
  const keys = Object.keys(value).sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  return Object.fromEntries(keys.map((key) => [key, ordered((value as Record<string, unknown>)[key])]));
}

/** `x.ptq.json` → `x.ptq.bin`. */
function binPathOf(jsonPath: string): string {
  return jsonPath.endsWith('.json') ? `${jsonPath.slice(0, -'.json'.length)}.bin` : `${jsonPath}.bin`;
}

function read(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new FileError(`cannot read '${path}': ${messageOf(cause)}`, { cause });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function messageOf(cause: unknown): string {
  return cause instanceof PtqError || cause instanceof Error ? cause.message : String(cause);
}
