/** Saved graphs come back equal; files that were changed by anybody do not come back at all. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FileError, IntegerGraphError } from '../../src/errors.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { loadIntegerGraph, saveIntegerGraph, serializeIntegerGraph } from '../../src/graph/serialize.js';
import { optimizeIntegerGraph } from '../../src/passes/integer/index.js';
import { Random } from '../support/integer-graphs.js';
import { RandomNetwork } from '../support/random-network.js';
import { sampleGraph, withTensor } from './sample.js';

const test = suite('integer graph files');
const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-graph-'));
const jsonPath = join(directory, 'sample.ptq.json');
const binPath = join(directory, 'sample.ptq.bin');
test.after(() => rmSync(directory, { recursive: true, force: true }));

function save(graph: IntegerGraph = sampleGraph()): { readonly json: string; readonly bin: Buffer } {
  saveIntegerGraph(graph, jsonPath);
  return { json: readFileSync(jsonPath, 'utf8'), bin: readFileSync(binPath) };
}

test('a graph comes back equal, field by field', () => {
  save();
  assert.equal(loadIntegerGraph(jsonPath), sampleGraph());
});

test('random networks come back equal, before and after exact folding', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { graph } = new RandomNetwork(new Random(seed)).build();
    for (const each of [graph, optimizeIntegerGraph(graph).graph]) {
      save(each);
      assert.equal(loadIntegerGraph(jsonPath), each, `seed ${seed}`);
    }
  }
});

test('every lane width and signedness comes back', () => {
  const lanes = [
    { data: Int8Array.of(-8, 7, 0, 1), bits: 4, signed: true },
    { data: Uint8Array.of(0, 255, 1, 2), bits: 8, signed: false },
    { data: Int16Array.of(-32768, 32767, 258, -2), bits: 16, signed: true },
    { data: Uint16Array.of(0, 65535, 258, 1), bits: 16, signed: false },
    { data: Int32Array.of(-2147483648, 2147483647, 16909060, -1), bits: 32, signed: true },
  ] as const;
  const graph = lanes.reduce((g, { data, bits, signed }, i) => {
    const codeRange: [number, number] = [Math.min(...data), Math.max(...data)];
    const id = `k${i}`;
    return withTensor(g, id, { ...g.tensors.get('w')!, id, name: id, shape: [2, 2], type: { bits, signed, packed: false }, codeRange, constant: { encoding: { kind: 'affine' }, data } });
  }, sampleGraph());
  save(graph);
  assert.equal(loadIntegerGraph(jsonPath), graph);
});

test('weights with channels of negative scales come back', () => {
  const real = { kind: 'affine', scale: [0.5, -0.25, 1, -2], zeroPoint: [0, 0, 0, 0], axis: 0 } as const;
  const graph = withTensor(sampleGraph(), 'w', { real });
  save(graph);
  assert.equal(loadIntegerGraph(jsonPath).tensors.get('w')!.real, real);
});

test('the files do not depend on the order in which objects were built', () => {
  const graph = sampleGraph();
  const backwards = (value: unknown): unknown => {
    if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value) || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).reverse().map(([k, v]) => [k, backwards(v)]));
  };
  const reversed: IntegerGraph = { ...graph, nodes: graph.nodes.map((n) => backwards(n) as typeof n), tensors: new Map([...graph.tensors].map(([id, t]) => [id, backwards(t) as typeof t])) };
  const [a, b] = [serializeIntegerGraph(graph, 'sample.ptq.bin'), serializeIntegerGraph(reversed, 'sample.ptq.bin')];
  assert.is(b.json, a.json);
  assert.equal(b.bin, a.bin);
});

test('constants start at multiples of 16 bytes', () => {
  const { json } = save();
  const offsets = [...json.matchAll(/"offset":(\d+)/g)].map((m) => Number(m[1]));
  assert.is(offsets.length, 4);
  assert.ok(offsets.every((o) => o % 16 === 0));
});

test('nothing half-written stays behind', () => {
  assert.throws(() => saveIntegerGraph(sampleGraph(), join(directory, 'nowhere', 'x.ptq.json')), (e: unknown) => e instanceof FileError && /cannot write/.test(e.message));
  save();
  assert.equal(readdirSync(directory).sort(), ['sample.ptq.bin', 'sample.ptq.json']);
});

test('a missing file is a FileError', () => {
  assert.throws(() => loadIntegerGraph(join(directory, 'missing.ptq.json')), (e: unknown) => e instanceof FileError);
});

/** What is done to the text, and what the error must name. */
const damages: readonly (readonly [string, (json: string) => string, RegExp])[] = [
  ['cut off', (j) => j.slice(0, j.length / 2), /not JSON/],
  ['another schema', (j) => j.replace('ptq-gen/integer-graph', 'other'), /schema/],
  ['another version', (j) => j.replace('"version": 1', '"version": 2'), /version/],
  ['an unknown field', (j) => j.replace('"name": "sample"', '"name": "sample", "more": 1'), /more/],
  ['a fractional zero point', (j) => j.replace('"zeroPoint":5', '"zeroPoint":5.5'), /requantize\.zeroPoint/],
  ['a fractional attribute', (j) => j.replace('"inputZeroPoint":-3', '"inputZeroPoint":-3.5'), /attributes/],
  ['an unknown mode', (j) => j.replace('"mode":"dyadic"', '"mode":"magic"'), /mode/],
  ['a shift out of range', (j) => j.replace('"shift":[40,', '"shift":[70,'), /shift\[0\]/],
  ['a type of 9 bits', (j) => j.replace('"bits":8', '"bits":9'), /bits/],
  ['a misaligned constant', (j) => j.replace('"offset":112', '"offset":113'), /113 is no multiple of 16/],
  ['overlapping constants', (j) => j.replace('"offset":112', '"offset":96'), /lies inside/],
  ['a constant behind the end', (j) => j.replace('"offset":368', '"offset":36800'), /ends at byte 36808 of a \.bin of 376/],
  ['a constant of another length', (j) => j.replace('"bytes":108', '"bytes":107'), /107, shape and type need 108/],
  ['a bin of another name', (j) => j.replace('"file":"sample.ptq.bin"', '"file":"../../etc/passwd"'), /bin\.file/],
  ['another digest', (j) => j.replace(/"sha256":"[0-9a-f]{64}"/, `"sha256":"${'0'.repeat(64)}"`), /digest/],
  ['another bound', (j) => j.replace(/"accumulator":\[\[(-?\d+),/, '"accumulator":[[-1,'), /bounds\.accumulator\[0\]/],
  ['an unknown operator', (j) => j.replace('"op":"dense"', '"op":"denser"'), /denser/],
  ['a tensor that is read before it is written', (j) => j.replace('"inputs":["flat"', '"inputs":["z"'), /before anything writes it/],
  ['a tensor that does not exist', (j) => j.replace('"inputs":["flat"', '"inputs":["flatter"'), /flatter/],
];
for (const [name, damage, reason] of damages) {
  test(`refused: ${name}`, () => {
    const { json } = save();
    const damaged = damage(json);
    assert.is.not(damaged, json, 'the damage did nothing');
    writeFileSync(jsonPath, damaged);
    assert.throws(() => loadIntegerGraph(jsonPath), (e: unknown) => {
      assert.instance(e, IntegerGraphError);
      assert.match((e as Error).message, 'sample.ptq');
      assert.match((e as Error).message, reason);
      return true;
    });
  });
}

test('refused: a .bin with one changed bit, a cut one, none', () => {
  const { bin } = save();
  const changed = Buffer.from(bin);
  changed[3]! ^= 1;
  writeFileSync(binPath, changed);
  assert.throws(() => loadIntegerGraph(jsonPath), /digest/);
  writeFileSync(binPath, bin.subarray(0, 50));
  assert.throws(() => loadIntegerGraph(jsonPath), /has 50 bytes/);
  rmSync(binPath);
  assert.throws(() => loadIntegerGraph(jsonPath), (e: unknown) => e instanceof FileError);
});

test.run();
