/** The four MLPerf Tiny int8 files give TFLite Micro's recorded bits: every output, and every tensor of the first input. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../sim/index.js';
import { loadModel } from '../src/frontends/index.js';
import { verifyIntegerGraph } from '../src/graph/verify.js';
import type { Codes, IntegerGraph } from '../src/graph/integer.js';
import { optimizeFloatGraph } from '../src/passes/float/index.js';
import { lowerGraph, planQuantization } from '../src/quantization/index.js';
import { optimizeIntegerGraph } from '../src/passes/integer/index.js';
import { benchDirectory, leftOut } from './support/bench.js';

interface Golden {
  readonly model: string;
  readonly macs: number;
  readonly ops: readonly { readonly op: string; readonly out_tensor: number; readonly out_shape: readonly number[] }[];
  readonly samples: readonly { readonly name: string; readonly input: string; readonly output: string }[];
}

const test = suite('golden TFLite Micro');
const bench = benchDirectory();
const MODELS = ['ad', 'ic', 'kws', 'vww'];

for (const name of MODELS) {
  test(`${name}: every bit`, async () => {
    if (!bench) return leftOut(1, `benchmarks are absent: ${name}`);
    const folder = join(bench, 'golden');
    const golden = (JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Record<string, Golden>)[name]!;
    const graph = await integerGraph(join(bench, 'models/mlperf-tiny', golden.model));
    assert.is(graph.nominalMacs, golden.macs);
    compareTensors(graph, golden, join(folder, name));
    compareOutputs(graph, golden, folder);
    const { graph: folded, savings } = optimizeIntegerGraph(graph);
    verifyIntegerGraph(folded);
    compareOutputs(folded, golden, folder);
    console.log(`${name}: ${savings.macsBefore} MACs → ${savings.macsAfter}, ${savings.channelsRemoved} channels, ${savings.weightBytesRemoved} bytes of weights`);
    if (name === 'vww') assert.ok(savings.macsAfter < 0.55 * savings.macsBefore, `half of VWW is dead, ${savings.macsAfter} of ${savings.macsBefore} stayed`);
  });
}

async function integerGraph(file: string): Promise<IntegerGraph> {
  const float = optimizeFloatGraph(await loadModel(file)).graph;
  const graph = lowerGraph(float, planQuantization(float, null, { method: 'nearest', bits: 'w8a8', seed: 0 }));
  verifyIntegerGraph(graph);
  return graph;
}

/** Nodes stand in the order of the file's operators. */
function compareTensors(graph: IntegerGraph, golden: Golden, folder: string): void {
  const tensors = createSimulator(graph).tensors([codes(join(folder, 'input_0.bin'))]);
  assert.is(graph.nodes.length, golden.ops.length);
  graph.nodes.forEach((node, i) => {
    const op = golden.ops[i]!;
    const expected = codes(join(folder, `tensors_input_0/t${op.out_tensor}.bin`));
    compare(tensors.get(node.outputs[0]!)!, expected, `${op.op} ${i} (${node.id})`);
  });
}

function compareOutputs(graph: IntegerGraph, golden: Golden, folder: string): void {
  const simulator = createSimulator(graph);
  for (const sample of golden.samples) {
    const [output] = simulator.run([codes(join(folder, sample.input))]);
    compare(output!, codes(join(folder, sample.output)), `output of ${sample.name}`);
  }
}

function compare(actual: Codes, expected: Codes, what: string): void {
  assert.is(actual.length, expected.length, what);
  const first = actual.findIndex((code, i) => code !== expected[i]);
  if (first >= 0) assert.unreachable(`${what}: element ${first} is ${actual[first]}, TFLite Micro gives ${expected[first]}`);
}

function codes(file: string): Codes {
  const bytes = readFileSync(file);
  return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length).slice();
}

test.run();
