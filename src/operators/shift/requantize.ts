/**
 * Requantization by one shift a channel. Half of the divisor, the zero points of input and output join the bias, so that
 * a code is clamp(sum >> places): floor((a + 2^(n−1)) / 2^n) + z = floor((a + 2^(n−1) + z·2^n) / 2^n).
 */
import type { IntegerNode } from '../../graph/integer.js';
import type { LinearTensors } from '../linear/integer.js';
import { foldedBias } from '../linear/kernels.js';

export interface ShiftRequantize {
  /** One a channel. */
  readonly places: readonly number[];
  /** [classes][channels]. */
  readonly bias: Int32Array;
}

/** Null where the node is requantized otherwise, or the folded sum may leave 32 bits. `sums`: Σw of every channel. */
export function shiftRequantize(node: IntegerNode, t: LinearTensors, sums: readonly number[]): ShiftRequantize | null {
  const requantize = node.requantize!;
  if (requantize.mode !== 'shift' || (requantize.rounding !== 'halfUp' && requantize.rounding !== 'floor') || !node.bounds) return null;
  const { shift, rounding, zeroPoint } = requantize;
  const places = sums.map((_, c) => shift[shift.length === 1 ? 0 : c]!);
  const added = places.map((n) => zeroPoint * 2 ** n + (rounding === 'halfUp' && n > 0 ? 2 ** (n - 1) : 0));
  const { accumulator } = node.bounds;
  const holds = (value: number) => value >= -(2 ** 31) && value < 2 ** 31;
  const fits = added.every((a, c) => accumulator[accumulator.length === 1 ? 0 : c]!.every((bound) => holds(bound + a)));
  if (!fits) return null;
  const folded = foldedBias(node, t, sums);
  return { places, bias: folded.map((b, i) => b + added[i % added.length]!) };
}

export interface ListRequantize extends ShiftRequantize {
  /** Rounding and zero point of the output are in the bias. */
  readonly folded: boolean;
  /** What is left to add to the rounded sum. */
  readonly zeroPoint: number;
}

/** The same, and where the folded sum may leave 32 bits a rounding of its own. Null where no shift does it. */
export function listRequantize(node: IntegerNode, t: LinearTensors, sums: readonly number[]): ListRequantize | null {
  const folded = shiftRequantize(node, t, sums);
  if (folded) return { ...folded, folded: true, zeroPoint: 0 };
  const requantize = node.requantize!;
  if (requantize.mode !== 'shift' || requantize.rounding !== 'halfUp') return null;
  const { shift, zeroPoint } = requantize;
  return { places: sums.map((_, c) => shift[shift.length === 1 ? 0 : c]!), bias: foldedBias(node, t, sums), folded: false, zeroPoint };
}
