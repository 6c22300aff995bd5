/** Machine code of NVIDIA GPUs without NVIDIA's disassembler: which operations there are, not their operands. */
import { RunError } from '../errors.js';
import { kernelName } from './nvcc.js';

export interface CubinFunction {
  readonly name: string;
  /** Words of 128 bits, in pairs: the lower and the upper half. */
  readonly words: BigUint64Array;
}

const SECTION_OFFSET = 0x28;
const SECTION_BYTES = 0x3a;
const SECTION_COUNT = 0x3c;
const NAMES_SECTION = 0x3e;

/** The functions of an ELF file as ptxas writes it: one section `.text.<function>` each. @throws RunError where it is none. */
export function parseCubin(cubin: Uint8Array): readonly CubinFunction[] {
  const view = new DataView(cubin.buffer, cubin.byteOffset, cubin.byteLength);
  if (cubin.byteLength < 64 || view.getUint32(0) !== 0x7f454c46) throw new RunError('the machine code of the GPU is no ELF file', '', '');
  const long = (at: number): number => Number(view.getBigUint64(at, true));
  const section = (index: number): number => long(SECTION_OFFSET) + index * view.getUint16(SECTION_BYTES, true);
  const names = long(section(view.getUint16(NAMES_SECTION, true)) + 0x18);
  const functions: CubinFunction[] = [];
  const copy = (start: number, end: number): ArrayBuffer => new Uint8Array(cubin.subarray(start, end)).buffer;
  for (let i = 0; i < view.getUint16(SECTION_COUNT, true); i++) {
    const name = textAt(cubin, names + view.getUint32(section(i), true));
    if (!name.startsWith('.text.')) continue;
    const [start, bytes] = [long(section(i) + 0x18), long(section(i) + 0x20)];
    functions.push({ name: kernelName(name.slice('.text.'.length)), words: new BigUint64Array(copy(start, start + bytes)) });
  }
  return functions;
}

function textAt(bytes: Uint8Array, start: number): string {
  return new TextDecoder('latin1').decode(bytes.subarray(start, bytes.indexOf(0, start)));
}

/**
 * Operations on floating point: the low nine bits of an instruction, the same on sm_75, sm_80 and sm_90(a). Found by compiling
 * kernels of one operation each; test/verify/cuda-proofs.test.ts compiles them again.
 */
const FLOAT_OPERATIONS: ReadonlyMap<number, string> = new Map([
  [0x08, 'FSEL'], [0x09, 'FMNMX'], [0x0a, 'FSET'], [0x0b, 'FSETP'], [0x20, 'FMUL'], [0x21, 'FADD'], [0x22, 'FSWZADD'], [0x23, 'FFMA'],
  [0x28, 'DMUL'], [0x29, 'DADD'], [0x2a, 'DSETP'], [0x2b, 'DFMA'], [0x30, 'HADD2'], [0x31, 'HFMA2'], [0x32, 'HMUL2'], [0x33, 'HSET2'], [0x34, 'HSETP2'],
  [0x35, 'HFMA2.MMA'], [0x3c, 'HMMA'], [0x3e, 'F2FP'], [0x3f, 'DMMA'], [0x40, 'HMNMX2'], [0x45, 'I2FP'], [0x102, 'FCHK'], [0x104, 'F2F'], [0x105, 'F2I'],
  [0x106, 'I2F'], [0x107, 'FRND'], [0x108, 'MUFU'], [0x110, 'F2F.F64'], [0x111, 'F2I.F64'], [0x112, 'I2F.F64'], [0x113, 'FRND.F64'],
  [0x1f0, 'HGMMA'], [0x1f3, 'QGMMA'],
]);

/** The first operation on floating point of a function; null where there is none. */
export function firstFloat({ words }: CubinFunction): string | null {
  for (let at = 0; at < words.length; at += 2) {
    const operation = FLOAT_OPERATIONS.get(Number(words[at]! & 0x1ffn));
    if (operation !== undefined && !isConstantMove(words[at]!, words[at + 1]!) && !isEmptyGroup(words[at]!)) return operation;
  }
  return null;
}

/** ptxas loads constants with `HFMA2 R, -RZ, RZ, constant`, which leaves the pipe of integers alone: 0·0 + the constant, bit for bit. */
function isConstantMove(low: bigint, high: bigint): boolean {
  const form = low & 0xfffn;
  return (form === 0x431n || form === 0x435n) && ((low >> 24n) & 0xffn) === 0xffn && (high & 0xffn) === 0xffn;
}

/** ptxas ends groups of products with an HGMMA of nothing (no destination, no descriptors), after those of integers too. */
function isEmptyGroup(low: bigint): boolean {
  return (low & 0xffff_0fffn) === 0x3fff_09f0n;
}
