/** Means and sums over adjacent axes of bytes: four columns at a time in 16-bit lanes, or four bytes of a row with USADA8. */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { integerAttribute } from '../attributes.js';
import { nodeTensors } from '../integer-checks.js';
import type { Kernel, KernelInstance } from '../kernel.js';
import { signedTerm } from '../views.js';

/** Most bytes whose sum fits a lane of 16 bits, a power of two that rounds divide. */
const MOST_TAPS = 256;
/** Words a round of the loops takes. */
const UNROLL = 4;

/** The input as [outer, count, inner], of which the middle is reduced; null where other axes lie between the reduced ones. */
export interface ReducedShape {
  readonly outer: number;
  readonly count: number;
  readonly inner: number;
}

export type ReducedAxes = (node: IntegerNode, rank: number) => readonly number[];

export function reducedShapeOf(axes: readonly number[], shape: readonly number[]): ReducedShape | null {
  const [first, last] = [axes[0]!, axes[axes.length - 1]!];
  if (last - first + 1 !== axes.length) return null;
  return { outer: elementCount(shape.slice(0, first)), count: elementCount(shape.slice(first, last + 1)), inner: elementCount(shape.slice(last + 1)) };
}

const words = (step: number) => Array.from({ length: step }, (_, index) => index);

/** `taps` rows of a column as loops: as many whole rounds as there are, then the rest. */
function partOf(taps: number, loops: number, unroll: number, inner: number) {
  return { loops: loops > 1 ? loops : 0, rounds: taps / unroll, stepBytes: unroll * inner, steps: words(unroll).map((index) => ({ index, offset: index * inner })) };
}

/** Parts of at most MOST_TAPS rows; what UNROLL does not divide comes row by row. */
function partsOf({ count, inner }: ReducedShape) {
  const [full, rest] = [Math.floor(count / MOST_TAPS), count % MOST_TAPS];
  const unrolled = rest - (rest % UNROLL);
  return [
    ...(full > 0 ? [partOf(MOST_TAPS, full, UNROLL, inner)] : []),
    ...(unrolled > 0 ? [partOf(unrolled, 1, UNROLL, inner)] : []),
    ...(rest > unrolled ? [partOf(rest - unrolled, 1, 1, inner)] : []),
  ];
}

/** The four sums of `even` and `odd` in C. */
function lanes(signed: boolean) {
  const low = (word: string) => `(${signed ? 'int16_t' : 'uint16_t'})${word}`;
  const high = (word: string) => (signed ? `(int32_t)${word} >> 16` : `(int32_t)(${word} >> 16)`);
  return [low('even'), low('odd'), high('even'), high('odd')].map((lane, index) => ({ index, lane, accumulator: `accumulator${index}` }));
}

function columns(base: KernelInstance, shape: ReducedShape, signed: boolean): KernelInstance {
  const suffix = signed ? 's8' : 'u8';
  const view = { ...base.view, ...shape, suffix, overlaps: shape.inner % 4 !== 0, lastGroup: shape.inner - 4, rowElements: shape.count * shape.inner, sums: lanes(signed), parts: partsOf(shape) };
  const support = [{ template: 'dsp/lanes', view: {} }, { template: 'dsp/byte-sums', view: { suffix, add: signed ? 'sxtab16' : 'uxtab16' } }];
  return { ...base, family: 'dsp', template: 'dsp/reduce-columns', view, support };
}

function rows(base: KernelInstance, node: IntegerNode, shape: ReducedShape, signed: boolean): KernelInstance {
  const unroll = [UNROLL, 2].find((n) => Math.floor(shape.count / 4) % n === 0) ?? 1;
  const offset = signedTerm(-(integerAttribute(node, 'inputZeroPoint') + (signed ? 128 : 0)) * shape.count);
  const view = { ...base.view, ...shape, signed, offset, rounds: Math.floor(shape.count / 4 / unroll), tail: shape.count % 4, stepBytes: 4 * unroll, steps: words(unroll).map((index) => ({ offset: 4 * index })) };
  return { ...base, family: 'dsp', template: 'dsp/reduce-rows', view, support: [{ template: 'dsp/lanes', view: {} }, { template: 'dsp/byte-total', view: {} }] };
}

export function dspReduce(portable: (node: IntegerNode, graph: IntegerGraph) => KernelInstance, axesOf: ReducedAxes): Kernel {
  const read = (node: IntegerNode, graph: IntegerGraph) => {
    const x = nodeTensors(node, graph, 1).inputs[0]!;
    return { x, shape: reducedShapeOf(axesOf(node, x.shape.length), x.shape) };
  };
  return {
    family: 'dsp',
    when({ features, graph, group: [node] }) {
      const { x, shape } = read(node!, graph);
      const bytes = x.type.bits <= 8 && !x.type.packed && !x.constant;
      if (!features.dsp || !features.unalignedAccess || !bytes || !shape || node!.attributes['function'] === 'max') return false;
      return shape.inner >= 4 || (shape.inner === 1 && shape.count >= 4);
    },
    instantiate({ graph, group: [node] }) {
      const { x, shape } = read(node!, graph);
      const base = portable(node!, graph);
      return shape!.inner === 1 ? rows(base, node!, shape!, x.type.signed) : columns(base, shape!, x.type.signed);
    },
  };
}
