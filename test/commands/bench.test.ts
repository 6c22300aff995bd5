/** `ptq-gen bench` on the project's own sample: JSON of every layout, and of every goal with --pareto. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { benchCommand, type BenchOptions } from '../../src/commands/bench.js';
import type { PeerFigures } from '../../src/report/peers.js';
import type { Report } from '../../src/report/report.js';
import { repositoryRoot } from '../support/bench.js';
import { availableTargetIds } from '../support/firmware.js';

const test = suite('ptq-gen bench');
const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-bench-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const sample = join(repositoryRoot(), 'firmware-samples/shapes');
const given: BenchOptions = { calib: join(sample, 'calib_x.npy'), preprocess: { scale: '1/255', layout: 'nhwc' }, samples: 8, vectors: 2, out: join(folder, 'project') };

/** What the command writes as JSON; its tables go to `printed`. */
async function bench(options: BenchOptions, printed: string[] = []): Promise<readonly (Report & { peer: PeerFigures | null; optimize?: string })[]> {
  const { write } = process.stdout;
  const json = join(folder, 'bench.json');
  process.stdout.write = (text: string | Uint8Array) => printed.push(String(text)) > 0;
  try {
    assert.is(await benchCommand([join(sample, 'shapes.onnx')], { ...given, ...options, json }), 0);
  } finally {
    process.stdout.write = write;
  }
  return JSON.parse(readFileSync(json, 'utf8'));
}

test('every layout of the weights that the target knows, side by side', async () => {
  if (!availableTargetIds().includes('cortex-m7')) return;
  const printed: string[] = [];
  const results = await bench({ target: 'cortex-m7' }, printed);
  assert.equal(results.map((r) => r.weights), ['int8', 'int16', 'int16 + winograd']);
  assert.ok(results.every((r) => r.verify.bitExact === true));
  const [int8, int16] = results.map((r) => r.cost);
  assert.ok(int16!.instructions! < int8!.instructions! && int16!.constBytes! > int8!.constBytes!, JSON.stringify([int8, int16]));
  assert.match(printed.join(''), /flash bytes +[\d,]+ +[\d,]+ +[\d,]+/);
});

test('one layout where the user names it, and where the kernels know no other', async () => {
  if (!availableTargetIds().includes('cortex-m0plus')) return;
  const [plain, ...others] = await bench({ target: 'cortex-m0plus' });
  assert.equal(others, []);
  assert.ok(plain!.cost.estimatedCycles! > plain!.cost.instructions!);
  assert.equal((await bench({ target: 'cortex-m7', weights: 'int16' })).map((r) => r.weights), ['int16']);
});

test('--pareto: every goal, as JSON too', async () => {
  if (!availableTargetIds().includes('cortex-m7')) return;
  const results = await bench({ target: 'cortex-m7', pareto: true });
  assert.equal(results.map((r) => r.optimize), ['speed', 'ram', 'flash']);
  const [speed, ram, flash] = results.map((r) => r.cost);
  assert.ok(ram!.arenaBytes <= speed!.arenaBytes && flash!.flashBytes! <= speed!.flashBytes!);
});

test.run();
