/** Lists of taps or straight-line code: by predicted instructions where speed counts, lists where flash does. */
import type { KernelContext, KernelInstance } from '../../kernel.js';
import { modelledCore } from './predict.js';

/** A layer of more code stays a table: compilers take long over such functions, and chips rarely have the flash. */
export const MOST_CODE_BYTES = 48 * 1024;

/** No digit of a weight takes less code than this; spares the search where the bound is out of reach. */
const LEAST_BYTES_OF_WEIGHT = 2;

/** The other forms of a layer; `shared` is null where no sum of a pair pays. */
export interface StraightInstances {
  readonly unrolled: KernelInstance;
  readonly shared: KernelInstance | null;
}

/** `lists` is what every core has; `formsOf` gives the others, where they are wanted. */
export function chooseForm({ form, optimize, features, graph, group }: KernelContext, lists: KernelInstance, formsOf: () => StraightInstances): KernelInstance {
  const weights = graph.tensors.get(group[0]!.inputs[1]!)!.constant!.data.length;
  const isWanted = form ? form !== 'lists' : optimize === 'speed' && modelledCore(features) !== null;
  if (!isWanted || features.separateFlash || weights * LEAST_BYTES_OF_WEIGHT > MOST_CODE_BYTES) return lists;
  const { unrolled, shared } = formsOf();
  const wanted = form === 'unrolled' ? [unrolled] : form === 'shared' ? [shared ?? unrolled] : [unrolled, shared];
  const offers = wanted.flatMap((one) => (one && one.codeBytes! <= MOST_CODE_BYTES ? [one] : []));
  const candidates = form ? offers : [lists, ...offers];
  return candidates.reduce((best, one) => (one.instructions! < best.instructions! ? one : best), candidates[0] ?? lists);
}
