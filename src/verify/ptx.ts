/** PTX text → functions and their instructions. Source: PTX ISA 9.0. */
import { kernelName } from '../toolchains/index.js';

export interface PtxInstruction {
  /** `mad.lo.s32`, without predicate. */
  readonly operation: string;
  /** As written: registers, literals, addresses in brackets, groups in braces. */
  readonly operands: readonly string[];
}

export interface PtxFunction {
  readonly symbol: string;
  /** As in the source. */
  readonly name: string;
  readonly isKernel: boolean;
  /** Names of the parameters, in order. */
  readonly parameters: readonly string[];
  readonly instructions: readonly PtxInstruction[];
}

const HEAD = /^(?:\.\w+ )*\.(entry|func)\s+(?:\((?<result>[^)]*)\)\s*)?(?<symbol>[\w$]+)\s*\((?<parameters>[^)]*)\)/;

/** Functions with a body, in order. */
export function parsePtx(text: string): readonly PtxFunction[] {
  const plain = withOwnSlots(text).replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '');
  const starts = [...plain.matchAll(/^(?:\.\w+ )*\.(?:entry|func)\b/gm)].map((match) => match.index);
  return starts.flatMap((start, i) => {
    const part = plain.slice(start, starts[i + 1]);
    const head = HEAD.exec(part);
    const open = part.indexOf('\n{');
    if (!head || open < 0) return [];
    const body = part.slice(open + 2, part.indexOf('\n}', open));
    const parameters = [...head.groups!['parameters']!.matchAll(/([\w$]+)(?:\[\d+\])?\s*(?:,|$)/g)].map(([, name]) => name!);
    return [{ symbol: head.groups!['symbol']!, name: kernelName(head.groups!['symbol']!), isKernel: head[1] === 'entry', parameters, instructions: instructionsOf(body) }];
  });
}

/** Every call declares `param0`, `retval0` ... anew: they get its number. */
function withOwnSlots(text: string): string {
  return text.replace(/\{ \/\/ callseq (\d+)[\s\S]*?\} \/\/ callseq \1\b/g, (call, number) => call.replace(/\b(param|retval)(\d+)\b/g, `$1$2_${number}`));
}

function instructionsOf(body: string): readonly PtxInstruction[] {
  return body.split(';').flatMap((statement) => {
    const words = statement
      .replace(/\s+/g, ' ')
      // braces around the statements of a call, and labels
      .replace(/^[ {}]*(?:[\w$]+: ?[ {}]*)*/, '')
      .replace(/^@!?%p\d+ /, '')
      .trim();
    if (words === '' || words.startsWith('.')) return [];
    const [operation] = words.split(' ');
    return [{ operation: operation!, operands: operandsOf(words.slice(operation!.length)) }];
  });
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
