/** Scales, multipliers, plans and their lowering to integers. */
export { lowerGraph, nominalMacs, parameterCount, type LowerOptions } from './lower.js';
export { proveNode } from './bounds.js';
