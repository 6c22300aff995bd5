/**
 * Products in the data path of PTX. Data is what was read from memory (global, shared, local, constant; not the parameters of
 * a kernel) and everything computed from it. Indices computed from thread numbers, sizes and loop counters are none: their
 * products only make addresses. A product by a literal power of two is a shift.
 */
import { type PtxFunction, type PtxInstruction, registersOf } from '../toolchains/index.js';

/** `kernel: mad.lo.s32 %r5, %r4, %r3, %r2`, for every product that data goes into. */
export function productsOfData(functions: readonly PtxFunction[]): readonly string[] {
  const flow = new DataFlow(functions);
  return functions.flatMap((one) => one.instructions.filter((i) => flow.multipliesData(one, i)).map((i) => `${one.name}: ${i.operation} ${i.operands.join(', ')}`));
}

const PRODUCT = /^(mul24|mul|mad24|mad|madc|dp4a|dp2a|fma|mma|wmma|wgmma\.mma_async)\b/;
const TENSOR_PRODUCT = /^(mma|wmma|dp4a|dp2a)\b/;
/** Its operands are descriptors: both factors come from memory. */
const PRODUCT_OF_MEMORY = /^wgmma\.mma_async\b/;
const LOAD = /^(ld|ldu|ldmatrix|atom|tex|tld4|suld|wgmma\.mma_async)\b/;
const NO_RESULT = /^(st|stmatrix|red|bra|brx|bar|barrier|ret|exit|call|membar|fence|cp|prefetch|prefetchu|trap|wgmma\.(fence|commit_group|wait_group))\b/;

class DataFlow {
  /** Registers and parameters that hold data, by function. */
  private readonly data = new Map<PtxFunction, Set<string>>();
  /** Parameters that some call gives data, by function. */
  private readonly given = new Map<PtxFunction, Set<number>>();
  private readonly bySymbol: ReadonlyMap<string, PtxFunction>;
  private changed = true;

  constructor(functions: readonly PtxFunction[]) {
    this.bySymbol = new Map(functions.map((one) => [one.symbol, one]));
    for (const one of functions) {
      this.data.set(one, new Set());
      this.given.set(one, new Set());
    }
    while (this.changed) {
      this.changed = false;
      for (const one of functions) for (const instruction of one.instructions) this.follow(one, instruction);
    }
  }

  /** An operand counts where the product takes it: the third one of mad is only added. */
  multipliesData(one: PtxFunction, { operation, operands }: PtxInstruction): boolean {
    if (PRODUCT_OF_MEMORY.test(operation)) return true;
    if (!PRODUCT.test(operation)) return false;
    const factors = TENSOR_PRODUCT.test(operation) ? operands.slice(1, 3) : operands.slice(1, 3).filter((_, i, both) => !isPowerOfTwo(both[1 - i]!));
    return factors.some((operand) => this.isData(one, operand));
  }

  private isData(one: PtxFunction, operand: string): boolean {
    const known = this.data.get(one)!;
    return registersOf(operand).some((register) => known.has(register));
  }

  private mark(one: PtxFunction, names: readonly string[]): void {
    const known = this.data.get(one)!;
    for (const name of names) {
      if (known.has(name)) continue;
      known.add(name);
      this.changed = true;
    }
  }

  private follow(one: PtxFunction, { operation, operands }: PtxInstruction): void {
    const [first = '', ...others] = operands;
    if (operation.startsWith('st.param')) {
      if (others.some((operand) => this.isData(one, operand))) this.mark(one, [slotOf(first)]);
    } else if (operation.startsWith('call')) this.followCall(one, operands);
    else if (operation.startsWith('ld.param')) {
      if (this.isGiven(one, slotOf(others[0] ?? ''))) this.mark(one, registersOf(first));
    } else if (LOAD.test(operation)) this.mark(one, registersOf(first));
    else if (!NO_RESULT.test(operation) && others.some((operand) => this.isData(one, operand))) this.mark(one, registersOf(first.split('|')[0]!));
  }

  /** What a callee returns is data; what it is given is where the caller gives data. */
  private followCall(one: PtxFunction, operands: readonly string[]): void {
    const lists = operands.filter((operand) => operand.startsWith('(')).map(listOf);
    const callee = this.bySymbol.get(operands.find((operand) => !operand.startsWith('(')) ?? '');
    const [results, slots] = lists.length === 2 ? [lists[0]!, lists[1]!] : operands[0]?.startsWith('(') ? [lists[0] ?? [], []] : [[], lists[0] ?? []];
    this.mark(one, results);
    slots.forEach((slot, i) => {
      if (!callee || !this.data.get(one)!.has(slot) || this.given.get(callee)!.has(i)) return;
      this.given.get(callee)!.add(i);
      this.changed = true;
    });
  }

  private isGiven(one: PtxFunction, slot: string): boolean {
    const index = one.parameters.findIndex(({ name }) => name === slot);
    return index >= 0 ? this.given.get(one)!.has(index) : this.data.get(one)!.has(slot);
  }
}

/** `[param0+0]` → `param0`. */
function slotOf(operand: string): string {
  return /^\[([\w$]+)/.exec(operand)?.[1] ?? '';
}

function listOf(operand: string): readonly string[] {
  return operand.slice(1, -1).split(',').map((name) => name.trim()).filter((name) => name !== '');
}

function isPowerOfTwo(operand: string): boolean {
  if (!/^(0x[0-9a-fA-F]+|\d+)$/.test(operand)) return false;
  const value = BigInt(operand);
  return value > 0n && (value & (value - 1n)) === 0n;
}
