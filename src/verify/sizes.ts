/** Bytes of the model in the linked program, harness and start-up left out. */
import type { Build, LinkedSection } from '../toolchains/index.js';
import type { Reach } from './reach.js';

export interface Sizes {
  /** Code reachable from run, with the compiler's helpers and memcpy. */
  readonly codeBytes: number;
  /** Weights, biases, requantization, tables, and the helpers' own tables. */
  readonly constBytes: number;
  readonly dataBytes: number;
  readonly bssBytes: number;
  /** Constant data of each generated symbol, largest first: where the flash goes. */
  readonly constants: readonly { readonly name: string; readonly bytes: number }[];
}

const CONSTANTS = /^\.(rodata|srodata|data\.rel\.ro|progmem\.data)/;

export function measureSizes(reach: Reach, build: Build): Sizes {
  const code = new Set<LinkedSection>();
  for (const found of reach.functions.values()) if (found.section) code.add(found.section);
  const objects = new Set([...build.modelObjects, ...build.externalObjects]);
  const ofModel = (section: LinkedSection): boolean => objects.has(section.file);
  const helperFiles = new Set([...code].filter((section) => !ofModel(section)).map((section) => section.file));
  const pick = (pattern: RegExp, keep: (section: LinkedSection) => boolean): readonly LinkedSection[] =>
    reach.sections.filter((section) => pattern.test(section.name) && keep(section));
  const constants = pick(CONSTANTS, (section) => ofModel(section) || isHelperTable(section, helperFiles));
  return {
    codeBytes: total([...code]),
    constBytes: total(constants),
    // where flash is apart, plain constants are copied into memory at start-up
    dataBytes: total(pick(build.target.features.separateFlash ? /^\.(data|rodata)/ : /^\.s?data(?!\.rel\.ro)/, ofModel)),
    bssBytes: total(pick(/^(\.s?bss|COMMON)/, ofModel)),
    constants: constants
      .map((section) => ({ name: section.name.replace(CONSTANTS, '').replace(/^\./, '') || section.file, bytes: section.bytes }))
      .sort((a, b) => b.bytes - a.bytes),
  };
}

/** libgcc keeps tables (`__clz_tab`) in members of their own. */
function isHelperTable(section: LinkedSection, helperFiles: ReadonlySet<string>): boolean {
  return helperFiles.size > 0 && /libgcc[^/]*\.a\(/.test(section.file);
}

function total(sections: readonly LinkedSection[]): number {
  return sections.reduce((sum, section) => sum + section.bytes, 0);
}
