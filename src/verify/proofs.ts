/** What the binary itself shows: no floating point, no heap, no C library, perhaps no multiplication. */
import type { Target } from '../targets/index.js';
import type { Instruction } from '../toolchains/index.js';
import type { Reach, ReachedFunction } from './reach.js';

export interface BinaryProofs {
  readonly noFloat: boolean;
  readonly noHeap: boolean;
  readonly noMultiply: boolean;
  /** One sentence each: what was looked at, which helpers are linked, what broke a proof. */
  readonly details: readonly string[];
}

/** What breaks the promises of a project, in words: function and instruction; empty where all hold. A proof that was not tried breaks nothing. */
export function brokenPromises(proofs: { readonly [claim in 'noFloat' | 'noHeap' | 'noMultiply']: boolean | null } & Pick<BinaryProofs, 'details'>, demandsNoMultiply: boolean): readonly string[] {
  const { noFloat, noHeap, noMultiply, details } = proofs;
  if (noFloat !== false && noHeap !== false && !(demandsNoMultiply && noMultiply === false)) return [];
  return details.filter((line) => BREACH.test(line));
}

/** How the details begin that break a proof. */
const BREACH = /^(floating point: |multiplication: |call (outside|through) |the calls of )/;

interface Patterns {
  readonly float: RegExp;
  readonly multiply: RegExp;
}

const THUMB_MULTIPLY = /^(mul|mla|mls|smul|umul|smla|umla|smm[lu]|smua|smus|smls|umaal|sdiv|udiv|vmul|vmla|vmls|vrml|vqdml|vqrdml|vqdmul|vqrdmul|vrmul|vcm(ul|la))/;

function patterns(target: Target): Patterns {
  switch (target.isa) {
    case 'thumb':
      // The vector extension shares its letter with floating point: there the element type tells.
      return { float: target.features.mve ? /\.f(16|32|64)\b|^vcvt|^vsqrt|^vdiv/ : /^v(?!mrs|msr)/, multiply: THUMB_MULTIPLY };
    case 'riscv32':
      return { float: /^(c\.)?f(?!ence)/, multiply: /^(c\.)?(mul|div|rem)/ };
    case 'avr':
      // no AVR has floating-point instructions; the calls of helpers tell
      return { float: /^\b$/, multiply: /^f?mul/ };
    default:
      return {
        float: /^v?(add|sub|mul|div|sqrt|max|min|u?comi|cmp\w*|round|rcp|rsqrt|haddp?|f?n?m(add|sub)\w*)[sp][sd]$|^v?cvt|^f(?!ence|mov)|^[su]cvtf/,
        multiply: /^(v?pm(ul|add)|i?mul|i?div|mul|v?pdp|pclmul|mla|mls|mneg|[su]?m(add|sub)l?\b|[su]mul[hl]|[su]mneg|[su]dot|[su]div)/,
      };
  }
}

/** Floating helpers of libgcc (and of the C library's mathematics). */
const FLOAT_HELPER =
  /^__aeabi_(c?[df](add|sub|rsub|mul|div|cmp|rcmp|neg|2)|u?[il]2[fd]|ul2[fd]|h2|f2|d2)|^__(add|sub|mul|div|neg|eq|ne|lt|le|gt|ge|unord|cmp|pow\w*)[shdtx]f\d?$|^__(fix|fixuns|float|floatun|extend|trunc)[a-z]*f|^__(gnu_)?[hf]2[hf]|^(sin|cos|exp|log|pow|sqrt|floor|ceil|round|l?l?rint|fabs|fmin|fmax)[fl]?$/;
const MULTIPLY_HELPER = /mul|div|mod/;

/** Proofs about everything reachable from `<model>_run`; `demandsNoMultiply`: every multiplication is named. */
export function proveBinary(reach: Reach, target: Target, demandsNoMultiply = false): BinaryProofs {
  const { float, multiply } = patterns(target);
  const functions = [...reach.functions.values()];
  const floats: string[] = [];
  const foreign: string[] = [];
  const multiplies: string[] = [];
  for (const found of functions) {
    const instructions = found.machine?.instructions ?? [];
    const isFloat = (instruction: Instruction): boolean => float.test(instruction.mnemonic);
    const first = instructions.find(isFloat);
    if (first) floats.push(`${found.name}: ${first.mnemonic} ${first.operands}`.trim());
    if (FLOAT_HELPER.test(found.name)) floats.push(found.name);
    if (found.provenance === 'other') foreign.push(found.name);
    const product = instructions.find((instruction) => multiply.test(instruction.mnemonic));
    if (found.provenance === 'library' && MULTIPLY_HELPER.test(found.name)) multiplies.push(...callersOf(found.name, functions));
    else if (product) multiplies.push(`${found.name}: ${product.mnemonic} ${product.operands}`.trim());
  }
  const indirect = functions.filter((found) => found.indirect > 0 && (found.provenance === 'model' || found.provenance === 'external')).map((found) => found.name);
  const details = [
    `${functions.length} function(s) reachable from ${reach.root} were disassembled with ${target.disassembler?.command ?? 'no disassembler'}`,
    ...external(functions.filter((f) => f.provenance === 'external').map((f) => f.name)),
    helpers('integer helper(s) of the compiler', functions.filter((f) => f.provenance === 'library').map((f) => f.name)),
    helpers('memory function(s)', functions.filter((f) => f.provenance === 'runtime').map((f) => f.name)),
    ...floats.map((text) => `floating point: ${text}`),
    ...foreign.map((name) => `call outside the generated code: ${name}`),
    ...indirect.map((name) => `call through a pointer in ${name}`),
    ...(reach.missedSteps > 0 ? [`the calls of ${reach.missedSteps} step(s) were not found in ${reach.root}`] : []),
    ...multiplicationDetails(multiplies, demandsNoMultiply),
  ];
  const complete = foreign.length === 0 && indirect.length === 0 && reach.missedSteps === 0;
  return {
    noFloat: complete && floats.length === 0,
    noHeap: complete,
    noMultiply: complete && multiplies.length === 0,
    details: details.filter((line) => line !== ''),
  };
}

function external(names: readonly string[]): readonly string[] {
  return names.length === 0 ? [] : [helpers('function(s) of an external library, followed like the generated ones', names)];
}

function helpers(what: string, names: readonly string[]): string {
  return names.length === 0 ? `no ${what}` : `${what}: ${[...names].sort().join(', ')}`;
}

/** A helper that multiplies or divides is the fault of those who call it. */
function callersOf(helper: string, functions: readonly ReachedFunction[]): readonly string[] {
  return functions.filter((found) => found.callees.includes(helper)).map((found) => `${found.name}: call of ${helper}`);
}

function multiplicationDetails(multiplies: readonly string[], named: boolean): readonly string[] {
  if (multiplies.length === 0) return ['no multiplication or division, neither instruction nor helper'];
  return named ? multiplies.map((text) => `multiplication: ${text}`) : [`${multiplies.length} function(s) multiply or divide`];
}
