/** Chosen widths as people read them, and what is said about fake quantization. */
import { stripVTControlCharacters } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { widthsChart } from '../../src/report/charts.js';
import { mixedPrecisionSection } from '../../src/report/mixed-precision-html.js';
import type { ReportMixedLayer, ReportMixedPrecision } from '../../src/report/mixed-precision.js';
import { terminalReport } from '../../src/report/terminal.js';
import { sampleReport } from './sample-report.js';

const test = suite('report/mixed-precision');

function layer(name: string, block: number, weightBits: number, widths: readonly number[]): ReportMixedLayer {
  const choices = widths.map((bits) => ({ bits, measured: 4 ** -bits, hessian: 2 * 4 ** -bits, size: 100 * bits, instructions: 5000 - bits }));
  return { name, block, parameters: 800, weightBits, activationBits: 8, averageTrace: 0.125, choices };
}

const mixed: ReportMixedPrecision = {
  budget: [{ resource: 'size', limit: 1300 }],
  target: 'cortex-m7',
  sensitivity: 'measured',
  divergence: 'prediction',
  objective: 0.004,
  gap: 0,
  predicted: { size: 1200, ram: 640, instructions: 9988 },
  measured: { size: 1200, ram: 640, instructions: 9990 },
  chosen: [layer('first<layer>', 0, 8, [8]), layer('second', 1, 4, [2, 4, 8])],
  swept: 'size',
  pareto: [{ limit: 1000, bits: [8, 2], objective: 0.0625, size: 1000, ram: 640, instructions: 9990 }, { limit: 1300, bits: [8, 4], objective: 0.004, size: 1200, ram: 640, instructions: 9988 }],
  uniform: [{ name: 'w2a8', bits: [8, 2], objective: 0.0625, size: 1000, ram: 640, instructions: 9990 }],
};

test('the terminal: budget and use, both sensitivities of every layer, the front with the chosen point', () => {
  const text = stripVTControlCharacters(terminalReport(sampleReport({ mixedPrecision: mixed })));
  assert.match(text, /bit widths +size 1,200 B of 1,300 B \(predicted 1,200 B\) on cortex-m7; measured divergence 0\.00400, gap 0 %: proven optimal/);
  assert.match(text, /layer +bits +weights +bytes +instructions +divergence at +w2 +w4 +w8/);
  assert.match(text, /second +w4a8 +800 +400 +4,996 +measured +6\.3e-2 +3\.9e-3 +1\.5e-5\n +trace 0\.13 +1\.3e-1 +7\.8e-3 +3\.1e-5/);
  assert.match(text, /≤ 1,300 \* +1,200 +640 +9,988 +4\.0e-3 +8 4/);
  assert.not.match(text, /≤ 1,000 \*/);
  assert.match(text, /all w2a8 +1,000/);
  assert.not.match(stripVTControlCharacters(terminalReport(sampleReport())), /bit widths/);
});

test('the page: the same tables, names escaped, a picture with every point', async () => {
  const page = await mixedPrecisionSection(mixed, (text) => text.replace(/</g, '&lt;').replace(/>/g, '&gt;'));
  assert.match(page, /<td>first&lt;layer&gt;<\/td><td>w8a8<\/td><td class="n">800<\/td>/);
  const points = (svg: string) => (svg.match(/aria-roledescription="point"/g) ?? []).length;
  assert.is(points(page), 4);
  assert.match(await widthsChart([{ cost: 1, divergence: 0, label: '', kind: 'chosen' }], 'instructions'), /instructions/);
});

test('fake quantization: how many predictions differ, and why', () => {
  const accuracy = { ...sampleReport().accuracy!, fakeQuantAgreement: 0.9925 };
  const said = (change: Parameters<typeof sampleReport>[0]) => stripVTControlCharacters(terminalReport(sampleReport(change)));
  assert.match(said({ accuracy }), /fake-quant 97\.50 % \(3 of 400 predictions differ: float32 rounds values at the border of two codes to the other one\)/);
  assert.match(said({ accuracy, arith: 'tflite' }), /fake-quant 97\.50 % \(3 of 400 predictions differ\)/);
  assert.match(said({ accuracy: { ...accuracy, fakeQuantAgreement: 1 } }), /fake-quant 97\.50 % \(the same predictions\)/);
});

test.run();
