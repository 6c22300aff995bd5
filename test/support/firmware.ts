/** The one oracle of generated code: the built program, run on real compilers and emulators, against the simulator. */
import { missingTools } from '../../src/toolchains/index.js';
import { targets } from '../../src/targets/index.js';

/** Targets that can be built and run here. */
export function availableTargetIds(): readonly string[] {
  return targets.filter((target) => missingTools(target).length === 0).map((target) => target.id);
}
