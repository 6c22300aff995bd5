/** The simulator's seam: one loop nest an operator, prepared once a node, run once a sample. Only types come from src. */
import type { Codes, IntegerGraph, IntegerNode } from '../src/graph/integer.js';

export type { Codes, IntegerGraph, IntegerNode, Requantize } from '../src/graph/integer.js';

/**
 * Computes one sample. `inputs` and `outputs` are the node's tensors in order, constants included, row-major, one lane a
 * code. Where `accumulators` is given (length of the first output) the kernel also stores every accumulator before
 * requantization: that is what a mismatch report shows.
 */
export type PreparedKernel = (inputs: readonly Codes[], outputs: readonly Codes[], accumulators?: Int32Array) => void;

/** Reads shapes, attributes, constants and requantization of the node; checks preconditions once. */
export type SimKernel = (node: IntegerNode, graph: IntegerGraph) => PreparedKernel;
