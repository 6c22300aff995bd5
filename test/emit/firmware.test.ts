/** Projects of odd shape, built and run: aliases of inputs and outputs, outputs that are read again, constants as operands. */
import { suite } from 'uvu';
import type { Codes, IntegerGraph } from '../../src/graph/integer.js';
import { expectFirmwareMatchesSimulator, type FirmwareCase } from '../support/firmware.js';
import { HandGraph, S8, seededCodes } from '../support/hand-graph.js';

const test = suite('emit/firmware');
const TARGETS = ['host', 'cortex-m0', 'cortex-m55'];
const clampTo = (low: number, high: number) => ({ clamp: [low, high] });
const S16 = { bits: 16, signed: true, packed: false } as const;

function firmwareCase(name: string, graph: IntegerGraph): FirmwareCase {
  const codes = (seed: number): readonly Codes[] =>
    graph.inputs.map((port, i) => {
      const { shape, type, codeRange } = graph.tensors.get(port.tensor)!;
      const count = shape.reduce((a, b) => a * b, 1);
      return seededCodes(type.bits === 16 ? new Int16Array(count) : new Int8Array(count), codeRange[0], codeRange[1], seed + i);
    });
  return { name, graph, inputs: [codes(1), codes(100), codes(200), codes(300)] };
}

/** t = [state, x]; the next state is its end; a second state remembers the first. */
function streaming(): IntegerGraph {
  return new HandGraph().activation('x', [4]).activation('s', [6]).activation('older', [6]).activation('t', [10]).activation('n', [6]).activation('y', [6])
    .node('concat', ['s', 'x'], ['t'], { axis: 0 })
    .node('slice', ['t'], ['n'], { starts: [4], sizes: [6], steps: [1] })
    .node('clamp', ['older'], ['y'], clampTo(-50, 50))
    .build(['x'], ['y', 't'], [{ read: 's', write: 'n', initial: -7 }, { read: 'older', write: 's', initial: 3 }]);
}

const cases: readonly FirmwareCase[] = [
  firmwareCase('an output that is the input under another shape', new HandGraph().activation('x', [4, 6]).activation('y', [24]).node('reshape', ['x'], ['y'], { shape: [24] }).build(['x'], ['y'])),
  firmwareCase('a chain of reshapes to an output', new HandGraph().activation('x', [4, 6]).activation('h', [4, 6]).activation('r', [24]).activation('y', [2, 12])
    .node('clamp', ['x'], ['h'], clampTo(-5, 50)).node('reshape', ['h'], ['r'], { shape: [24] }).node('reshape', ['r'], ['y'], { shape: [2, 12] }).build(['x'], ['y'])),
  firmwareCase('an output that is read again, in place', new HandGraph().activation('x', [9]).activation('a', [9]).activation('b', [9]).activation('c', [9])
    .node('clamp', ['x'], ['a'], clampTo(-100, 100)).node('clamp', ['a'], ['b'], clampTo(-50, 50)).node('clamp', ['b'], ['c'], clampTo(-20, 20)).build(['x'], ['a', 'c'])),
  firmwareCase('one tensor under two output names, and an input as output', new HandGraph().activation('x', [5]).activation('y', [5]).node('clamp', ['x'], ['y'], clampTo(0, 9)).build(['x'], ['y', 'x', 'y'])),
  firmwareCase('16-bit codes', new HandGraph().activation('x', [7], S16).activation('y', [7], S16).node('clamp', ['x'], ['y'], clampTo(-3000, 3000)).build(['x'], ['y'])),
  firmwareCase('two inputs of odd sizes', new HandGraph().activation('a', [3]).activation('b', [5], S8).activation('c', [3]).activation('d', [5])
    .node('clamp', ['b'], ['d'], clampTo(-9, 9)).node('clamp', ['a'], ['c'], clampTo(-9, 9)).build(['a', 'b'], ['c', 'd'])),
  firmwareCase('a streaming network that keeps its last six values, and the ones before', streaming()),
];

test('every tensor equals the simulator', () => expectFirmwareMatchesSimulator(cases, TARGETS));
test('the same with inputs kept', () => expectFirmwareMatchesSimulator(cases, ['host'], { keepInput: true }));

test.run();
