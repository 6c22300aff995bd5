/** How good the integers are: accuracy beside the float network and beside fake quantization, and noise layer by layer. */
import { createSimulator } from '../sim/index.js';
import { agreement, createExecutor, predictions, score, scoringTensor, sqnrDb, type FloatExecutor, type Labels, type Metric, type RunOptions, type SampleSet } from './calibration/index.js';
import { CalibrationError } from './errors.js';
import { elementCount, tensorOf, type FloatGraph, type GraphPort, type TensorId } from './graph/float.js';
import { integerTensor, type Codes, type IntegerGraph, type IntegerPort } from './graph/integer.js';
import type { QuantizationPlan } from './operators/lower.js';
import { fakeQuantConstants, fakeQuantTransform, withCodeArithmetic } from './quantization/index.js';
import type { ReportAccuracy } from './report/report.js';
import { encodeSamples, realValues, sampleAt } from './simulation/encode.js';
import { simulateBatch } from './simulation/evaluate.js';

export interface ScoreOptions {
  readonly metric: Metric;
  /** Name of the output that counts, null for the first. */
  readonly output: string | null;
}

function chosenPort<P extends { readonly name: string }>(ports: readonly P[], name: string | null): P {
  const port = name === null ? ports[0] : ports.find((p) => p.name === name);
  if (!port) throw new CalibrationError(`there is no output '${name}'`, { hint: `the outputs are ${ports.map((p) => `'${p.name}'`).join(', ')}` });
  return port;
}

/** Classifiers are judged before a terminal softmax, where no two classes saturate to the same code. */
function judgedTensor(graph: Parameters<typeof scoringTensor>[0], output: TensorId, metric: Metric): TensorId {
  return metric === 'top1' ? scoringTensor(graph, output) : output;
}

/** Computes the outputs of a graph for many samples; inputs and outputs hold all samples of a port, one after the other. */
export type BatchRunner = (graph: IntegerGraph, inputs: readonly Codes[], count: number) => Promise<readonly Codes[]>;

/** What the integers make of the judged tensor: real values, samples concatenated. */
export async function integerValues(graph: IntegerGraph, samples: SampleSet, options: ScoreOptions, run: BatchRunner = simulateBatch): Promise<Float32Array> {
  const port = chosenPort<IntegerPort>(graph.outputs, options.output);
  const tensor = judgedTensor(graph, port.tensor, options.metric);
  const [codes] = await run({ ...graph, outputs: [{ ...port, tensor }] }, encodeSamples(graph, samples), samples.count);
  return realValues(integerTensor(graph, tensor), codes!);
}

function scored(values: ArrayLike<number>, shape: readonly number[], count: number, labels: Labels | null, metric: Metric): number {
  if (!labels) throw new CalibrationError(`the metric ${metric} needs labels`, { hint: 'add --labels FILE' });
  return score(metric, values, shape, count, labels);
}

/** Accuracy of the integers, by default of the simulator. */
export async function integerScore(graph: IntegerGraph, samples: SampleSet, labels: Labels | null, options: ScoreOptions, run: BatchRunner = simulateBatch): Promise<number> {
  const port = chosenPort<IntegerPort>(graph.outputs, options.output);
  const values = await integerValues(graph, samples, options, run);
  return scored(values, integerTensor(graph, judgedTensor(graph, port.tensor, options.metric)).shape, samples.count, labels, options.metric);
}

/**
 * Float, fake-quantized and integer accuracy of the same samples. Without labels the float network is the reference:
 * top-1 and mIoU are then agreement with it, mse and sqnrDb the distance from it.
 */
