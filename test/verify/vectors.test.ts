import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ModelFormatError } from '../../src/errors.js';
import { chooseVectors, loadVerification, saveVerification } from '../../src/verify/index.js';
import { IntegerGraphBuilder } from '../support/integer-graphs.js';

const test = suite('vectors');

function graph() {
  const builder = new IntegerGraphBuilder('two');
  const a = builder.input('a', [4], { range: [-100, 90] });
  const b = builder.input('b', [3], { bits: 16 });
  return builder.build([a, b]);
}

test('half from the data, evenly spaced, then extremes, then uniform codes', () => {
  const data = { count: 20, sample: (i: number) => [Int8Array.of(i, i, i, i), Int16Array.of(i, i, i)] };
  const chosen = chooseVectors(graph(), 9, data, 5);
  assert.equal(chosen.map((v) => v.kind), ['data', 'data', 'data', 'data', 'data', 'minimum', 'maximum', 'alternating', 'random']);
  assert.equal(chosen.map((v) => v.sample), [0, 4, 8, 12, 16, null, null, null, null]);
  assert.equal(chosen[5].inputs, [Int8Array.of(-100, -100, -100, -100), Int16Array.of(-32768, -32768, -32768)]);
  assert.equal(chosen[7].inputs[0], Int8Array.of(-100, 90, -100, 90));
  assert.equal(chooseVectors(graph(), 9, data, 5), chosen);
  assert.not.equal(chooseVectors(graph(), 9, data, 6)[8], chosen[8]);
});

test('without data, and with less data than asked for, all N are there', () => {
  assert.equal(chooseVectors(graph(), 4, null, 1).map((v) => v.kind), ['minimum', 'maximum', 'alternating', 'random']);
  const data = { count: 1, sample: () => [new Int8Array(4), new Int16Array(3)] };
  assert.is(chooseVectors(graph(), 6, data, 1).length, 6);
  for (const { inputs } of chooseVectors(graph(), 200, null, 1)) for (const code of inputs[0]) assert.ok(code >= -100 && code <= 90);
});

const manifest = { modelName: 'two', target: 'host', arenaBytes: 12, arenaAlignment: 4, steps: [], tensors: [{ id: 'a', offset: 0, bytes: 4, step: -1 }, { id: 'b', offset: 4, bytes: 6, step: -1 }], inputs: [{ name: 'a', tensor: 'a' }, { name: 'b', tensor: 'b' }], outputs: [{ name: 'a', tensor: 'a' }], sources: [] };

test('a project keeps its graph and vectors', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-archive-'));
  await mkdir(join(directory, 'test'));
  writeFileSync(join(directory, 'test/manifest.json'), JSON.stringify(manifest));
  const chosen = chooseVectors(graph(), 5, null, 3);
  await saveVerification(directory, graph(), chosen);
  const loaded = await loadVerification(directory);
  assert.equal(loaded.vectors, chosen);
  assert.equal([...loaded.graph.tensors.keys()], ['a', 'b']);
  assert.ok(existsSync(join(directory, 'test/harness/harness.c')));
  const file = readFileSync(join(directory, 'test/vectors.bin'));
  for (const [bytes, message] of [[Buffer.from('short'), /no file of vectors/], [file.subarray(0, 60), /ends within vector/], [Buffer.concat([file, file]), /follows its end/]] as const) {
    writeFileSync(join(directory, 'test/vectors.bin'), bytes);
    await rejects(directory, message);
  }
  rmSync(join(directory, 'test/vectors.bin'));
  await rejects(directory, /has no test\/vectors\.bin/);
  rmSync(directory, { recursive: true });
});

async function rejects(directory: string, message: RegExp): Promise<void> {
  try {
    await loadVerification(directory);
  } catch (error) {
    assert.instance(error, ModelFormatError);
    return assert.match((error as Error).message, message);
  }
  assert.unreachable();
}

test.run();
