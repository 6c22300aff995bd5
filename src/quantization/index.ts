/** Scales, multipliers, plans and their lowering to integers. */
export { planQuantization, parseBits, type QuantizationOptions } from './plan.js';
export { availableMethods, refinePlan, requireMethod, type MethodContext, type QuantizationMethod } from './methods/index.js';
export { lowerGraph, nominalMacs, parameterCount, type LowerOptions } from './lower.js';
export { fakeQuantConstants, fakeQuantTransform } from './fake-quant.js';
export { proveNode } from './bounds.js';
