/** Options that contradict each other or change nothing are refused by name; what the tool lacks is never silently accepted. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { budgetText, UsageError } from '../src/errors.js';
import { checkCombinations, decidedAlready, refuseFloatOptions } from '../src/option-checks.js';
import { type GivenOptions, resolveOptions } from '../src/options.js';
import { availableMethods } from '../src/quantization/index.js';
import { findTarget, targets } from '../src/targets/index.js';

const test = suite('option checks');
const options = (given: GivenOptions) => resolveOptions({ model: 'model.onnx', target: 'host', ...given });

function refused(work: () => unknown, ...messages: readonly RegExp[]): void {
  try {
    work();
  } catch (error) {
    assert.instance(error, UsageError);
    for (const message of messages) assert.match(`${(error as UsageError).message}\n${(error as UsageError).hint}`, message);
    return;
  }
  assert.unreachable(`nothing was said: ${messages.join(', ')}`);
}

test('methods and targets of the contract that are not there yet are named', () => {
  for (const method of ['ptq4vit', 'os-plus', 'ptq4dm', 'denseshift', 'magic']) {
    if (!availableMethods().some((m) => m.name === method)) refused(() => checkCombinations(options({ method })), new RegExp(`'${method}' is not available`), /nearest/);
  }
  for (const target of ['rv32ec', 'attiny85', 'cuda', 'z80']) if (!targets.some((t) => t.id === target)) refused(() => findTarget(target), new RegExp(`unknown target '${target}'`), /cortex-m7/);
});

test('options without their partner', () => {
  refused(() => checkCombinations(options({ labels: 'y.npy' })), /--labels/, /--eval/);
  refused(() => checkCombinations(options({ minAccuracy: 0.9 })), /--min-accuracy/, /--eval/);
  refused(() => checkCombinations(options({ maxInstructions: 9, run: false })), /--max-instructions/, /--no-run/);
  refused(() => checkCombinations(options({ terms: 'auto' })), /--terms/, /--arith shift/);
  refused(() => checkCombinations(options({ arith: 'shift', bits: 'auto' })), /--bits auto/, /--terms auto/);
  checkCombinations(options({ labels: 'y.npy', eval: 'x.npy', minAccuracy: 0.9, maxInstructions: 9 }));
});

test('an already quantized file takes no option that shapes integers', () => {
  refuseFloatOptions('model', options({}));
  refuseFloatOptions('model', options({ arith: 'dyadic', vectors: 3, calib: 'x.npy' }));
  const shaping: readonly [GivenOptions, RegExp][] = [
    [{ bits: 'w4a8' }, /--bits w4a8/],
    [{ method: 'brecq' }, /--method brecq/],
    [{ observer: 'kl' }, /--observer kl/],
    [{ edgeBits: 4 }, /--edge-bits 4/],
    [{ layerBits: { conv: 'w4a8' } }, /layerBits/],
  ];
  for (const [given, message] of shaping) refused(() => refuseFloatOptions('model', options(given)), /'model' is already quantized/, message);
});

test('a saved integer graph says what changes nothing', () => {
  assert.equal(decidedAlready(options({})), []);
  assert.match(decidedAlready(options({ bits: 'w4a8', arith: 'dyadic' })).join(), /--bits w4a8, --arith dyadic changes nothing/);
});

test('a budget that nobody could check says so', () => {
  assert.is(budgetText({ name: 'instructions', limit: 9, actual: Number.NaN }), 'instructions: not measured on this target, against a limit of 9');
  assert.is(budgetText({ name: 'ram', limit: 9, actual: 11 }), 'ram: 11 against a limit of 9 (off by 2)');
});

test.run();
