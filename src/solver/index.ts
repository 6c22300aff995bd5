/** Mixed-integer linear programs by HiGHS: the only importer of the solver, which is loaded when it is first needed. */

export interface IntegerProgram {
  /** In the LP format of CPLEX. */
  readonly text: string;
  readonly timeLimitSeconds: number;
  /** A solution this close to the best one counts as optimal; 0 unless said. */
  readonly absoluteGap?: number;
}

export interface ProgramSolution {
  /** False: the time was over. */
  readonly optimal: boolean;
  readonly objective: number;
  /** How far the objective may lie from the best one, as a fraction of itself: what the solver proved. */
  readonly gap: number;
  readonly values: ReadonlyMap<string, number>;
}

/** Deterministic: one thread, a fixed seed. Null where the solver found no solution at all in its time. */
export async function solve({ text, timeLimitSeconds, absoluteGap = 0 }: IntegerProgram): Promise<ProgramSolution | null> {
  const { default: loader } = await import('highs');
  // Its types describe the CommonJS build, whose default lies one level deeper than that of the module loaded here.
  const loadHighs = loader as unknown as typeof loader.default;
  // An instance a program: one that ran out of memory cannot be used again.
  const { createModel, constants } = await loadHighs();
  const model = createModel({ format: 'lp', data: text });
  try {
    model.options.set({ output_flag: false, time_limit: timeLimitSeconds, mip_rel_gap: 0, mip_abs_gap: absoluteGap, random_seed: 1 });
    const { modelStatus } = model.run();
    const optimal = modelStatus === constants.modelStatus.optimal;
    const objective = model.getObjectiveValue();
    if (!optimal && (modelStatus !== constants.modelStatus.timeLimit || !Number.isFinite(objective))) return null;
    const values = [...model.getSolution().colValue].map((value, column) => [model.getColName(column), value] as const);
    return { optimal, objective, gap: Number(model.info.get('mip_gap')), values: new Map(values) };
  } finally {
    model.dispose();
  }
}
