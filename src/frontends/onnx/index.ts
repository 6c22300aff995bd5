/** ONNX bytes → FloatGraph. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { ModelFormatError, ShapeError, UnsupportedOperatorError } from '../../errors.js';
import type { FloatGraph, SourceFile } from '../../graph/float.js';
import { ImportContext, type SourceValue } from '../import-context.js';
import { folders, importNodes } from './import-nodes.js';
import { importers } from './importers/index.js';
import { inputAxes, sharedBatchSize } from './ports.js';
import { readNames, readOnnx, type OnnxModel, type OnnxPort } from './reader.js';
import { elementTypeName, isFloatType } from './tensor-data.js';

export const runTimeOperators: readonly string[] = Object.keys(importers);
/** Operators that are read where all of their inputs are constants. */
export const foldedOnlyOperators: readonly string[] = Object.keys(folders).filter((name) => !importers[name]);

/**
 * Reads a model. A dynamic batch becomes 1. Where every input and output of the file shares a static leading length
 * N > 1, those are taken for N samples (the ports' sourceShape keeps the N) if no operator mixes them, else for an axis
 * of the one sample.
 */
export function importOnnx(bytes: Uint8Array, file: string): FloatGraph {
  const model = readOnnx(bytes, basename(file));
  const source: SourceFile = { file: model.file, format: 'onnx', sha256: createHash('sha256').update(bytes).digest('hex') };
  const samples = sharedBatchSize(model);
  if (samples === null) return importModel(model, source, 1);
  try {
    return importModel(model, source, samples);
  } catch (error) {
    if (!(error instanceof UnsupportedOperatorError || error instanceof ShapeError || error instanceof ModelFormatError)) throw error;
    return importModel(model, source, 1);
  }
}

function importModel(model: OnnxModel, source: SourceFile, batchSize: number): FloatGraph {
  const context = new ImportContext({ name: model.name, source, batchSize });
  for (const [name, constant] of model.constants) context.define(name, context.constant(name, constant));
  for (const port of model.inputs) {
    const { shape, batchAxis } = inputAxes(port, model.file, batchSize);
    const codes = holdsCodes(port, model);
    const type = isFloatType(port.elementType) || codes ? 'float32' : 'int32';
    context.define(port.name, context.input(port.name, shape, type, { batchAxis, codes }));
  }
  const used = new Set([...model.nodes.flatMap((n) => readNames(n, model.file)), ...model.outputs.map((o) => o.name)]);
  importNodes(model.nodes, { context, opset: model.opset, isUsed: (name) => used.has(name) });
  for (const port of model.outputs) {
    const value = context.lookup(port.name);
    if (value) context.output(port.name, withLeadingBatch(context, value));
  }
  return context.finish();
}

/** Small integers, and integers that the file itself turns into real numbers: data, not indices. */
function holdsCodes(port: OnnxPort, model: OnnxModel): boolean {
  const type = elementTypeName(port.elementType);
  if (type === 'int8' || type === 'uint8') return true;
  if (isFloatType(port.elementType)) return false;
  const readers = model.nodes.filter((n) => n.inputs.includes(port.name) && n.opType !== 'Shape');
  return readers.length > 0 && readers.every((n) => n.opType === 'Cast' && isFloatType(n.attributes.get('to')?.i ?? 0));
}

/** An output that lost its batch in a reshape gets it back where its first axis has length 1. */
function withLeadingBatch(context: ImportContext, value: SourceValue): SourceValue {
  if (value.constant || value.batchAxis !== null || value.shape.length < 2 || value.shape[0] !== 1 || context.batchSize !== 1) return value;
  return { ...value, batchAxis: 0, tensor: context.perSample(value, 0, context.origin(value.name, 'Output')) };
}