export async function evaluateAccuracy(float: FloatGraph, graph: IntegerGraph, plan: QuantizationPlan, samples: SampleSet, labels: Labels | null, options: ScoreOptions): Promise<ReportAccuracy> {
  const { shape } = tensorOf(float, judgedOf(float, options));
  const real = await floatValues(float, samples, options);
  const fake = await fakeQuantValues(float, graph, plan, samples, options);
  const integer = await integerValues(graph, samples, options);
  const reference = labels ?? floatReference(real, shape, samples.count, options.metric);
  const one = (values: ArrayLike<number>) => scored(values, shape, samples.count, reference, options.metric);
  return { metric: options.metric, float: one(real), fakeQuant: one(fake), integer: one(integer), agreement: predictionAgreement(real, integer, shape, options.metric), fakeQuantAgreement: predictionAgreement(fake, integer, shape, options.metric), samples: samples.count };
}

function judgedOf(float: FloatGraph, { output, metric }: ScoreOptions): TensorId {
  return judgedTensor(float, chosenPort<GraphPort>(float.outputs, output).tensor, metric);
}

/** What the float network makes of the judged tensor. */
export function floatValues(float: FloatGraph, samples: SampleSet, options: ScoreOptions): Promise<Float32Array> {
  return runJudged(float, samples, judgedOf(float, options), {});
}

/** What fake quantization makes of it, on codes where float32 holds them. */
export function fakeQuantValues(float: FloatGraph, graph: IntegerGraph, plan: QuantizationPlan, samples: SampleSet, options: ScoreOptions): Promise<Float32Array> {
  const onCodes = withCodeArithmetic(float, graph, plan);
  return runJudged(onCodes.graph, samples, judgedOf(float, options), { transform: fakeQuantTransform(plan, onCodes.codes), constants: fakeQuantConstants(float, plan) });
}

async function runJudged(graph: FloatGraph, samples: SampleSet, judged: TensorId, options: RunOptions): Promise<Float32Array> {
  const executor = await createExecutor(graph);
  try {
    return (await executor.run(samples.inputs, samples.count, { ...options, keep: [judged] })).get(judged)!;
  } finally {
    executor.dispose();
  }
}

function floatReference(real: Float32Array, shape: readonly number[], count: number, metric: Metric): Labels {
  return metric === 'top1' ? { shape: [count], data: predictions(real, elementCount(shape)) } : { shape: [count, ...shape], data: real };
}

function predictionAgreement(float: Float32Array, integer: Float32Array, shape: readonly number[], metric: Metric): number | null {
  return metric === 'top1' ? agreement(predictions(float, elementCount(shape)), predictions(integer, elementCount(shape))) : null;
}

/** At most so many samples for the noise of layers: it is an average over all elements of a tensor already. */
const SQNR_SAMPLES = 8;

/** Signal-to-quantization-noise of every integer tensor that stands for a float tensor of the same size. */
export async function layerSqnr(float: FloatGraph, graph: IntegerGraph, samples: SampleSet): Promise<ReadonlyMap<TensorId, number>> {
  const shared = [...graph.tensors.values()].filter((t) => !t.constant && t.real?.kind === 'affine' && float.tensors.has(t.id) && elementCount(t.shape) === elementCount(tensorOf(float, t.id).shape));
  const count = Math.min(SQNR_SAMPLES, samples.count);
  const executor = await createExecutor(float);
  try {
    const reals = await floatTensors(executor, samples, count, shared.map((t) => t.id));
    const encoded = encodeSamples(graph, samples);
    const simulator = createSimulator(graph);
    const codes = Array.from({ length: count }, (_, i) => simulator.tensors(sampleAt(graph, encoded, i)));
    return new Map(
      shared.map((tensor) => {
        const values = Float32Array.from(codes.flatMap((c) => [...realValues(tensor, c.get(tensor.id)!)]));
        return [tensor.id, sqnrDb(reals.get(tensor.id)!, values)] as const;
      }),
    );
  } finally {
    executor.dispose();
  }
}

function floatTensors(executor: FloatExecutor, samples: SampleSet, count: number, keep: readonly TensorId[]): Promise<ReadonlyMap<TensorId, Float32Array>> {
  const first = new Map([...samples.inputs].map(([name, data]) => [name, data.slice(0, (data.length / samples.count) * count)] as const));
  return executor.run(first, count, { keep });
}
