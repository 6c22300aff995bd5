/** Kernel families beside a target's own. */
import type { Target } from './target.js';

/** Families that need a library of the user's, so that `auto` never takes them: CMSIS-NN on every Cortex-M. */
export function familiesOnRequest(target: Target): readonly string[] {
  return target.isa === 'thumb' ? ['cmsis-nn'] : [];
}
