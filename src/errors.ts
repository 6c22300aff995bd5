/** Every error class of the tool. Each names what the user can do; `origin` names the user's own layer. */

/** Where a value or node came from, in the user's words. Survives every stage. */
export interface Origin {
  readonly file: string;
  readonly format: 'onnx' | 'tflite' | 'tfjs' | 'ptq' | 'builder';
  readonly nodeName: string;
  readonly opType: string;
}

export interface PtqErrorDetails {
  readonly origin?: Origin;
  /** What to do about it, as one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Process exit codes (the command-line contract). */
export const EXIT = { ok: 0, mismatch: 1, badInput: 2, toolchainMissing: 3, unsupported: 4, budget: 5 } as const;

export class PtqError extends Error {
  readonly code: string;
  readonly exitCode: number;
  readonly origin: Origin | undefined;
  readonly hint: string | undefined;

  constructor(code: string, exitCode: number, message: string, details: PtqErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.exitCode = exitCode;
    this.origin = details.origin;
    this.hint = details.hint;
  }
}

/** Wrong arguments, options or configuration. */
export class UsageError extends PtqError {
  constructor(message: string, details?: PtqErrorDetails) {
    super('USAGE', EXIT.badInput, message, details);
  }
}

/** A model file that is truncated, corrupt, of another format, or inconsistent. */
export class ModelFormatError extends PtqError {
  constructor(message: string, details?: PtqErrorDetails) {
    super('MODEL_FORMAT', EXIT.badInput, message, details);
  }
}

export interface UnsupportedNode {
  readonly origin: Origin;
  readonly reason: string;
  /** The nearest form that is supported, if there is one. */
  readonly nearest?: string;
}

/** All unsupported nodes of a model at once. */
export class UnsupportedOperatorError extends PtqError {
  readonly nodes: readonly UnsupportedNode[];
  constructor(nodes: readonly UnsupportedNode[], stage: 'import' | 'quantize' | 'generate' = 'import') {
    const lines = nodes.map(
      (n) => `  ${n.origin.opType} '${n.origin.nodeName}': ${n.reason}${n.nearest ? `; nearest supported form: ${n.nearest}` : ''}`,
    );
    super('UNSUPPORTED_OPERATOR', EXIT.unsupported, `${nodes.length} node(s) cannot be handled (${stage}):\n${lines.join('\n')}`, {
      origin: nodes[0]?.origin,
    });
    this.nodes = nodes;
  }
}

export class ShapeError extends PtqError {
  constructor(message: string, details?: PtqErrorDetails) {
    super('SHAPE', EXIT.badInput, message, details);
  }
}

export class CalibrationError extends PtqError {
  constructor(message: string, details?: PtqErrorDetails) {
    super('CALIBRATION', EXIT.badInput, message, details);
  }
}

/** A worst-case accumulator leaves its integer type. */
export class AccumulatorOverflowError extends PtqError {
  constructor(message: string, details?: PtqErrorDetails) {
    super('ACCUMULATOR_OVERFLOW', EXIT.unsupported, message, details);
  }
}

/** An integer graph that breaks its own specification. */
export class IntegerGraphError extends PtqError {
  constructor(message: string, details?: PtqErrorDetails) {
    super('INTEGER_GRAPH', EXIT.badInput, message, details);
  }
}

export interface BrokenBudget {
  readonly name: 'ram' | 'flash' | 'instructions' | 'accuracy';
  readonly limit: number;
  /** NaN: it was not measured, and a limit that nobody checked does not hold. */
  readonly actual: number;
}

/** In words, as the user set it. */
export function budgetText({ name, limit, actual }: BrokenBudget): string {
  return Number.isNaN(actual) ? `${name}: not measured on this target, against a limit of ${limit}` : `${name}: ${actual} against a limit of ${limit} (off by ${Math.abs(actual - limit)})`;
}

export class MemoryBudgetError extends PtqError {
  readonly budgets: readonly BrokenBudget[];
  constructor(budgets: readonly BrokenBudget[], details?: PtqErrorDetails) {
    const lines = budgets.map((budget) => `  ${budgetText(budget)}`);
    super('BUDGET', EXIT.budget, `${budgets.length} budget(s) exceeded:\n${lines.join('\n')}`, details);
    this.budgets = budgets;
  }
}

export class TemplateError extends PtqError {
  constructor(
    readonly template: string,
    message: string,
    details?: PtqErrorDetails,
  ) {
    super('TEMPLATE', EXIT.badInput, `${template}: ${message}`, details);
  }
}

/** Something in sim/scalar that the translated subset does not allow; the message starts with file:line. */
export class ScalarSubsetError extends PtqError {
  constructor(message: string, details?: PtqErrorDetails) {
    super('SCALAR_SUBSET', EXIT.badInput, message, details);
  }
}

/** What a project promises, and its binary does not hold: no floating point, no heap, no multiplication. */
export class ProofError extends PtqError {
  constructor(target: string, claims: readonly string[], details?: PtqErrorDetails) {
    super('PROOF', EXIT.mismatch, `${target}: the program breaks what it promises:\n${claims.map((claim) => `  ${claim}`).join('\n')}`, details);
  }
}

/** A compiler or emulator that is not installed; the hint is the install command. */
export class ToolchainMissingError extends PtqError {
  constructor(message: string, details?: PtqErrorDetails) {
    super('TOOLCHAIN_MISSING', EXIT.toolchainMissing, message, details);
  }
}

export class BuildError extends PtqError {
  constructor(
    message: string,
    readonly command: string,
    readonly stderr: string,
    details?: PtqErrorDetails,
  ) {
    super('BUILD', EXIT.mismatch, `${message}\n  command: ${command}\n${stderr}`, details);
  }
}

export class RunError extends PtqError {
  constructor(
    message: string,
    readonly command: string,
    readonly stderr: string,
    details?: PtqErrorDetails,
  ) {
    super('RUN', EXIT.mismatch, `${message}\n  command: ${command}\n${stderr}`, details);
  }
}

export interface Mismatch {
  readonly target: string;
  /** Seen where fused layers run one by one. */
  readonly unfused?: boolean;
  readonly vector: number;
  readonly tensor: string;
  readonly node: string;
  readonly index: readonly number[];
  readonly expected: number;
  readonly actual: number;
  readonly accumulator?: number;
  readonly multiplier?: number;
  readonly shift?: number;
}

/** Firmware and simulator disagree; carries the first differing element. */
export class MismatchError extends PtqError {
  constructor(
    readonly mismatch: Mismatch,
    details?: PtqErrorDetails,
  ) {
    const m = mismatch;
    const accumulator = m.accumulator === undefined ? '' : `, accumulator ${m.accumulator}, multiplier ${m.multiplier}, shift ${m.shift}`;
    super(
      'MISMATCH',
      EXIT.mismatch,
      `${m.target}${m.unfused ? ' with fusion off' : ''}: vector ${m.vector}, tensor '${m.tensor}' (node '${m.node}') differs first at [${m.index.join(', ')}]: ` +
        `simulator ${m.expected}, firmware ${m.actual}${accumulator}`,
      details,
    );
  }
}

/** A folder or file that cannot be written or read. */
export class FileError extends PtqError {
  constructor(message: string, details?: PtqErrorDetails) {
    super('FILE', EXIT.badInput, message, details);
  }
}
