/**
 * PTX → C++ for the emulation of CUDA, one statement an instruction: what nvcc made of the kernels runs on this machine, not
 * only their source. What ptxas and the GPU make of it stays to be seen on a GPU.
 */
import { instructionText } from './instructions.js';
import { nameText, PtxTranslationError, typeText } from './operands.js';
import { parseArrays, parsePtx, type PtxArray, type PtxFunction, type PtxInstruction, type PtxStatement } from './parse.js';

export interface TranslatedPtx {
  /** Arrays and functions that kernels use. */
  readonly support: string;
  /** Kernel's name in the source → symbols of its parameters and C++ statements that compute it. */
  readonly kernels: ReadonlyMap<string, TranslatedKernel>;
}

export interface TranslatedKernel {
  readonly parameters: readonly string[];
  readonly body: string;
}

/** @throws PtxTranslationError: something that nobody has met yet. */
export function translatePtx(text: string): TranslatedPtx {
  const arrays = parseArrays(text);
  const dynamic = new Set(arrays.filter(({ space, length }) => space === 'shared' && length === 0).map(({ name }) => name));
  const functions = parsePtx(text);
  const devices = functions.filter(({ isKernel }) => !isKernel);
  const support = [
    ...arrays.filter(({ space }) => space !== 'shared').map(arrayText),
    ...devices.map((one) => `${headText(one)};`),
    ...devices.map((one) => `${headText(one)} {\n${bodyText(one, dynamic, new Map([...one.parameters, ...(one.result ? [one.result] : [])].map(({ name }) => [name, nameText(name)])))}\n}`),
  ];
  const kernels = functions.filter(({ isKernel }) => isKernel).map((one) => {
    const slots = new Map(one.parameters.map(({ name }) => [name, `&${nameText(name)}`]));
    return [one.name, { parameters: one.parameters.map(({ name }) => nameText(name)), body: bodyText(one, dynamic, slots) }] as const;
  });
  return { support: support.join('\n'), kernels: new Map(kernels) };
}

/** A table; its symbol is its address. */
function arrayText({ name, elementBytes, length, values }: PtxArray): string {
  const own = nameText(name);
  return `alignas(16) static const uint${8 * elementBytes}_t ${own}_array[${Math.max(1, length)}] = {${values.map((value) => `static_cast<uint${8 * elementBytes}_t>(${value})`).join(', ')}};\nstatic const uint64_t ${own} = reinterpret_cast<uint64_t>(${own}_array);\nstatic const ptx::Table ${own}_table(${own}_array, sizeof ${own}_array);`;
}

/** Parameters and result of a device function are places in the memory of its caller. */
function headText({ symbol, parameters, result }: PtxFunction): string {
  const list = [...(result ? [result] : []), ...parameters].map(({ name }) => `uint8_t *${nameText(name)}`);
  return `static void ${nameText(symbol)}(${list.join(', ')})`;
}

function bodyText(one: PtxFunction, dynamic: ReadonlySet<string>, slots: ReadonlyMap<string, string>): string {
  const used = [...dynamic].filter((name) => one.instructions.some(({ operands }) => operands.some((operand) => operand.includes(name))));
  const lines = one.statements.map((statement, index) => `  ${statementText(statement, { index, slots })}`);
  return [...used.map((name) => `  const uint64_t ${nameText(name)} = 0;`), ...hoisted(lines)].join('\n');
}

/** Jumps may not pass an initialization: what has one comes first. */
function hoisted(lines: readonly string[]): readonly string[] {
  const isFirst = (line: string): boolean => /^ {2}(static|const) /.test(line);
  return [...lines.filter(isFirst), ...lines.filter((line) => !isFirst(line))];
}

function statementText(statement: PtxStatement, place: { readonly index: number; readonly slots: ReadonlyMap<string, string> }): string {
  switch (statement.kind) {
    case 'open':
      return '{';
    case 'close':
      return '}';
    case 'label':
      return `${nameText(statement.name)}:;`;
    case 'declaration':
      return declarationText(statement.text);
    default:
      if (/^(ret|exit)\b/.test(statement.operation)) return statement.guard === null ? 'return;' : `if (${nameText(statement.guard.replace('!', ''))} != ${statement.guard.startsWith('!')}) return;`;
      if (statement.operation.startsWith('call')) return callText(statement.operands);
      return `PTX_AT(${place.index}, ${productsOf(statement)}) ${instructionText(statement, place)}`;
  }
}

/** Products of integers that a warp gets from tensor cores: `m16n8k32`; of a warpgroup its four warps get a part each. */
function productsOf({ operation }: PtxInstruction): number {
  const shape = /^(w?g?)mma\b.*\.m(\d+)n(\d+)k(\d+)\b/.exec(operation);
  return shape ? (Number(shape[2]) * Number(shape[3]) * Number(shape[4])) / (shape[1] === '' ? 1 : 4) : 0;
}

/** `.reg .b32 %r<91>`, `.reg .b64 %SP`, `.shared .align 16 .b8 name[40]`, `.local ...`, `.param .b64 param0`. */
function declarationText(text: string): string {
  const registers = /^\.reg \.(\w+) (.+)$/.exec(text);
  if (registers) return registerTexts(registers[1]!, registers[2]!);
  const array = /^\.(shared|local) \.align \d+ \.b8 ([\w$]+)\[(\d+)\]$/.exec(text);
  if (array) return arrayInside(array[1]!, array[2]!, array[3]!);
  const slot = /^\.param (?:\.align \d+ )?\.[a-z](\d+) ([\w$]+)(?:\[(\d+)\])?$/.exec(text);
  if (slot) return `alignas(16) uint8_t ${nameText(slot[2]!)}[${(Number(slot[1]) / 8) * Number(slot[3] ?? 1)}];`;
  if (/^\.(pragma|loc|file)\b/.test(text)) return ';';
  throw new PtxTranslationError(`declaration ${text}`);
}

function registerTexts(type: string, list: string): string {
  const names = list.split(',').flatMap((name) => {
    const many = /^(%\w+)<(\d+)>$/.exec(name.trim());
    return many ? Array.from({ length: Number(many[2]) }, (_, i) => `${many[1]}${i}`) : [name.trim()];
  });
  return names.length === 0 ? ';' : `${typeText(type)} ${names.map(nameText).join(', ')};`;
}

/** A symbol of shared memory is where it begins there, one of local memory an address. */
function arrayInside(space: string, symbol: string, length: string): string {
  const name = nameText(symbol);
  if (space === 'local') return `alignas(16) uint8_t ${name}_array[${length}]; uint64_t ${name}; ${name} = reinterpret_cast<uint64_t>(${name}_array);`;
  return `static ::ptq_emulation::SharedSite ${name}_site = {"${symbol}", 0, 0}; const uint64_t ${name} = ptx::shared_of(::ptq_emulation::shared_array<uint8_t, ${length}>(${name}_site));`;
}

/** `call.uni (retval0), name, (param0, param1)`. */
function callText(operands: readonly string[]): string {
  const callee = operands.findIndex((operand) => !operand.startsWith('('));
  const slots = operands.filter((_, i) => i !== callee).flatMap((list) => list.slice(1, -1).split(',').map((name) => name.trim()).filter((name) => name !== ''));
  if (callee < 0 || operands[callee]!.startsWith('%')) throw new PtxTranslationError(`call ${operands.join(', ')}`);
  return `${nameText(operands[callee]!)}(${slots.map(nameText).join(', ')});`;
}
