/** Builds, runs and compares one generated project as far as the options allow, and says what was measured. */
import type { SampleSet } from './calibration/index.js';
import type { IntegerGraph } from './graph/integer.js';
import { checkoutsOf, type RoadOptions } from './options.js';
import type { Progress } from './progress.js';
import type { Measurements } from './report/build.js';
import { NOT_RUN } from './report/report.js';
import type { Schedule } from './schedule/index.js';
import { encodeSamples, sampleAt } from './simulation/encode.js';
import { requireTools } from './toolchains/index.js';
import { checkUnfused, chooseVectors, saveVerification, verifyProject, wantsUnfused, type VectorData, type VerifyResult } from './verify/index.js';

export interface MeasureRequest {
  readonly directory: string;
  readonly graph: IntegerGraph;
  readonly schedule: Schedule;
  /** Evaluation, else calibration data; null: all vectors are made up. */
  readonly data: SampleSet | null;
  readonly options: Pick<RoadOptions, 'vectors' | 'seed' | 'build' | 'run' | 'cmsisNn'>;
  readonly progress: Progress;
}

export interface Measured {
  readonly measurements: Measurements;
  readonly notes: readonly string[];
  readonly seconds: { readonly simulate: number | null; readonly build: number | null; readonly run: number | null };
}

const NOTHING: Measurements = {
  verify: NOT_RUN,
  instructions: null,
  stepInstructions: null,
  estimatedCycles: null,
  slowMultiplierCycles: null,
  codeBytes: null,
  constBytes: null,
  staticBytes: null,
  stackBytes: null,
  proofs: { noFloat: null, noMultiply: null, noHeap: null, details: [] },
};

function vectorData(graph: IntegerGraph, samples: SampleSet): VectorData {
  const encoded = encodeSamples(graph, samples);
  return { count: samples.count, sample: (index) => sampleAt(graph, encoded, index) };
}

/**
 * Stores graph and vectors in the project, then builds and runs it; tensors inside fused steps are compared in a second
 * program with fusion off. Throws ToolchainMissingError, BuildError, RunError.
 */
export async function measureProject(request: MeasureRequest): Promise<Measured> {
  const { directory, graph, schedule, data, options, progress } = request;
  const { target } = schedule;
  const vectors = chooseVectors(graph, options.vectors, data && vectorData(graph, data), options.seed);
  await saveVerification(directory, graph, vectors);
  if (!options.build) return { measurements: NOTHING, notes: [], seconds: { simulate: null, build: null, run: null } };
  requireTools(target);
  const inputs = vectors.map((v) => v.inputs);
  const checkouts = checkoutsOf(options);
  const fused = await progress.stage(`build and run ${target.id}`, () => verifyProject(directory, graph, target, inputs, { run: options.run, checkouts }));
  const check = () => checkUnfused(fused, graph, target, schedule, inputs, { checkouts });
  const result = wantsUnfused(fused) ? await progress.stage(`check ${fused.report.tensorsUnobserved.length} inner tensors with fusion off on ${target.id}`, check) : fused;
  return { measurements: measurementsOf(result), notes: result.notes, seconds: result.seconds };
}

function measurementsOf(result: VerifyResult): Measurements {
  const { instructions, sizes, proofs } = result;
  return {
    verify: result.report,
    instructions: instructions?.total ?? null,
    stepInstructions: instructions?.steps ?? null,
    estimatedCycles: instructions?.estimatedCycles ?? result.cycles ?? null,
    slowMultiplierCycles: instructions?.slowMultiplierCycles ?? null,
    codeBytes: sizes?.codeBytes ?? null,
    constBytes: sizes?.constBytes ?? null,
    staticBytes: sizes ? sizes.dataBytes + sizes.bssBytes : null,
    stackBytes: result.stackBytes,
    proofs: {
      noFloat: proofs?.noFloat ?? null,
      noMultiply: proofs?.noMultiply ?? null,
      noHeap: proofs?.noHeap ?? null,
      details: proofs?.details ?? [],
    },
  };
}
