/**
 * Integer models of one layer each, for operators that no bundled network spends its time in: `npx tsx scripts/single-layers.ts DIR`,
 * then `ptq-gen DIR/<name>.ptq.json --target cortex-m7 [--kernels portable]` counts their instructions.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { saveIntegerGraph } from '../src/graph/serialize.js';
import { IntegerGraphBuilder } from '../test/support/integer-graphs.js';

const [directory] = process.argv.slice(2);
if (directory === undefined) {
  console.error('usage: npx tsx scripts/single-layers.ts DIR');
  process.exit(2);
}

function softmax(name: string, shape: readonly number[]): void {
  const builder = new IntegerGraphBuilder(name);
  const exponentials = builder.constant('exponentials', [256], Uint16Array.from({ length: 256 }, (_, d) => Math.round(32768 * Math.exp(-0.05 * d))), 16);
  const attributes = { variant: 'dyadic', axis: shape.length - 1, steps: 256, outputZeroPoint: -128 };
  builder.node('softmax', 'y', [builder.input('x', shape, { bits: 8 }), exponentials], { attributes, shape, output: { bits: 8 } });
  saveIntegerGraph(builder.build(['y']), join(directory!, `${name}.ptq.json`));
}

function mean(name: string, shape: readonly number[], axes: readonly number[]): void {
  const builder = new IntegerGraphBuilder(name);
  const elements = axes.reduce((n, axis) => n * shape[axis]!, 1);
  builder.node('reduce', 'y', [builder.input('x', shape, { bits: 8 })], {
    attributes: { function: 'mean', axes, keepDims: false, inputZeroPoint: 3 },
    requantize: { mode: 'dyadic', multiplier: [Math.floor(2 ** 36 / elements)], shift: [36], zeroPoint: 1, clamp: [-128, 127] },
    shape: shape.filter((_, axis) => !axes.includes(axis)),
    output: { bits: 8 },
  });
  saveIntegerGraph(builder.build(['y']), join(directory!, `${name}.ptq.json`));
}

mkdirSync(directory, { recursive: true });
softmax('softmax_64x64', [64, 64]);
mean('mean_8x8x64', [8, 8, 64], [0, 1]);
mean('mean_24x24x16', [24, 24, 16], [0, 1]);
mean('mean_64x128', [64, 128], [1]);
