/** Options that contradict each other, lack a partner, or would have no effect: said, never silently accepted. */
import { UsageError } from './errors.js';
import type { RoadOptions } from './options.js';
import { requireMethod } from './quantization/index.js';
import { isAuto } from './quantization/mixed/budget.js';

/** Before any work is done. @throws UsageError. */
export function checkCombinations(options: RoadOptions): void {
  const { calibratesBySampler } = requireMethod(options.method);
  const { calib, diffusion, eval: evaluation, labels, minAccuracy, maxInstructions, run, build } = options;
  if (calibratesBySampler && diffusion === undefined) throw new UsageError(`--method ${options.method} takes its calibration samples from the sampler of the diffusion model`, { hint: 'describe the process with --diffusion FILE (docs/quantization-methods.md, "Diffusion models")' });
  if (diffusion !== undefined && calib !== undefined) throw new UsageError('--calib and --diffusion both say where calibration samples come from', { hint: 'leave one of them out' });
  if (labels !== undefined && evaluation === undefined) throw new UsageError('--labels belongs to evaluation inputs, and there are none', { hint: 'add --eval FILE' });
  if (minAccuracy !== undefined && evaluation === undefined) throw new UsageError('--min-accuracy has nothing to judge', { hint: 'add --eval FILE and --labels FILE' });
  if (options.terms !== undefined && options.arith !== 'shift') throw new UsageError('--terms says how many powers of two a weight takes', { hint: 'it goes with --arith shift' });
  if (isAuto(options.bits) && options.arith === 'shift') throw new UsageError('--bits auto chooses widths of products, and --arith shift has none', { hint: '--terms auto chooses how many powers of two a weight takes' });
  if (maxInstructions !== undefined && !(run && build)) throw new UsageError('--max-instructions needs a run', { hint: 'leave out --no-run and --no-build, or the budget' });
}

/** What shapes the integers of a float model, as the user wrote it, where it is not the default. */
function floatOptions({ diffusion, method, bits, observer, edgeBits, layerBits, iterations, migrateOutliers, transformerFunctions }: RoadOptions): readonly string[] {
  return [
    ...(diffusion === undefined ? [] : ['--diffusion']),
    ...(method === 'nearest' ? [] : [`--method ${method}`]),
    ...(bits === 'w8a8' ? [] : [`--bits ${bits}`]),
    ...(observer === 'mse' ? [] : [`--observer ${observer}`]),
    ...(edgeBits === undefined ? [] : [`--edge-bits ${edgeBits}`]),
    ...(layerBits === undefined ? [] : ['layerBits']),
    ...(migrateOutliers ? ['--migrate-outliers'] : []),
    ...((transformerFunctions ?? 'lookup') === 'lookup' ? [] : [`--transformer-functions ${transformerFunctions}`]),
    ...(iterations === undefined ? [] : [`--iterations ${iterations}`]),
  ];
}

/** A file that is quantized already says its integers itself. @throws UsageError. */
export function refuseFloatOptions(name: string, options: RoadOptions): void {
  const given = floatOptions(options);
  if (given.length === 0) return;
  throw new UsageError(`'${name}' is already quantized: its codes and scales are taken as they are, and ${given.join(', ')} would change nothing`, { hint: 'leave the option out, or start from the float model' });
}

/** A saved integer graph is final, yet a config file may still hold what it was made with. */
export function decidedAlready(options: RoadOptions): readonly string[] {
  const given = [...floatOptions(options), ...(options.arith === undefined ? [] : [`--arith ${options.arith}`])];
  return given.length === 0 ? [] : [`the integer graph was decided when it was saved: ${given.join(', ')} changes nothing`];
}
