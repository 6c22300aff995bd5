/** The only list of targets. */
import { UsageError } from '../errors.js';
import { attiny85 } from './attiny85.js';
import { cortexM0 } from './cortex-m0.js';
import { cortexM0plus } from './cortex-m0plus.js';
import { cortexM3 } from './cortex-m3.js';
import { cortexM4 } from './cortex-m4.js';
import { cortexM7 } from './cortex-m7.js';
import { cortexM33 } from './cortex-m33.js';
import { cortexM55 } from './cortex-m55.js';
import { cuda } from './cuda.js';
import { host } from './host.js';
import { rv32ec } from './rv32ec.js';
import { rv32imc } from './rv32imc.js';
import type { Target } from './target.js';

export type { Runner, Target, TargetFeatures, ToolchainId } from './target.js';

export const targets: readonly Target[] = [host, cortexM0, cortexM0plus, cortexM3, cortexM4, cortexM7, cortexM33, cortexM55, rv32imc, rv32ec, attiny85, cuda];

/** The target of that name; UsageError listing all names where there is none. */
export function findTarget(id: string): Target {
  const target = targets.find((candidate) => candidate.id === id);
  if (!target) {
    throw new UsageError(`unknown target '${id}'`, { hint: `use one of ${targets.map((t) => t.id).join(', ')}` });
  }
  return target;
}

/** `host,cortex-m7` → targets, in that order, each once. */
export function parseTargets(list: string): readonly Target[] {
  const ids = [...new Set(list.split(',').map((id) => id.trim()).filter((id) => id !== ''))];
  if (ids.length === 0) throw new UsageError('--target names no target', { hint: `use one of ${targets.map((t) => t.id).join(', ')}` });
  return ids.map(findTarget);
}
