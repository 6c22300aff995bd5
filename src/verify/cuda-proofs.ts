/** What the code of the kernels itself shows: PTX and the machine code of every architecture. */
import { type CudaCode, firstFloat, parseCubin, parsePtx, type PtxFunction } from '../toolchains/index.js';
import type { BinaryProofs } from './proofs.js';
import { productsOfData } from './ptx-products.js';

const FLOAT_TYPE = /\.(f16|f16x2|bf16|bf16x2|tf32|f32|f32x2|f64|e4m3|e5m2|e4m3x2|e5m2x2|e2m1x2|ue8m0x2)\b/;
/** Divisions by a literal are products by then; the others become floating point in the machine code. */
const DIVISION = /^(div|rem)\./;
const HEAP = /^(malloc|free|__cxx?a?_?new|_Znwm|_Znam|_ZdlPv\w*|_ZdaPv\w*)$/;

/** Proofs about all functions of all architectures; `demandsNoMultiply`: every product of data is named. */
export function proveCuda(codes: readonly CudaCode[], demandsNoMultiply = false): BinaryProofs {
  const found = codes.map((code) => examine(code));
  const floats = unique(found.flatMap((one) => one.floats));
  const foreign = unique(found.flatMap((one) => one.foreign));
  const products = unique(found.flatMap((one) => one.products));
  const details = [
    ...found.map((one) => one.summary),
    ...floats.map((text) => `floating point: ${text}`),
    ...foreign.map((name) => `call outside the generated code: ${name}`),
    ...multiplicationDetails(products, demandsNoMultiply),
  ];
  const complete = codes.length > 0 && foreign.length === 0;
  return { noFloat: complete && floats.length === 0, noHeap: complete, noMultiply: complete && products.length === 0, details };
}

interface Examined {
  readonly summary: string;
  readonly floats: readonly string[];
  readonly foreign: readonly string[];
  readonly products: readonly string[];
}

function examine(code: CudaCode): Examined {
  const { architecture } = code;
  const functions = parsePtx(code.ptx);
  const machine = parseCubin(code.cubin);
  const floats = [
    ...functions.flatMap((one) => firstOf(one, (operation) => FLOAT_TYPE.test(operation) || DIVISION.test(operation))),
    ...machine.flatMap((one) => {
      const operation = firstFloat(one);
      return operation === null ? [] : [`${one.name}: ${operation}`];
    }),
  ];
  const instructions = machine.reduce((sum, one) => sum + one.words.length / 2, 0);
  return {
    summary: `${architecture}: ${functions.filter((one) => one.isKernel).length} kernel(s), ${functions.reduce((sum, one) => sum + one.instructions.length, 0)} instructions of PTX and ${instructions} of machine code were examined`,
    floats: floats.map((text) => `${text} (${architecture})`),
    foreign: foreignCalls(functions),
    products: productsOfData(functions),
  };
}

function firstOf(one: PtxFunction, breaks: (operation: string) => boolean): readonly string[] {
  const found = one.instructions.find(({ operation }) => breaks(operation));
  return found ? [`${one.name}: ${found.operation} ${found.operands.join(', ')}`] : [];
}

/** Calls of what is not in the file: the heap, printf, assertions; calls through a register. */
function foreignCalls(functions: readonly PtxFunction[]): readonly string[] {
  const own = new Set(functions.map((one) => one.symbol));
  return functions.flatMap((one) =>
    one.instructions
      .filter(({ operation }) => /^call\b/.test(operation))
      .map(({ operands }) => operands.find((operand) => !operand.startsWith('(')) ?? '')
      .filter((callee) => !own.has(callee))
      .map((callee) => `${one.name}: ${callee.startsWith('%') ? 'through a register' : callee}${HEAP.test(callee) ? ' (heap)' : ''}`),
  );
}

function unique(lines: readonly string[]): readonly string[] {
  return [...new Set(lines)];
}

function multiplicationDetails(products: readonly string[], named: boolean): readonly string[] {
  if (products.length === 0) return ['no multiplication in the data path: every product in PTX is one of indices and sizes, or by a power of two'];
  return named ? products.map((text) => `multiplication: ${text}`) : [`${products.length} instruction(s) multiply data`];
}
