/** group-norm without multiplication and division: the arithmetic of shift/layer-norm.ts on groups of channels. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelInstance } from '../kernel.js';
import { shiftLayerNorm } from './layer-norm.js';

/** `portable`: the view of the kernel that multiplies. */
export function shiftGroupNorm(portable: (node: IntegerNode, graph: IntegerGraph) => KernelInstance): Kernel {
  const rows = shiftLayerNorm(portable);
  return { ...rows, instantiate: (context) => ({ ...rows.instantiate(context), template: 'shift/group-norm' }) };
}
