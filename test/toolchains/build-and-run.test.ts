import { rmSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BuildError, RunError } from '../../src/errors.js';
import { findTarget, targets } from '../../src/targets/index.js';
import { buildProgram, buildProject, crc32, missingTools, parseLog, runBuild } from '../../src/toolchains/index.js';
import { handWrittenInputs, handWrittenTensors, handWrittenVectors, writeHandWrittenModel } from '../support/hand-written-model.js';
import { availableTargetIds } from '../support/firmware.js';

const test = suite('build and run');
const bytesOf = (codes: Int8Array): Uint8Array => new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);

for (const target of targets) {
  if (target.language !== 'c' || missingTools(target).length > 0) continue;
  const variants = target.isa === 'native' ? (['trace', 'release', 'sanitize'] as const) : (['trace', 'release'] as const);
  test(`${target.id}: every tensor and output of a hand-written model`, async () => {
    const model = await writeHandWrittenModel();
    for (const variant of variants) {
      const build = await buildProject(model.directory, target, variant, model.manifest);
      assert.is(build.warnings, '');
      const run = await runBuild(build, handWrittenVectors(), { count: variant === 'release' });
      const log = run.log.get('tiny');
      for (const [vector, x] of handWrittenInputs.entries()) {
        const [h, y] = handWrittenTensors(x);
        assert.equal(new Int8Array(log?.outputs.get(vector) ?? []), y);
        if (variant === 'release') continue;
        const expected = [Int8Array.from(x), h, y].map((codes) => crc32(bytesOf(codes)));
        assert.equal([...(log?.tensors.get(vector)?.values() ?? [])], expected);
      }
      if (variant !== 'release') continue;
      if (target.runner.kind !== 'qemu') assert.is(run.counts, null);
      else {
        assert.is(run.counts?.runs.length, 2);
        const { total, steps } = run.counts?.runs[0] ?? { total: 0, steps: null };
        assert.is(steps?.length, 2);
        assert.ok(total > 60 && total < 400, `${total} instructions`);
        assert.is((steps ?? []).reduce((a, b) => a + b, 0), total);
        assert.is([...(run.counts?.histogram.values() ?? [])].reduce((a, b) => a + b, 0), total);
      }
    }
    rmSync(model.directory, { recursive: true });
  });
}

test('several models in one program, and the dump of one tensor', async () => {
  const host = findTarget('host');
  const models = [await writeHandWrittenModel({ name: 'one' }), await writeHandWrittenModel({ name: 'two', second: 'x' })];
  const build = await buildProgram(models, host, 'trace', { workDirectory: `${models[0].directory}/build` });
  const vectors = [0, 1].flatMap((model) => handWrittenVectors().map((vector) => ({ ...vector, model })));
  const { log } = await runBuild(build, vectors, { dump: { vector: 1, tensor: 1 } });
  const [h] = handWrittenTensors(handWrittenInputs[1]);
  assert.equal(new Int8Array(log.get('two')?.outputs.get(1) ?? []), h);
  assert.equal(new Int8Array(log.get('one')?.dump?.bytes ?? []), h);
  for (const model of models) rmSync(model.directory, { recursive: true });
});

test('a source that does not compile is a BuildError with the command', async () => {
  const model = await writeHandWrittenModel({ second: 'nonsense' });
  await assertRejects(buildProject(model.directory, findTarget('host'), 'trace', model.manifest), BuildError, /gcc .*-c/);
  rmSync(model.directory, { recursive: true });
});

test('writing behind the arena is noticed on the emulator and by the sanitizer', async () => {
  for (const [id, variant] of [['host', 'sanitize'], ['cortex-m7', 'trace']] as const) {
    if (!availableTargetIds().includes(id)) continue;
    const model = await writeHandWrittenModel({ second: '(out[8 + 3 * i] = 1, x)' });
    const build = await buildProject(model.directory, findTarget(id), variant, model.manifest);
    await assertRejects(runBuild(build, handWrittenVectors()), RunError, variant === 'trace' ? /behind the end of the arena/ : /overflow|out of bounds|exit code/);
    rmSync(model.directory, { recursive: true });
  }
});

test('an unaligned load faults on the Cortex-M0 as on the real one', async () => {
  if (!availableTargetIds().includes('cortex-m0')) return;
  const model = await writeHandWrittenModel({ second: '*(const volatile int32_t *)(const void *)(in + 1) + x' });
  const build = await buildProject(model.directory, findTarget('cortex-m0'), 'release', model.manifest);
  await assertRejects(runBuild(build, handWrittenVectors()), RunError, /faulted[\s\S]*fault at 0x[0-9a-f]{8}/);
  rmSync(model.directory, { recursive: true });
});

test('an endless loop ends with the time limit', async () => {
  const model = await writeHandWrittenModel({ second: '({ while (((volatile const int8_t *)in)[0] != 77) {} x; })' });
  const build = await buildProject(model.directory, findTarget('host'), 'release', { ...model.manifest }, { flags: ['-Wno-pedantic'] });
  await assertRejects(runBuild(build, handWrittenVectors(), { timeoutMs: 500 }), RunError, /time limit/);
  rmSync(model.directory, { recursive: true });
});

test('a log without its end, or with a changed line, is a RunError', () => {
  const lines = ['PTQ1 M tiny', 'PTQ1 O 0 0 0011ff'];
  const end = `PTQ1 END ${crc32(Buffer.from(`${lines.join('\n')}\n`)).toString(16).padStart(8, '0')}`;
  const good = ['boot 1.0', ...lines.map((l) => `[0.1] ${l}\r`), 'noise', end].join('\n');
  assert.equal(parseLog(good, 'x').get('tiny')?.outputs.get(0), Uint8Array.from(Buffer.from([0, 17, 255])));
  assert.throws(() => parseLog(lines.join('\n'), 'x'), /without 'PTQ1 END'/);
  assert.throws(() => parseLog(good.replace('0011ff', '0011fe'), 'x'), /damaged/);
  assert.throws(() => parseLog('', 'x'), /printed nothing/);
});

async function assertRejects(promise: Promise<unknown>, kind: new (...args: never[]) => Error, message: RegExp): Promise<void> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, kind);
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable('should have been rejected');
}

test.run();
