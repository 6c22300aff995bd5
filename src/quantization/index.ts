/** Scales, multipliers, plans and their lowering to integers. */
export { planQuantization, type QuantizationOptions } from './plan.js';
export { narrowedText } from './wide.js';
export { chooseTerms } from './shift/choose-terms.js';
export type { TermsOf } from './shift/plan.js';
export { parseBits, type WidthOptions } from './widths.js';
export { availableMethods, refinePlan, requireMethod, type MethodContext, type QuantizationMethod } from './methods/index.js';
export { fileCheckpoint, type Checkpoint } from './reconstruction/checkpoint.js';
export { lowerGraph, parameterCount, type LowerOptions } from './lower.js';
export { withCodeArithmetic, type CodeGraph } from './code-graph.js';
export { fakeQuantConstants, fakeQuantTransform } from './fake-quant.js';
export { searchMigration, type ChannelRanges, type FoundMigration, type MigratedProduct } from './transformers/index.js';
export { proveNode } from './bounds.js';
export { proveRounding, roundingText, type RoundingProof } from './rounding-proof.js';
