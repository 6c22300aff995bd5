/** `ptq-gen bench MODEL… --target T`: what inference costs, layer by layer and in total, for every layout of the weights. */
import { resolve } from 'node:path';
import { EXIT } from '../errors.js';
import { writeFileWhole } from '../files.js';
import { resolveOptions, type GivenOptions, type RoadOptions } from '../options.js';
import { buildTarget, quantizeModel, type QuantizedModel } from '../pipeline.js';
import { silentProgress } from '../progress.js';
import { type BenchResult, benchSummary, benchTables } from '../report/bench.js';
import { peerFigures, readPeers } from '../report/peers.js';
import { findTarget } from '../targets/index.js';
import { paretoCommand } from './pareto.js';

export interface BenchOptions extends GivenOptions {
  readonly pareto?: boolean;
}

export async function benchCommand(models: readonly string[], { pareto, ...given }: BenchOptions): Promise<number> {
  return pareto ? paretoCommand(models, given) : benchEach(models, given);
}

async function benchEach(models: readonly string[], given: GivenOptions): Promise<number> {
  const peers = readPeers();
  const quiet = given.json === '-';
  const results: BenchResult[] = [];
  for (const path of models) {
    const options = resolveOptions({ vectors: 4, ...given, model: path, target: given.target ?? 'cortex-m7' });
    options.targets.forEach(findTarget);
    const model = await quantizeModel(options, silentProgress);
    for (const target of options.targets) {
      const here: BenchResult[] = [];
      for (const layout of layoutsOf(model, target, options, given)) {
        const { report } = await buildTarget(model, target, { ...options, ...layout }, silentProgress);
        here.push({ report, peer: peerFigures(peers, target, model.graph) });
      }
      results.push(...here);
      if (!quiet) process.stdout.write(`${benchTables(here)}\n`);
    }
  }
  await write(results, given.json, quiet);
  return results.every(({ report }) => report.verify.bitExact !== false) ? EXIT.ok : EXIT.mismatch;
}

type Layout = Pick<RoadOptions, 'weights' | 'winograd'>;

/** What the user asks for; else every layout that the kernels of the target know, where it can make a difference. */
function layoutsOf({ graph }: QuantizedModel, targetId: string, { kernels, weights, winograd }: RoadOptions, given: GivenOptions): readonly Layout[] {
  const asked = [given.weights, given.winograd, given.flashBudget, given.bits].some((value) => value !== undefined);
  const families = kernels === 'auto' ? findTarget(targetId).families : [kernels];
  // Only kernels for dual products read widened and transformed weights.
  if (asked || families[0] !== 'dsp') return [{ weights, winograd }];
  const square = graph.nodes.some(({ op, attributes, inputs }) => op === 'conv2d' && `${attributes['strides']}` === '1,1' && `${graph.tensors.get(inputs[1]!)?.shape.slice(1, 3)}` === '3,3');
  return [{ weights: 'int8', winograd: false }, { weights: 'int16', winograd: false }, ...(square ? [{ weights: 'int16', winograd: true } as const] : [])];
}

async function write(results: readonly BenchResult[], json: string | undefined, quiet: boolean): Promise<void> {
  const text = `${JSON.stringify(results.map(({ report, peer }) => ({ ...report, peer })), null, 2)}\n`;
  if (quiet) process.stdout.write(text);
  else {
    process.stdout.write(`${benchSummary(results)}\n`);
    if (json !== undefined) await writeFileWhole(resolve(json), text);
  }
}
