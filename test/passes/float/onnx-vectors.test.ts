/** Every ONNX operator vector that imports computes the same after the passes (on random inputs of our own). */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../src/frontends/index.js';
import { tensorOf, type FloatGraph } from '../../../src/graph/float.js';
import { optimizeFloatGraph } from '../../../src/passes/float/index.js';
import { leftOut } from '../../support/bench.js';
import { randomInputs, relativeDifference, runInSourceOrder } from '../../support/float-graphs.js';
import { VECTOR_DIRECTORY } from '../../frontends/onnx-vectors.js';

const COUNT = 2;
/** Fewer would mean that something stopped importing. */
const LEAST_CASES = 150;

const test = suite('float passes on ONNX operator vectors');

if (!existsSync(VECTOR_DIRECTORY)) leftOut(1, 'passes on ONNX operator vectors (the package libonnx-testdata is absent)');
else {
  test('every one that imports', async () => {
    let compared = 0;
    for (const group of readdirSync(VECTOR_DIRECTORY)) {
      for (const name of readdirSync(join(VECTOR_DIRECTORY, group))) {
        const graph = await loadModel(join(VECTOR_DIRECTORY, group, name, 'model.onnx')).catch(() => null);
        if (graph && takesFloats(graph) && (await agrees(graph, name))) compared++;
      }
    }
    assert.ok(compared >= LEAST_CASES, `only ${compared} vectors were compared`);
  });
}

/** Token indices must stay inside their table, which random numbers do not. */
function takesFloats(graph: FloatGraph): boolean {
  return graph.inputs.every((port) => tensorOf(graph, port.tensor).type === 'float32');
}

async function agrees(graph: FloatGraph, name: string): Promise<boolean> {
  // Positive, because of logarithms and roots.
  const inputs = new Map([...randomInputs(graph, COUNT, 3)].map(([port, values]) => [port, values.map((v) => Math.abs(v) + 0.05) as Float32Array]));
  const expected = await runInSourceOrder(graph, inputs, COUNT);
  const actual = await runInSourceOrder(optimizeFloatGraph(graph).graph, inputs, COUNT);
  for (const [output, values] of expected) {
    const difference = relativeDifference(actual.get(output)!, values);
    assert.ok(difference <= 1e-4, `${name}: '${output}' differs by ${difference.toExponential(2)} of its largest value`);
  }
  return true;
}

test.run();
