/** Every operator has a form without multiplication, for speed and for size: proven in the disassembly, and bit by bit the simulator's. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitProject, writeProject } from '../../../src/emit/index.js';
import { allOperators } from '../../../src/operators/index.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { brokenPromises, verifyProject } from '../../../src/verify/index.js';
import { everyShiftOperator } from '../../support/every-shift-operator.js';
import { availableTargetIds } from '../../support/firmware.js';
import { mergeGraphs } from '../../support/merge-graphs.js';

const test = suite('every operator without multiplication');

const cases = everyShiftOperator();
const VECTORS = 2;
const merged = { ...mergeGraphs(cases.map(({ graph }) => graph)), provenance: { ...cases[0]!.graph.provenance, arith: 'shift' } };
const vectors = Array.from({ length: VECTORS }, (_, v) => cases.flatMap(({ inputs }) => inputs[v % inputs.length]!));

test('the list is whole', () => {
  const tested = new Set(merged.nodes.map(({ op }) => op));
  assert.equal(allOperators().filter(({ name, integer }) => integer !== undefined && !tested.has(name)).map(({ name }) => name), []);
});

const BUILDS = [['host', 'flash'], ['cortex-m0plus', 'speed'], ['cortex-m0plus', 'flash'], ['rv32ec', 'flash'], ['rv32ec', 'ram']] as const;

for (const [id, optimize] of BUILDS) {
  if (!availableTargetIds().includes(id)) continue;
  test(`${id}, for ${optimize}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-every-operator-'));
    try {
      const schedule = buildSchedule(merged, findTarget(id), { ...DEFAULT_SCHEDULE_OPTIONS, optimize });
      await writeProject(emitProject(schedule, { commandLine: 'test' }), folder);
      const result = await verifyProject(folder, merged, findTarget(id), vectors);
      assert.is(result.mismatch, null);
      assert.equal(brokenPromises(result.proofs!, true), []);
      assert.is(result.proofs!.noMultiply, true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test.run();
