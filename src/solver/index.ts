/** Mixed-integer linear programs by HiGHS: the only importer of the solver, which is loaded when it is first needed. */

export interface IntegerProgram {
  /** In the LP format of CPLEX. */
  readonly text: string;
  readonly timeLimitSeconds: number;
}

export interface ProgramSolution {
  /** False: the time was over, or there is no solution. */
  readonly optimal: boolean;
  readonly objective: number;
  readonly values: ReadonlyMap<string, number>;
}

/** Deterministic: one thread, a fixed seed. Null where the solver found no solution at all in its time. */
export async function solve({ text, timeLimitSeconds }: IntegerProgram): Promise<ProgramSolution | null> {
  const { default: loader } = await import('highs');
  // Its types describe the CommonJS build, whose default lies one level deeper than that of the module loaded here.
  const loadHighs = loader as unknown as typeof loader.default;
  // An instance a program: one that ran out of memory cannot be used again.
  const highs = await loadHighs();
  const { Status, ObjectiveValue, Columns } = highs.solve(text, { output_flag: false, time_limit: timeLimitSeconds, mip_rel_gap: 0, mip_abs_gap: 0.5, random_seed: 1, threads: 1 });
  const values = Object.entries(Columns).flatMap(([name, column]) => ('Primal' in column && Number.isFinite(column.Primal) ? [[name, column.Primal] as const] : []));
  if (Status !== 'Optimal' && (Status !== 'Time limit reached' || values.length === 0)) return null;
  return { optimal: Status === 'Optimal', objective: ObjectiveValue, values: new Map(values) };
}
