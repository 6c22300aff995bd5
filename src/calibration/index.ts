/** Data sets, the float executor, observers and accuracy. */
export { calibrate, type CalibrateOptions } from './calibrate.js';
export { diffusionFrom, parseDiffusion, trajectorySamples, type Diffusion } from './diffusion/index.js';
export { createExecutor, type FloatExecutor, type RunOptions, type Samples } from './executor.js';
export { OBSERVERS, type ObserverName } from './observers/index.js';
export { parsePreprocess, preprocessFrom } from './preprocess.js';
export { loadLabels, type Labels } from './data/labels.js';
export { firstSamples, loadPortSamples, loadSamples, type LoadOptions } from './data/samples.js';
export { samplePorts, type SamplePort } from './data/layout.js';
export { agreement, meanIou, meanSquaredError, METRICS, predictions, score, scoringTensor, sqnrDb, top1, type Metric } from './accuracy.js';
export type { CalibrationTable, Preprocess, RawArray, SampleSet } from './types.js';
