/** TensorFlow Lite files as float graphs: float32, int8 and the mixed form whose weights alone are int8. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { ModelFormatError } from '../../errors.js';
import type { FloatGraph } from '../../graph/float.js';
import { ImportContext, unsupported, type SourceValue } from '../import-context.js';
import { foldShapes } from '../tensorflow/fold.js';
import { OperatorCall, type Importer } from './call.js';
import { elementwiseImporters } from './importers/elementwise.js';
import { layoutImporters } from './importers/layout.js';
import { linearImporters } from './importers/linear.js';
import { spatialImporters } from './importers/spatial.js';
import { readTflite, type TfliteModel, type TfliteOperator, type TfliteTensor } from './reader.js';
import { activationQuantization, activationType, constantOf } from './values.js';

const importers: Readonly<Record<string, Importer>> = { ...linearImporters, ...elementwiseImporters, ...spatialImporters, ...layoutImporters };

/** Nearest supported forms of operators that are not imported. */
const NEAREST: Readonly<Record<string, string>> = {
  LOG_SOFTMAX: 'SOFTMAX',
  PRELU: 'LEAKY_RELU',
  ARG_MAX: 'the scores themselves as the output',
  L2_POOL_2D: 'AVERAGE_POOL_2D',
  REDUCE_MIN: 'NEG, REDUCE_MAX, NEG',
  SPACE_TO_BATCH_ND: 'CONV_2D with dilation',
  BATCH_TO_SPACE_ND: 'CONV_2D with dilation',
  RESIZE_BICUBIC: 'RESIZE_BILINEAR',
};

/** Names of the operators that are imported. */
export function tfliteOperators(): readonly string[] {
  return Object.keys(importers);
}

/**
 * Imports the main subgraph. Errors call it by the last part of `path`.
 * Throws ModelFormatError for a damaged file, UnsupportedOperatorError naming every node that cannot be imported.
 */
export function importTflite(bytes: Uint8Array, path: string): FloatGraph {
  const file = basename(path);
  const model = readTflite(bytes, file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const context = new ImportContext({ name: file.replace(/\.tflite$/i, ''), source: { file, format: 'tflite', sha256 } });
  importInputs(context, model);
  for (const operator of model.operators) importOperator(context, model, operator);
  exportOutputs(context, model, file);
  return context.finish();
}

function importInputs(context: ImportContext, model: TfliteModel): void {
  const taken = new Set<string>();
  for (const index of model.inputs) {
    const tensor = model.tensors[index]!;
    const name = unusedName(taken, tensor);
    const { shape } = tensor;
    const batchAxis = shape[0] === 1 ? 0 : null;
    const done = context.attempt(context.origin(name, 'Input'), () => {
      const open = tensor.openAxes.filter((axis) => axis !== 0);
      if (open.length > 0) unsupported(`axis ${open.join(' and ')} of the input has no fixed length`, 'a conversion with a fixed input shape');
      const quantization = activationQuantization(tensor);
      context.define(String(index), context.input(name, shape, activationType(tensor), { batchAxis, ...(quantization && { quantization }) }));
    });
    if (!done) context.define(String(index), null);
  }
}

function importOperator(context: ImportContext, model: TfliteModel, operator: TfliteOperator): void {
  const outputs = operator.outputs.map((i) => model.tensors[i]!);
  const origin = context.origin(outputs[0]?.name ?? `operator ${operator.index}`, operator.name);
  const inputs = operator.inputs.map((i) => (i === -1 ? undefined : valueOf(context, model.tensors[i]!, origin)));
  const giveUp = (): void => operator.outputs.forEach((i) => context.define(String(i), null));
  const importer = importers[operator.name];
  if (!importer) {
    context.report(origin, 'this operator is not imported', NEAREST[operator.name] ?? 'the operators listed in docs/tensorflow-operators.md');
    giveUp();
    return;
  }
  if (inputs.includes(null)) {
    giveUp();
    return;
  }
  const call = new OperatorCall(context, operator, origin, inputs.map((v) => v ?? null), outputs);
  if (!context.attempt(origin, () => void (foldShapes(call) || importer(call)))) giveUp();
}

/** Null = a value that could not be imported. */
function valueOf(context: ImportContext, tensor: TfliteTensor, origin: OperatorCall['origin']): SourceValue | null {
  const known = context.lookup(String(tensor.index));
  if (known !== undefined) return known;
  if (tensor.isVariable) {
    context.report(origin, `'${tensor.name}' keeps its value from call to call`, 'a network without variables');
    context.define(String(tensor.index), null);
    return null;
  }
  if (!tensor.data) {
    throw new ModelFormatError(`${origin.file}: ${origin.opType} '${origin.nodeName}' reads '${tensor.name}' before any operator writes it`, { origin, hint: 'the operators form a cycle or stand in the wrong order' });
  }
  let value: SourceValue | null = null;
  context.attempt(origin, () => {
    value = context.constant(tensor.name, constantOf(tensor, origin));
  });
  context.define(String(tensor.index), value);
  return value;
}

function exportOutputs(context: ImportContext, model: TfliteModel, file: string): void {
  const taken = new Set<string>();
  for (const index of model.outputs) {
    const tensor = model.tensors[index]!;
    const name = unusedName(taken, tensor);
    const value = context.lookup(String(index));
    if (value === undefined) throw new ModelFormatError(`${file}: no operator writes the output '${tensor.name}'`);
    if (value) context.output(name, value);
  }
}

function unusedName(taken: Set<string>, tensor: TfliteTensor): string {
  const name = taken.has(tensor.name) ? `${tensor.name}_${tensor.index}` : tensor.name;
  taken.add(name);
  return name;
}
