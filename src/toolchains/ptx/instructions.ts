/** Instructions of PTX that compute, move and branch, as C++ statements; memory.ts and collectives.ts have the others. */
import type { PtxInstruction } from './parse.js';
import { collectiveText } from './collectives.js';
import { memoryText } from './memory.js';
import { bytesOf, nameText, partsOf, PtxTranslationError, typeText, valueText } from './operands.js';

export interface Place {
  /** Of the statement in its function: tells barriers apart. */
  readonly index: number;
  /** Name → C++ text of a pointer to its bytes: parameters of the function. */
  readonly slots: ReadonlyMap<string, string>;
}

type Writer = (instruction: PtxInstruction, modifiers: readonly string[]) => string;

const BINARY: Readonly<Record<string, string>> = { add: 'add', sub: 'sub', min: 'min', max: 'max', and: 'bit_and', or: 'bit_or', xor: 'bit_xor', shl: 'shl', shr: 'shr', bfe: 'bfe', bfi: 'bfi', selp: 'selp', prmt: 'prmt', lop3: 'lop3' };
const UNARY: Readonly<Record<string, string>> = { neg: 'neg', abs: 'abs', not: 'bit_not', popc: 'popc', clz: 'clz', brev: 'brev', bfind: 'bfind' };
/** Functions of ptx_semantics.h without a type. */
const UNTYPED = new Set(['prmt', 'lop3']);
/** Comparisons of unsigned numbers have names of their own. */
const COMPARISONS: Readonly<Record<string, string>> = { eq: 'eq', ne: 'ne', lt: 'lt', le: 'le', gt: 'gt', ge: 'ge', lo: 'lt', ls: 'le', hi: 'gt', hs: 'ge' };

const WRITERS: Readonly<Record<string, Writer>> = {
  mul: product,
  mad: product,
  setp: comparison,
  cvt: ({ operands: [to, from] }, modifiers) => {
    const [target, source] = modifiers.slice(-2) as [string, string];
    return assignment(to!, `ptx::cvt${modifiers.includes('sat') ? '_sat' : ''}<${typeText(target)}, ${typeText(source)}>(${valueText(from!)})`);
  },
  cvta: ({ operands: [to, from] }, modifiers) => assignment(to!, modifiers.includes('shared') ? `ptx::${modifiers.includes('to') ? 'shared_of_generic' : 'generic_of_shared'}(${valueText(from!)})` : valueText(from!)),
  mov: ({ operands: [to, from] }, modifiers) => move(to!, from!, modifiers[0]!),
  shf: ({ operands: [to, ...from] }, [side, mode]) => assignment(to!, `ptx::shf_${side}_${mode}(${from.map(valueText).join(', ')})`),
  dp4a: byteProduct,
  dp2a: byteProduct,
  bra: ({ operands: [label] }) => `goto ${nameText(label!)};`,
  trap: () => '::ptq_emulation::fail("PTX: trap");',
};

/** One C++ statement. @throws PtxTranslationError: an instruction that nobody has met yet. */
export function instructionText(instruction: PtxInstruction, place: Place): string {
  const [name, ...modifiers] = instruction.operation.split('.') as [string, ...string[]];
  const text = writtenText(name, modifiers, instruction, place);
  if (text === null) throw new PtxTranslationError(`instruction ${instruction.operation}`);
  return instruction.guard === null ? text : `if (${valueText(instruction.guard)}) { ${text} }`;
}

function writtenText(name: string, modifiers: readonly string[], instruction: PtxInstruction, place: Place): string | null {
  const { operands } = instruction;
  const writer = WRITERS[name];
  if (writer) return writer(instruction, modifiers);
  const computes = BINARY[name] ?? UNARY[name];
  if (computes !== undefined) {
    const type = UNTYPED.has(name) ? '' : `<${typeText(modifiers.at(-1)!)}>`;
    return assignment(operands[0]!, `ptx::${computes}${type}(${operands.slice(1).map(valueText).join(', ')})`);
  }
  return memoryText(name, modifiers, instruction, place) ?? collectiveText(name, modifiers, instruction, place);
}

function assignment(to: string, text: string): string {
  return `${nameText(to)} = ${text};`;
}

/** `mul.wide.s32`, `mad.lo.s32`. */
function product({ operation, operands: [to, ...from] }: PtxInstruction): string {
  const [name, part, type] = operation.split('.') as [string, string, string];
  return assignment(to!, `ptx::${name}_${part}<${typeText(type)}>(${from.map(valueText).join(', ')})`);
}

/** `setp.lt.s32 p, a, b` and `setp.lt.and.s32 p|q, a, b, c`: joined with another predicate; q gets the opposite. */
function comparison({ operands: [to, a, b, other] }: PtxInstruction, modifiers: readonly string[]): string {
  const compare = COMPARISONS[modifiers[0]!];
  if (compare === undefined) throw new PtxTranslationError(`comparison ${modifiers[0]}`);
  const joins = modifiers.length === 3 ? modifiers[1]! : null;
  const text = (negated: string): string => {
    const compared = `${negated}ptx::${compare}<${typeText(modifiers.at(-1)!)}>(${valueText(a!)}, ${valueText(b!)})`;
    return joins === null ? compared : `ptx::bit_${joins}<bool>(${compared}, ${valueText(other!)})`;
  };
  const [first, second] = to!.split('|') as [string, string?];
  return second === undefined ? assignment(first, text('')) : `${assignment(first, text(''))} ${assignment(second, text('!'))}`;
}

/** `dp4a.s32.u32 d, a, b, c`, `dp2a.lo.s32.s32`. */
function byteProduct({ operation, operands: [to, ...from] }: PtxInstruction): string {
  const parts = operation.split('.');
  const name = parts.length === 4 ? `${parts[0]}_${parts[1]}` : parts[0]!;
  return assignment(to!, `ptx::${name}<${parts.slice(-2).map(typeText).join(', ')}>(${from.map(valueText).join(', ')})`);
}

/** Between registers, and from or to the parts of a register, the lowest first. */
function move(to: string, from: string, type: string): string {
  const [targets, sources] = [partsOf(to), partsOf(from)];
  if (targets.length === 1 && sources.length === 1) return assignment(to, valueText(from));
  const bits = (8 * bytesOf(type)) / Math.max(targets.length, sources.length);
  if (sources.length > 1) return assignment(to, sources.map((source, i) => `static_cast<${typeText(type)}>(${valueText(source)}) << ${bits * i}`).join(' | '));
  return targets.map((target, i) => (target === '_' ? '' : assignment(target, `static_cast<uint${bits}_t>(${valueText(from)} >> ${bits * i})`))).join(' ');
}
