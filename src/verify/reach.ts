/** Everything that `<model>_run` can reach in a linked program, and where each function comes from. */
import { callsOf, disassemble, type LinkedSection, type MachineFunction, readMap, sourceName, throughVeneer, type Build } from '../toolchains/index.js';

/**
 * model: generated; external: a library compiled from its sources; library: the compiler's helpers (libgcc); runtime:
 * memcpy, memset, memmove; other: anything else.
 */
export type Provenance = 'model' | 'external' | 'library' | 'runtime' | 'other';

export interface ReachedFunction {
  readonly name: string;
  readonly provenance: Provenance;
  /** Null for functions outside the program (shared libraries). */
  readonly machine: MachineFunction | null;
  readonly section: LinkedSection | null;
  readonly callees: readonly string[];
  /** Calls or jumps through a register. */
  readonly indirect: number;
}

export interface Reach {
  readonly root: string;
  readonly functions: ReadonlyMap<string, ReachedFunction>;
  /** Steps whose calls were not found in `<model>_run`: the walk cannot be trusted then. */
  readonly missedSteps: number;
  /** Sections of the whole program. */
  readonly sections: readonly LinkedSection[];
}

const RUNTIME = /^(memcpy|memmove|memset|__memcpy_chk|__memset_chk|__memmove_chk)$/;

/** Follows direct calls and jumps from `<model>_run` of a release build. */
export async function reachFromRun(build: Build): Promise<Reach> {
  const [functions, sections] = await Promise.all([disassemble(build.elf, build.target), readMap(build.mapFile)]);
  const { modelName, steps } = build.models[0].manifest;
  const root = `${modelName}_run`;
  const reached = new Map<string, ReachedFunction>();
  const pending = [root];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (reached.has(name)) continue;
    const found = reachedFunction(name, functions, sections, build);
    reached.set(name, found);
    pending.push(...found.callees);
  }
  const kernels = new Set(steps.map((step) => step.kernel));
  const run = functions.get(root);
  const found = run ? callsOf(run, build.target).filter((call) => call.callee !== null && kernels.has(sourceName(throughVeneer(call.callee)))) : [];
  return { root, functions: reached, missedSteps: steps.length - found.length, sections };
}

function reachedFunction(
  name: string,
  functions: ReadonlyMap<string, MachineFunction>,
  sections: readonly LinkedSection[],
  build: Build,
): ReachedFunction {
  const plain = name.replace(/@plt$/, '');
  const machine = name.endsWith('@plt') ? null : (functions.get(name) ?? null);
  const section = machine && sectionAt(machine.address, sections);
  const calls = machine ? callsOf(machine, build.target) : [];
  // helpers of one assembly file jump to each other's labels: the label's own function counts
  const callees = calls.flatMap((call) => (call.callee === null ? [] : [throughVeneer(call.callee)]));
  const veneer = machine !== null && throughVeneer(name) !== name;
  return {
    name,
    provenance: provenanceOf(plain, section, build),
    machine,
    section,
    callees: veneer ? [throughVeneer(name)] : callees,
    indirect: veneer ? 0 : calls.filter((call) => call.callee === null).length,
  };
}

function provenanceOf(name: string, section: LinkedSection | null, build: Build): Provenance {
  if (section && build.modelObjects.includes(section.file)) return 'model';
  if (section && build.externalObjects.includes(section.file)) return 'external';
  if (RUNTIME.test(name)) return 'runtime';
  if (section && /libgcc[^/]*\.a\(/.test(section.file)) return 'library';
  return 'other';
}

export function sectionAt(address: number, sections: readonly LinkedSection[]): LinkedSection | null {
  return sections.find((section) => address >= section.address && address < section.address + section.bytes) ?? null;
}
