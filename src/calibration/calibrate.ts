/** Ranges and histograms of every float activation over a calibration set, in two passes. */
import { CalibrationError } from '../errors.js';
import { tensorOf, type FloatGraph, type TensorId } from '../graph/float.js';
import type { tf } from '../tensor/index.js';
import { createExecutor, type FloatExecutor } from './executor.js';
import { addToHistogram, emptyHistogram, type Histogram, type Observed } from './observers/histogram.js';
import { observedRange, type ObserverOptions } from './observers/index.js';
import type { CalibrationTable, SampleSet } from './types.js';

export interface CalibrateOptions extends ObserverOptions {
  /** Called with the number of samples done out of `total` (two passes over the set). */
  readonly onProgress?: (done: number, total: number) => void;
}

interface Extremes {
  min: number;
  max: number;
}

type Visit = (id: TensorId, values: Float32Array) => void;

/**
 * Pass one finds min and max of every input and node output, pass two fills 2048 bins between them; the observer reads
 * those. Deterministic: the same samples give the same table. Throws CalibrationError naming the layer where NaN appears.
 */
export async function calibrate(graph: FloatGraph, samples: SampleSet, options: CalibrateOptions): Promise<CalibrationTable> {
  const executor = await createExecutor(graph);
  try {
    const extremes = await observeExtremes(executor, samples, (done) => options.onProgress?.(done, 2 * samples.count));
    const observed = await observeHistograms(executor, samples, extremes, (done) => options.onProgress?.(samples.count + done, 2 * samples.count));
    return { observer: options.observer, samples: samples.count, sha256: samples.sha256, ranges: tableOf(observed, options) };
  } finally {
    executor.dispose();
  }
}

async function observeExtremes(executor: FloatExecutor, samples: SampleSet, onProgress: (done: number) => void): Promise<Map<TensorId, Extremes>> {
  const extremes = new Map<TensorId, Extremes>();
  await visitActivations(executor, samples, onProgress, (id, values) => {
    const seen = extremes.get(id) ?? { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
    extremes.set(id, seen);
    let sum = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      sum += value - value;
      if (value < seen.min) seen.min = value;
      if (value > seen.max) seen.max = value;
    }
    // value − value is 0 for every finite number and NaN for all others.
    if (sum !== 0) throw notFinite(executor.graph, id);
  });
  return extremes;
}

async function observeHistograms(executor: FloatExecutor, samples: SampleSet, extremes: ReadonlyMap<TensorId, Extremes>, onProgress: (done: number) => void): Promise<ReadonlyMap<TensorId, Observed>> {
  const observed = new Map([...extremes].map(([id, { min, max }]) => [id, emptyObserved(min, max)]));
  await visitActivations(executor, samples, onProgress, (id, values) => {
    const { histogram, magnitudes } = observed.get(id)!;
    addToHistogram(histogram, values);
    if (magnitudes !== histogram) addToHistogram(magnitudes, values, true);
  });
  return observed;
}

function emptyObserved(min: number, max: number): Observed {
  const histogram = emptyHistogram(Math.min(0, min), Math.max(0, max));
  const magnitudes: Histogram = min >= 0 ? histogram : emptyHistogram(0, Math.max(Math.abs(min), Math.abs(max)));
  return { min, max, histogram, magnitudes };
}

async function visitActivations(executor: FloatExecutor, samples: SampleSet, onProgress: (done: number) => void, visit: Visit): Promise<void> {
  const transform = (id: TensorId, value: tf.Tensor): tf.Tensor => {
    if (value.dtype === 'float32') visit(id, value.dataSync() as Float32Array);
    return value;
  };
  await executor.run(samples.inputs, samples.count, { transform, onProgress });
}

function tableOf(observed: ReadonlyMap<TensorId, Observed>, options: ObserverOptions): CalibrationTable['ranges'] {
  return new Map(
    [...observed].map(([id, seen]) => {
      const { low, high } = observedRange(seen, options);
      const { histogram } = seen;
      return [id, { low, high, min: seen.min, max: seen.max, histogram: { low: histogram.low, high: histogram.high, counts: [...histogram.counts] } }];
    }),
  );
}

function notFinite(graph: FloatGraph, id: TensorId): CalibrationError {
  const { name, origin } = tensorOf(graph, id);
  return new CalibrationError(`tensor '${name}' becomes NaN or infinite on the calibration data`, {
    origin,
    hint: 'check that --preprocess gives the values the model was trained on',
  });
}
