/** The float passes: exact rewrites (up to float rounding) that make a graph simple to quantize and to run channels last. */
import type { FloatGraph } from '../../graph/float.js';
import { verifyFloatGraph } from '../../graph/verify.js';
import { nominalMacs } from '../../operators/nominal-macs.js';
import { channelsLast } from './channels-last.js';
import { clean } from './clean.js';
import { constantQuotients } from './constant-quotients.js';
import { GraphEditor } from './editor.js';
import { finishBatchNorms } from './finish-batch-norms.js';
import { flattenTransposes } from './flatten-transposes.js';
import { foldAffine } from './fold-affine.js';
import { foldConstants } from './fold-constants.js';
import { foldFlatten } from './fold-flatten.js';
import { foldPads } from './fold-pads.js';
import { fuseActivations } from './fuse-activations.js';
import { groupNorms } from './group-norms.js';
import { hoistSlices } from './hoist-slices.js';
import { cancelMoves, joinMoves } from './join-moves.js';
import { keepAxes } from './keep-axes.js';
import type { FloatPass } from './pass.js';
import { productTransposes } from './product-transposes.js';
import { recogniseFunctions } from './recognise-functions.js';
import { recogniseNorms } from './recognise-norms.js';
import { sinkReshapes } from './sink-reshapes.js';
import { softmaxScales } from './softmax-scales.js';
import { splitProducts } from './split-products.js';

/**
 * Recognition comes before folding, which takes patterns apart; transposes that move nothing stay transposes until the
 * order of axes is chosen, so that a port can take them.
 */
const PASSES: readonly FloatPass[] = [foldConstants, clean, recogniseFunctions, recogniseNorms, groupNorms, keepAxes, cancelMoves, channelsLast, clean, joinMoves, foldFlatten, flattenTransposes, sinkReshapes, foldAffine, foldPads, fuseActivations];
const FINISHING: readonly FloatPass[] = [finishBatchNorms, softmaxScales, constantQuotients, hoistSlices, productTransposes, splitProducts, hoistSlices, clean, fuseActivations, clean];
/** Every pass only ever removes or lowers something, so a fixpoint comes long before this. */
const MOST_ROUNDS = 50;

export interface OptimizedGraph {
  readonly graph: FloatGraph;
  /** One line for each pass that did something. */
  readonly log: readonly string[];
}

/** Runs the passes until none applies any more. The result computes the same as `graph`, and is verified. */
export function optimizeFloatGraph(graph: FloatGraph): OptimizedGraph {
  const editor = new GraphEditor(graph);
  const done = new Map<FloatPass, number>();
  const run = (pass: FloatPass): number => {
    const count = pass.run(editor);
    if (count > 0) done.set(pass, (done.get(pass) ?? 0) + count);
    return count;
  };
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const changes = PASSES.map(run);
    if (changes.every((count) => count === 0)) break;
  }
  const macs = nominalMacs(editor.build());
  FINISHING.forEach(run);
  const optimized = { ...editor.build(), nominalMacs: macs };
  verifyFloatGraph(optimized);
  return { graph: optimized, log: [...done].map(([pass, count]) => `${pass.name}: ${count} ${pass.title}`) };
}
