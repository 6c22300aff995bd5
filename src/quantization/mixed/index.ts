/** Mixed precision: which layer gets how many bits under a budget (HAWQ-V3, Yao et al., 2021). */
export { allocate, uniformAllocation, type Allocation, type AllocationProblem, type WidthChoice } from './allocate.js';
export { allWidths, layerWidthsOf, mixedBlocks, nearestWidth, type Block, type MixedLayer } from './blocks.js';
export { isAuto, limitOf, parseBudgets, type AutoBits, type Budget, type Costs, type Resource } from './budget.js';
export { paretoFront, type ParetoPoint } from './pareto.js';
export { blockSensitivities, type BlockSensitivity, type ByWidth } from './sensitivity.js';
