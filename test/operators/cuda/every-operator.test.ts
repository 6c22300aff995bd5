/** Every operator on CUDA: many random layers side by side in one program, every thread of every block emulated, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allOperators } from '../../../src/operators/index.js';
import { buildSchedule } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { byteMatmulCase, poolCase, productCase, reductionCase, rescalingCase, shiftGateCase, shiftmaxCase, softmaxCase, tableCase, twinSoftmaxCase, wideTableCase } from '../../support/byte-cases.js';
import { everyOperator, type GraphCase } from '../../support/every-operator.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import { type LinearCase, randomConvolution, randomDense, randomDepthwise, randomMatmul, randomTransposed } from '../../support/linear-cases.js';
import { mergeGraphs } from '../../support/merge-graphs.js';

const test = suite('every operator on CUDA');

/** Three vectors make a full batch of two and a rest of one. */
const VECTORS = 3;

const MAKERS = [randomConvolution, randomDepthwise, randomTransposed, randomDense, randomMatmul, byteMatmulCase, poolCase, productCase, reductionCase, rescalingCase, softmaxCase, tableCase, wideTableCase, twinSoftmaxCase, shiftmaxCase, shiftGateCase];

function randomLayers(makers: readonly ((random: Random, name: string) => LinearCase)[], each: number, seed: number): readonly LinearCase[] {
  const random = new Random(seed);
  return makers.flatMap((made, i) => Array.from({ length: each }, (_, n) => made(random, `seed ${seed} maker ${i} number ${n}`)));
}

/** All of them as one network, which one compiler run builds. */
function together(cases: readonly GraphCase[], arith: string): GraphCase & { readonly name: string } {
  const merged = mergeGraphs(cases.map(({ graph }) => graph));
  const graph = { ...merged, provenance: { ...merged.provenance, arith } };
  return { name: arith, graph, inputs: Array.from({ length: VECTORS }, (_, v) => cases.flatMap(({ inputs }) => inputs[v % inputs.length]!)) };
}

const networks = [
  together([...everyOperator('dyadic'), ...randomLayers(MAKERS.slice(0, 6), 2, 41), ...randomLayers(MAKERS.slice(6), 1, 42)], 'dyadic'),
  together([...everyOperator('tflite'), ...randomLayers(MAKERS.slice(0, 4), 2, 43)], 'tflite'),
];

test('the list is whole, and every layer has a kernel of many threads', () => {
  const tested = new Set(networks.flatMap(({ graph }) => graph.nodes.map(({ op }) => op)));
  assert.equal(allOperators().filter(({ name, integer }) => integer !== undefined && !tested.has(name)).map(({ name }) => name), []);
  for (const { graph } of networks) {
    const alone = buildSchedule(graph, findTarget('cuda')).steps.filter(({ kernel }) => kernel.family !== 'cuda');
    assert.equal(alone.map(({ nodes, kernel }) => `${nodes[0]!.op}: ${kernel.template}`), []);
  }
});

for (const network of networks) {
  test(`${network.name}: equals the simulator`, () => expectFirmwareMatchesSimulator([network], ['cuda']));
}

test.run();
