/** Layers run strip by strip give the bits of the simulator; the tensors between them are checked with fusion off. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Codes } from '../../src/graph/integer.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { expectFirmwareMatchesSimulator, type FirmwareCase } from '../support/firmware.js';
import { ImageNetwork } from '../support/image-network.js';
import { Random } from '../support/integer-graphs.js';

const test = suite('strips on targets');

/** Networks of which at least one step runs in strips on the target; all-lowest, all-highest, alternating and random inputs. */
function cases(count: number, first: number, targetId: string, channels: number): readonly FirmwareCase[] {
  const found: FirmwareCase[] = [];
  for (let seed = first; found.length < count; seed++) {
    const random = new Random(seed);
    const graph = new ImageNetwork(random, `seed${seed}`, channels).build();
    const { steps } = buildSchedule(graph, findTarget(targetId), { ...DEFAULT_SCHEDULE_OPTIONS, optimize: 'ram' });
    if (!steps.some((s) => s.strips)) continue;
    const length = graph.tensors.get('x')!.shape.reduce((n, d) => n * d, 1);
    const fill = (code: (i: number) => number): Codes[] => [Int8Array.from({ length }, (_, i) => code(i))];
    found.push({ name: `seed ${seed}`, graph, inputs: [fill(() => -128), fill(() => 127), fill((i) => (i % 2 === 0 ? -128 : 127)), fill(() => random.integer(-128, 127))] });
  }
  return found;
}

test('random networks in strips, with sanitizers and on the emulator', async () => {
  await expectFirmwareMatchesSimulator(cases(14, 100, 'host', 4), ['host'], { optimize: 'ram' });
  await expectFirmwareMatchesSimulator(cases(14, 200, 'cortex-m7', 4), ['cortex-m7'], { optimize: 'ram' });
  await expectFirmwareMatchesSimulator(cases(6, 300, 'cortex-m7', 3), ['cortex-m7', 'cortex-m0'], { optimize: 'ram' });
});

test('the same networks with fusion off: every tensor exists and is right', async () => {
  await expectFirmwareMatchesSimulator(cases(6, 200, 'cortex-m7', 4), ['cortex-m7'], { optimize: 'speed' });
});

test('outputs overlap inputs in most of these networks', () => {
  const overlapping = cases(20, 400, 'host', 4).filter(({ graph }) => {
    const { arena, steps } = buildSchedule(graph, findTarget('host'), { ...DEFAULT_SCHEDULE_OPTIONS, optimize: 'ram' });
    return steps.some((s) => s.reads.some((r) => s.writes.some((w) => {
      const [read, write] = [arena.offsets.get(r)!, arena.offsets.get(w)!];
      return read < write + arena.lifetimes.get(w)!.bytes && write < read + arena.lifetimes.get(r)!.bytes;
    })));
  });
  assert.ok(overlapping.length >= 10, `${overlapping.length} of 20`);
});

test.run();
