/** Names the first differing element of a tensor, and the accumulator, multiplier and shift behind it. */
import type { ProjectManifest } from '../emit/manifest.js';
import type { Mismatch } from '../errors.js';
import { type Codes, type IntegerGraph, type IntegerNode, integerTensor, type Requantize } from '../graph/integer.js';
import { crc32 } from '../toolchains/index.js';
import type { Difference } from './compare.js';
import { bytesOf, codesOf, type Expected } from './expected.js';

/**
 * `difference.bytes` must hold the tensor's bytes; without them only the check sums are known, and the mismatch then
 * carries those and no index.
 */
export function describeDifference(difference: Difference, manifest: ProjectManifest, expected: Expected, target: string): Mismatch {
  const { graph } = expected;
  const tensor = manifest.tensors[difference.tensor];
  const node = graph.nodes.find((candidate) => candidate.outputs.includes(tensor.id));
  const { name, shape } = integerTensor(graph, tensor.id);
  const wanted = expected.tensors(difference.vector).get(tensor.id) as Codes;
  const common = { target, vector: difference.vector, tensor: name, node: node?.origin.nodeName ?? `input '${name}'` };
  const actual = difference.bytes && codesOf(difference.bytes, tensor);
  const flat = actual ? firstDifference(wanted, actual) : -1;
  if (!actual || flat < 0) return { ...common, index: [], expected: crc32(bytesOf(wanted)), actual: difference.crc32 };
  return {
    ...common,
    index: unravel(flat, shape),
    expected: wanted[flat],
    actual: actual[flat],
    ...scaling(expected, difference.vector, node, tensor.id, flat, graph),
  };
}

function firstDifference(a: Codes, b: Codes): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return i;
  return -1;
}

/** Flat index → one index an axis, row-major. */
export function unravel(flat: number, shape: readonly number[]): readonly number[] {
  const index: number[] = [];
  for (let axis = shape.length - 1, rest = flat; axis >= 0; axis--) {
    index.unshift(rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  return index;
}

function scaling(
  expected: Expected,
  vector: number,
  node: IntegerNode | undefined,
  tensor: string,
  flat: number,
  graph: IntegerGraph,
): Pick<Mismatch, 'accumulator' | 'multiplier' | 'shift'> {
  if (!node?.requantize) return {};
  const accumulator = expected.accumulator(vector, tensor, flat);
  if (accumulator === null) return {};
  const channels = integerTensor(graph, tensor).shape.at(-1) ?? 1;
  return { accumulator, ...multiplierAndShift(node.requantize, flat % channels) };
}

function multiplierAndShift(requantize: Requantize, channel: number): { multiplier: number; shift: number } {
  const pick = (values: readonly number[]): number => values[values.length === 1 ? 0 : channel];
  switch (requantize.mode) {
    case 'dyadicHigh':
      return { multiplier: pick(requantize.multiplier), shift: 32 };
    case 'shift':
      return { multiplier: 1, shift: pick(requantize.shift) };
    case 'csd': {
      const digits = requantize.digits[requantize.digits.length === 1 ? 0 : channel];
      return { multiplier: digits.reduce((sum, digit) => sum + digit.sign * 2 ** digit.exponent, 0), shift: pick(requantize.shift) };
    }
    default:
      return { multiplier: pick(requantize.multiplier), shift: pick(requantize.shift) };
  }
}
