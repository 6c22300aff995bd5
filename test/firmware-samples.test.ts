/** The committed samples: floats as PyTorch recorded them, hardly a prediction lost to integers, and the same bits on every kind of core. */
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createExecutor } from '../src/calibration/executor.js';
import { resolveOptions } from '../src/options.js';
import { quantizeModel, type QuantizedModel } from '../src/pipeline.js';
import { silentProgress } from '../src/progress.js';
import { encodeSamples, sampleAt } from '../src/simulation/encode.js';
import { expectFirmwareMatchesSimulator } from './support/firmware.js';
import { relativeDifference } from './support/float-graphs.js';
import { sampleConfigOf, sampleNames } from './support/golden-projects.js';
import { readNpyFloats } from './support/read-npy.js';

const RECORDED = 8;
const VECTORS = 2;
const TARGETS = ['host', 'cortex-m4', 'cortex-m7', 'cortex-m55', 'rv32imc'];

const samples = suite('samples');

/** The float network behind the passes, on the first test images. */
async function floatOutputs({ float, data }: QuantizedModel): Promise<Float32Array> {
  const executor = await createExecutor(float!);
  try {
    const inputs = new Map([...data!.inputs].map(([name, values]) => [name, values.subarray(0, (values.length / data!.count) * RECORDED)]));
    return (await executor.run(inputs, RECORDED)).get(float!.outputs[0]!.tensor)!;
  } finally {
    executor.dispose();
  }
}

for (const name of sampleNames) {
  samples(name, async () => {
    const model = await quantizeModel(resolveOptions({}, sampleConfigOf(name)), silentProgress);
    const difference = relativeDifference(await floatOutputs(model), readNpyFloats(join(dirname(sampleConfigOf(name)), 'test_out8.npy')));
    assert.ok(difference < 1e-4, `PyTorch's outputs differ by ${difference.toExponential(2)} of the largest`);
    const { float, integer } = model.accuracy!;
    assert.ok(float > 0.9 && float - integer <= 0.01, `float ${float}, integer ${integer}`);
    const encoded = encodeSamples(model.graph, model.data!);
    const inputs = Array.from({ length: VECTORS }, (_, i) => sampleAt(model.graph, encoded, i));
    await expectFirmwareMatchesSimulator([{ name, graph: model.graph, inputs }], TARGETS);
  });
}

samples.run();
