/** PTX text → functions and their statements. Source: PTX ISA 9.0. */
import { kernelName } from '../nvcc.js';

export interface PtxInstruction {
  readonly kind: 'instruction';
  /** `%p1` or `!%p1`: executed where it is (not) set. */
  readonly guard: string | null;
  /** `mad.lo.s32`, without predicate. */
  readonly operation: string;
  /** As written: registers, literals, addresses in brackets, groups in braces. */
  readonly operands: readonly string[];
}

export type PtxStatement =
  | PtxInstruction
  | { readonly kind: 'label'; readonly name: string }
  /** `.reg .b32 %r<91>`, without the semicolon. */
  | { readonly kind: 'declaration'; readonly text: string }
  | { readonly kind: 'open' | 'close' };

export interface PtxFunction {
  readonly symbol: string;
  /** As in the source. */
  readonly name: string;
  readonly isKernel: boolean;
  /** Name and size in bytes of what it returns; null where it returns nothing. */
  readonly result: PtxParameter | null;
  readonly parameters: readonly PtxParameter[];
  readonly statements: readonly PtxStatement[];
  readonly instructions: readonly PtxInstruction[];
}

export interface PtxParameter {
  readonly name: string;
  readonly bytes: number;
}

/** An array outside functions: a table in `global` or `const`, or the dynamic shared memory. */
export interface PtxArray {
  readonly space: 'global' | 'const' | 'shared';
  readonly name: string;
  readonly elementBytes: number;
  /** Elements; 0 where the launch says how many. */
  readonly length: number;
  readonly values: readonly string[];
}

const HEAD = /^(?:\.\w+ )*\.(entry|func)\s+(?:\((?<result>[^)]*)\)\s*)?(?<symbol>[\w$]+)\s*\((?<parameters>[^)]*)\)/;
const ARRAY = /^(?:\.(?:visible|extern|weak) )*\.(global|const|shared) \.align \d+ \.[bsu](\d+) ([\w$]+)\[(\d*)\](?: = \{([^}]*)\})?;/gm;

/** Functions with a body, in order. */
export function parsePtx(text: string): readonly PtxFunction[] {
  const plain = withOwnSlots(text).replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '');
  const starts = [...plain.matchAll(/^(?:\.\w+ )*\.(?:entry|func)\b/gm)].map((match) => match.index);
  return starts.flatMap((start, i) => {
    const part = plain.slice(start, starts[i + 1]);
    const head = HEAD.exec(part);
    const open = part.indexOf('\n{');
    if (!head || open < 0) return [];
    const statements = statementsOf(part.slice(open + 2, part.indexOf('\n}', open)));
    const { symbol, parameters, result } = head.groups as { symbol: string; parameters: string; result?: string };
    return [{
      symbol,
      name: kernelName(symbol),
      isKernel: head[1] === 'entry',
      result: parametersOf(result ?? '')[0] ?? null,
      parameters: parametersOf(parameters),
      statements,
      instructions: statements.filter((statement) => statement.kind === 'instruction'),
    }];
  });
}

export function parseArrays(text: string): readonly PtxArray[] {
  return [...text.matchAll(ARRAY)].map(([, space, bits, name, length, values]) => ({
    space: space as PtxArray['space'],
    name: name!,
    elementBytes: Number(bits) / 8,
    length: Number(length || 0),
    values: values?.split(',').map((value) => value.trim()) ?? [],
  }));
}

/** `.param .align 8 .b8 name[16], .param .u64 .ptr name2`. */
function parametersOf(list: string): readonly PtxParameter[] {
  return list.split(',').flatMap((text) => {
    const found = /\.[a-z](\d+)\b.*?([\w$]+)(?:\[(\d+)\])?\s*$/s.exec(text);
    return found ? [{ name: found[2]!, bytes: (Number(found[1]) / 8) * Number(found[3] ?? 1) }] : [];
  });
}

/** Every call declares `param0`, `retval0` ... anew: they get its number. */
function withOwnSlots(text: string): string {
  return text.replace(/\{ \/\/ callseq (\d+)[\s\S]*?\} \/\/ callseq \1\b/g, (call, number) => call.replace(/\b(param|retval)(\d+)\b/g, `$1$2_${number}`));
}

/** Braces begin and end a scope where a statement might stand; elsewhere they group operands. */
function statementsOf(body: string): readonly PtxStatement[] {
  const next = /\s*(?:([{}])|([\w$]+):|([^;]+);)/y;
  const statements: PtxStatement[] = [];
  for (let found = next.exec(body); found; found = next.exec(body)) {
    const [, brace, label, text] = found;
    if (brace) statements.push({ kind: brace === '{' ? 'open' : 'close' });
    else if (label) statements.push({ kind: 'label', name: label });
    else statements.push(statementOf(text!.replace(/\s+/g, ' ').trim()));
  }
  return statements;
}

function statementOf(text: string): PtxStatement {
  if (text.startsWith('.')) return { kind: 'declaration', text };
  const [, guard = null, words] = /^(?:@(!?%?\w+) )?(.*)$/.exec(text) as unknown as [string, string | undefined, string];
  const [operation] = words.split(' ');
  return { kind: 'instruction', guard, operation: operation!, operands: operandsOf(words.slice(operation!.length)) };
}

/** Splits at commas outside brackets, braces and parentheses. */
function operandsOf(text: string): readonly string[] {
  const operands: string[] = [];
  let depth = 0;
  let current = '';
  for (const letter of text) {
    if ('([{'.includes(letter)) depth++;
    if (')]}'.includes(letter)) depth--;
    if (letter === ',' && depth === 0) {
      operands.push(current.trim());
      current = '';
    } else current += letter;
  }
  return current.trim() === '' ? operands : [...operands, current.trim()];
}

/** Registers that an operand names. */
export function registersOf(operand: string): readonly string[] {
  return operand.match(/%[a-z]+\d+/g) ?? [];
}
