/** Operands of PTX as C++ text. */
/** Something in PTX that this translation does not know. */
export class PtxTranslationError extends Error {
  constructor(what: string) {
    super(`${what} is not known here`);
  }
}

const INTEGER = /^([usb])(8|16|32|64)$/;

/** C++ type of a type of PTX: `s32` → `int32_t`, `pred` → `bool`. */
export function typeText(type: string): string {
  if (type === 'pred') return 'bool';
  const found = INTEGER.exec(type);
  if (!found) throw new PtxTranslationError(`type ${type}`);
  return `${found[1] === 's' ? 'int' : 'uint'}${found[2]}_t`;
}

export function bytesOf(type: string): number {
  const found = INTEGER.exec(type);
  if (!found) throw new PtxTranslationError(`type ${type}`);
  return Number(found[2]) / 8;
}

const SPECIAL = /^%(n?tid|n?ctaid)\.([xyz])$/;
const SPECIAL_TEXTS: Readonly<Record<string, string>> = { tid: 'threadIdx', ntid: 'blockDim', ctaid: 'blockIdx', nctaid: 'gridDim' };

/** `%rd12` → `r_rd12`; `$L__BB0_1` and other symbols keep what C++ allows of their name. */
export function nameText(name: string): string {
  return name.startsWith('%') ? `r_${name.slice(1)}` : `s_${name.replace(/\W/g, '_')}`;
}

/** A register, a special register, a literal or a symbol as a value. */
export function valueText(operand: string): string {
  const special = SPECIAL.exec(operand);
  if (special) return `${SPECIAL_TEXTS[special[1]!]}.${special[2]}`;
  if (operand === '%laneid') return '::ptq_emulation::lane()';
  if (/^-?(\d+|0[xX][\da-fA-F]+)U?$/.test(operand)) return BigInt.asIntN(64, literalOf(operand)) === literalOf(operand) ? `${operand.replace(/U$/, '')}LL` : `${operand.replace(/U$/, '')}ULL`;
  if (operand.startsWith('!')) return `!${valueText(operand.slice(1))}`;
  if (/^%?[\w$]+$/.test(operand)) return nameText(operand);
  throw new PtxTranslationError(`operand ${operand}`);
}

function literalOf(operand: string): bigint {
  const text = operand.replace(/U$/, '');
  return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
}

/** `{%r1, %r2}` → its parts; anything else is one part. */
export function partsOf(operand: string): readonly string[] {
  return operand.startsWith('{') ? operand.slice(1, -1).split(',').map((part) => part.trim()) : [operand];
}

/** `[%rd1+-4]` → base and distance in bytes. */
export function addressOf(operand: string): { readonly base: string; readonly offset: number } {
  const found = /^\[([%\w$]+)(?:\s*\+\s*(-?\d+))?\]$/.exec(operand);
  if (!found) throw new PtxTranslationError(`address ${operand}`);
  return { base: found[1]!, offset: Number(found[2] ?? 0) };
}

export function addressText(operand: string): string {
  const { base, offset } = addressOf(operand);
  return offset === 0 ? valueText(base) : `${valueText(base)} + ${offset}`;
}
