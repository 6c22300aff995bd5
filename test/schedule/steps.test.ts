import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { UnsupportedOperatorError, UsageError } from '../../src/errors.js';
import type { Kernel } from '../../src/operators/kernel.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../src/schedule/index.js';
import { buildSteps } from '../../src/schedule/steps.js';
import { findTarget } from '../../src/targets/index.js';
import { HandGraph } from '../support/hand-graph.js';

const test = suite('schedule/steps');
const host = findTarget('host');
const m7 = findTarget('cortex-m7');

/** x → a → b → c; with `peek`, a is an output too. */
function chain(peek = false) {
  return new HandGraph()
    .activation('x', [4]).activation('a', [4]).activation('b', [4]).activation('c', [4])
    .node('one', ['x'], ['a']).node('two', ['a'], ['b']).node('two', ['b'], ['c'])
    .build(['x'], peek ? ['a', 'c'] : ['c']);
}

function kernel(family: string, stem: string, nodes = 1, when: Kernel['when'] = () => true): Kernel {
  return {
    family,
    nodes,
    when,
    instantiate: ({ group }) => ({
      family, template: stem, stem, view: {}, scratchBytes: 0, scalars: [],
      arguments: [{ kind: 'input', tensor: group[0]!.inputs[0]! }, { kind: 'output', tensor: group.at(-1)!.outputs[0]! }],
    }),
  };
}

const stems = (kernels: Readonly<Record<string, readonly Kernel[]>>, target = host, peek = false, family = 'auto') => {
  const options = { ...DEFAULT_SCHEDULE_OPTIONS, kernels: family };
  const { steps, unobserved } = buildSteps(chain(peek), target, options, new Map(), (op) => kernels[op] ?? []);
  return { stems: steps.map((s) => s.kernel.stem), sizes: steps.map((s) => s.nodes.length), unobserved };
};

test('families in the order of the target, kernels best first, the first that fits', () => {
  const kernels = { one: [kernel('portable', 'p'), kernel('dsp', 'no', 1, () => false), kernel('dsp', 'd')], two: [kernel('portable', 'q')] };
  assert.equal(stems(kernels, host).stems, ['p', 'q', 'q']);
  assert.equal(stems(kernels, m7).stems, ['d', 'q', 'q']);
  assert.equal(stems(kernels, m7, false, 'portable').stems, ['p', 'q', 'q']);
});

test('a kernel takes a group; its inner tensors are never seen', () => {
  const kernels = { one: [kernel('portable', 'pair', 2), kernel('portable', 'p')], two: [kernel('portable', 'q')] };
  assert.equal(stems(kernels), { stems: ['pair', 'q'], sizes: [2, 1], unobserved: ['a'] });
});

test('no group where somebody else reads an inner tensor', () => {
  const kernels = { one: [kernel('portable', 'pair', 2), kernel('portable', 'p')], two: [kernel('portable', 'q')] };
  assert.equal(stems(kernels, host, true).stems, ['p', 'q', 'q']);
});

test('every node without a kernel is named at once', () => {
  assert.throws(() => stems({ one: [kernel('portable', 'p')] }), (error: UnsupportedOperatorError) => error instanceof UnsupportedOperatorError && error.nodes.length === 2 && /two_1[\s\S]*two_2/.test(error.message));
});

test('a family that the target lacks is a usage error', () => {
  assert.throws(() => stems({}, host, false, 'mve'), (error: Error) => error instanceof UsageError && /host has no kernel family 'mve'/.test(error.message));
});

test('an output that is a constant is refused by name', () => {
  const graph = new HandGraph().activation('x', [2]).constant('k', [2], new Int8Array([1, 2])).activation('y', [2]).node('reshape', ['k'], ['y'], { shape: [2] }).build(['x'], ['y']);
  assert.throws(() => buildSchedule(graph, host), /output 'y' is the constant 'k'/);
});

test.run();
