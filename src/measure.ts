/** Builds, runs and compares one generated project as far as the options allow, and says what was measured. */
import type { SampleSet } from './calibration/index.js';
import type { IntegerGraph } from './graph/integer.js';
import { checkoutsOf, type RoadOptions } from './options.js';
import { NOT_RUN, type Measurements } from './report/build.js';
import type { Schedule } from './schedule/index.js';
import { encodeSamples, sampleAt } from './simulation/encode.js';
import { requireTools } from './toolchains/index.js';
import { chooseVectors, saveVerification, verifyProject, type VectorData, type VerifyResult } from './verify/index.js';

export interface MeasureRequest {
  readonly directory: string;
  readonly graph: IntegerGraph;
  readonly schedule: Schedule;
  /** Evaluation, else calibration data; null: all vectors are made up. */
  readonly data: SampleSet | null;
  readonly options: Pick<RoadOptions, 'vectors' | 'seed' | 'build' | 'run' | 'cmsisNn'>;
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

/** Stores graph and vectors in the project, then builds and runs it. Throws ToolchainMissingError, BuildError, RunError. */
export async function measureProject(request: MeasureRequest): Promise<Measured> {
  const { directory, graph, schedule, data, options } = request;
  const vectors = chooseVectors(graph, options.vectors, data && vectorData(graph, data), options.seed);
  await saveVerification(directory, graph, vectors);
  if (!options.build) return { measurements: NOTHING, notes: [], seconds: { simulate: null, build: null, run: null } };
  requireTools(schedule.target);
  const result = await verifyProject(directory, graph, schedule.target, vectors.map((v) => v.inputs), { run: options.run, checkouts: checkoutsOf(options) });
  return { measurements: measurementsOf(result), notes: result.notes, seconds: result.seconds };
}

function measurementsOf(result: VerifyResult): Measurements {
  const { instructions, sizes, proofs } = result;
  return {
    verify: result.report,
    instructions: instructions?.total ?? null,
    stepInstructions: instructions?.steps ?? null,
    estimatedCycles: instructions?.estimatedCycles ?? null,
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
