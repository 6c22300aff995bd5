/** The reference simulator: dependency-free, runs wherever JavaScript runs. */
export { allocateCodes, createSimulator, type Simulator } from './simulate.js';
export { requantizer, type Requantizer } from './requantize.js';
export type { Codes, IntegerGraph, IntegerNode, PreparedKernel, Requantize, SimKernel } from './kernel.js';
