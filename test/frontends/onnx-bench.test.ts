/** The ONNX benchmark models import and reproduce the float outputs that lie beside them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createExecutor } from '../../src/calibration/executor.js';
import { readNpy } from '../../src/calibration/data/npy.js';
import { loadModel } from '../../src/frontends/index.js';
import { elementCount, tensorOf, type FloatGraph } from '../../src/graph/float.js';
import { benchDirectory, leftOut } from '../support/bench.js';

const bench = suite('ONNX benchmark models');
const directory = benchDirectory();

const SAMPLES = 8;
/** max|a−b| ≤ TOLERANCE·max|b|, per sample and output. */
const TOLERANCE = 1e-4;
const NAMES = ['bert_tiny_base', 'bert_tiny_outlier', 'bert_tiny_outlier_emb', 'ddpm_mnist16_unet', 'mnist16_classifier', 'seg_subtract64', 'vit_cifar10'];

/** Integers (token indices) stay below 2^24, so float32 holds them. */
function readArray(file: string): Float32Array {
  const { data } = readNpy(new Uint8Array(readFileSync(file)), file);
  return data instanceof BigInt64Array ? Float32Array.from(data, Number) : Float32Array.from(data);
}

/** `NAME_in8.npy`, or `NAME_in8_PORT.npy` where there are several inputs. */
function readInputs(graph: FloatGraph, stem: string): ReadonlyMap<string, Float32Array | Int32Array> {
  return new Map(
    graph.inputs.map((port) => {
      const own = `${stem}_in8_${port.name}.npy`;
      const data = readArray(existsSync(own) ? own : `${stem}_in8.npy`);
      return [port.name, tensorOf(graph, port.tensor).type === 'int32' ? Int32Array.from(data) : data];
    }),
  );
}

for (const name of NAMES) {
  if (!directory) continue;
  bench(`${name} reproduces its float outputs`, async () => {
    const stem = join(directory, 'models', name);
    const graph = await loadModel(`${stem}.onnx`);
    const executor = await createExecutor(graph);
    const results = await executor.run(readInputs(graph, stem), SAMPLES);
    executor.dispose();
    const port = graph.outputs[0]!;
    const expected = readArray(`${stem}_out8.npy`);
    const actual = results.get(port.tensor)!;
    const size = elementCount(tensorOf(graph, port.tensor).shape);
    assert.is(actual.length, expected.length);
    for (let sample = 0; sample < SAMPLES; sample++) {
      const [want, got] = [expected, actual].map((array) => array.subarray(sample * size, (sample + 1) * size));
      const largest = want!.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
      const worst = want!.reduce((max, v, i) => Math.max(max, Math.abs(v - got![i]!)), 0);
      assert.ok(worst <= TOLERANCE * largest, `sample ${sample}: differs by ${worst} where values reach ${largest}`);
    }
  });
}

if (!directory) leftOut(NAMES.length, 'ONNX benchmark models (the bench folder is absent)');
bench.run();
