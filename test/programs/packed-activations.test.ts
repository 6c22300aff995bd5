/** Activations of 2 to 4 bits that lie packed between strips give the bits of the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Codes } from '../../src/graph/integer.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../src/schedule/index.js';
import { type PackedRows, packedTensors } from '../../src/schedule/strips/packed-rows.js';
import { findTarget } from '../../src/targets/index.js';
import { expectFirmwareMatchesSimulator, type FirmwareCase } from '../support/firmware.js';
import { FEW_BITS, ImageNetwork } from '../support/image-network.js';
import { Random } from '../support/integer-graphs.js';

const test = suite('packed activations on targets');

interface PackedCase extends FirmwareCase {
  readonly packed: readonly PackedRows[];
}

/** Networks of which at least one tensor lies packed on the target; all-lowest, all-highest and random inputs. */
function cases(count: number, first: number, targetId: string, channels: number): readonly PackedCase[] {
  const found: PackedCase[] = [];
  for (let seed = first; found.length < count; seed++) {
    const random = new Random(seed);
    const graph = new ImageNetwork(random, `seed${seed}`, channels, FEW_BITS, 1).build();
    const { steps } = buildSchedule(graph, findTarget(targetId), { ...DEFAULT_SCHEDULE_OPTIONS, optimize: 'ram' });
    const packed = [...packedTensors(steps).values()];
    if (packed.length === 0) continue;
    const length = graph.tensors.get('x')!.shape.reduce((n, d) => n * d, 1);
    const fill = (code: () => number): Codes[] => [Int8Array.from({ length }, code)];
    found.push({ name: `seed ${seed}`, graph, packed, inputs: [fill(() => -128), fill(() => 127), fill(() => random.integer(-128, 127)), fill(() => random.integer(-128, 127))] });
  }
  return found;
}

/** First seed, and channels of the first cases: 3 makes rows that are no whole words (the planner finds few such on the Cortex-M55). */
const TARGETS: readonly (readonly [string, number, number])[] = [['host', 0, 3], ['cortex-m0plus', 1000, 3], ['cortex-m7', 2000, 3], ['cortex-m55', 3000, 8], ['rv32imc', 4000, 3]];

for (const [target, seed, channels] of TARGETS) {
  test(`${target}: random networks, rows of whole words${channels === 3 ? ' and odd rows' : ''}`, async () => {
    const all = [...cases(2, seed, target, channels), ...cases(2, seed + 500, target, 8)];
    assert.ok(all.some(({ packed }) => packed.some((rows) => rows.words)));
    if (channels === 3) assert.ok(all.some(({ packed }) => packed.some((rows) => !rows.words)));
    await expectFirmwareMatchesSimulator(all, [target], { optimize: 'ram' });
  });
}

test.run();
