/**
 * Constants of cores whose flash is read by other instructions than their memory (AVR): a pointer to them says so in its
 * type, PTQ_FLASH, or the compiler would copy them all into memory. A pointer that a kernel forgets does not compile.
 */
import type { KernelArgument, KernelInstance } from '../operators/kernel.js';

/** Rows of padding stay in memory: kernels point at them and at the input in turn. */
export function liesInFlash(argument: KernelArgument): boolean {
  return argument.kind === 'constant' && argument.name !== 'padding';
}

/** C text of a kernel: parameters that take constants, and the pointers that are made from them. */
export function qualifyConstants(text: string, kernel: KernelInstance): string {
  const head = /^static PTQ_NOINLINE void \w+\(([^)]*)\)/m.exec(text);
  const parameters = (head?.[1] ?? '').split(', ').map((parameter) => /(\w+)$/.exec(parameter)?.[1] ?? '');
  const names = new Set(parameters.filter((_, i) => kernel.arguments[i] !== undefined && liesInFlash(kernel.arguments[i]!)));
  addDerived(text, names);
  return text.replace(/\bconst (\w+) \*(\w+)/g, (plain, type: string, name: string) => (names.has(name) ? `const PTQ_FLASH ${type} *${name}` : plain));
}

/** Pointers to constants that are set to something that begins with a name in question: `const uint8_t *w = weights;`. */
function addDerived(text: string, names: Set<string>): void {
  const pointers = new Set([...text.matchAll(/\bconst \w+ \*(\w+)/g)].map((found) => found[1]!));
  const assignments = [...text.matchAll(/\b(\w+)(?:\[[^\]]*\])? = (\w+)\b/g)];
  for (let before = -1; before !== names.size; ) {
    before = names.size;
    for (const [, to, from] of assignments) if (pointers.has(to!) && names.has(from!)) names.add(to!);
  }
}
