/** Expressions of the scalar subset as C99 text without undefined behaviour. No syntax tree here: only text, width and magnitude. */

export type ScalarType = 'i32' | 'i64' | 'bool';

/**
 * C text of an expression. `raw` results of + − · are not yet wrapped to their width: `signed` tells whether the text is
 * plain signed arithmetic (proven not to overflow by `magnitude`) or unsigned arithmetic that wraps.
 */
export interface CExpression {
  readonly text: string;
  readonly type: ScalarType;
  readonly precedence: number;
  /** |value| never exceeds this. */
  readonly magnitude: bigint;
  readonly raw?: 'signed' | 'unsigned';
  readonly literal?: bigint;
  /** The same bits as an unsigned expression of the same width, where that is shorter than a cast. */
  readonly unsigned?: { readonly text: string; readonly precedence: number };
}

export const PRECEDENCE = { primary: 16, unary: 15, multiply: 13, add: 12, shift: 11, relation: 10, equality: 9, bits: 8, and: 5, or: 4, condition: 3 } as const;

export const C_TYPE: Readonly<Record<ScalarType, string>> = { i32: 'int32_t', i64: 'int64_t', bool: 'int' };
const UNSIGNED: Readonly<Record<'i32' | 'i64', string>> = { i32: 'uint32_t', i64: 'uint64_t' };
const LIMIT: Readonly<Record<ScalarType, bigint>> = { i32: 1n << 31n, i64: 1n << 63n, bool: 1n };

/** Text of `e` as an operand that binds at least as tightly as `least`. */
export function operand(e: CExpression, least: number): string {
  return e.precedence < least ? `(${e.text})` : e.text;
}

export function value(text: string, type: ScalarType, precedence: number = PRECEDENCE.primary, magnitude: bigint = LIMIT[type]): CExpression {
  return { text, type, precedence, magnitude };
}

export function literal(number: bigint, type: 'i32' | 'i64'): CExpression {
  const magnitude = number < 0n ? -number : number;
  return { text: literalText(number), type, precedence: number < 0n ? PRECEDENCE.unary : PRECEDENCE.primary, magnitude, literal: number };
}

function literalText(number: bigint): string {
  if (number === -2147483648n) return 'INT32_MIN';
  if (number === 2147483647n) return 'INT32_MAX';
  if (number === -9223372036854775808n) return 'INT64_MIN';
  const fits = number > -2147483648n && number < 2147483648n;
  return fits ? String(number) : number < 0n ? `-INT64_C(${-number})` : `INT64_C(${number})`;
}

function unsignedOperand(e: CExpression, least: number): string {
  if (e.raw === 'unsigned') return operand(e, least);
  if (e.unsigned) return e.unsigned.precedence < least ? `(${e.unsigned.text})` : e.unsigned.text;
  if (e.literal !== undefined && e.literal >= 0n && e.literal < 2147483648n) return e.type === 'i32' ? `${e.literal}u` : `UINT64_C(${e.literal})`;
  return `(${UNSIGNED[e.type as 'i32' | 'i64']})${operand(e, PRECEDENCE.unary)}`;
}

/** a + b, a − b or a·b; raw until wrapped. */
export function arithmetic(operator: '+' | '-' | '*', a: CExpression, b: CExpression): CExpression {
  const type = a.type;
  const magnitude = operator === '*' ? a.magnitude * b.magnitude : a.magnitude + b.magnitude;
  const precedence = operator === '*' ? PRECEDENCE.multiply : PRECEDENCE.add;
  const exact = magnitude < LIMIT[type] && a.raw !== 'unsigned' && b.raw !== 'unsigned';
  const left = exact ? operand(a, precedence) : unsignedOperand(a, precedence);
  const right = exact ? operand(b, precedence + 1) : unsignedOperand(b, precedence + 1);
  return { text: `${left} ${operator} ${right}`, type, precedence, magnitude, raw: exact ? 'signed' : 'unsigned' };
}

/** a / b toward zero, b ≠ 0, not MIN / −1 (preconditions). */
export function quotient(operator: '/' | '%', a: CExpression, b: CExpression): CExpression {
  const text = `${operand(a, PRECEDENCE.multiply)} ${operator} ${operand(b, PRECEDENCE.unary)}`;
  const magnitude = operator === '/' ? a.magnitude : b.magnitude;
  return { text, type: a.type, precedence: PRECEDENCE.multiply, magnitude, ...(operator === '/' && { raw: 'signed' as const }) };
}

/** Wraps a raw result to its width. */
export function wrap(e: CExpression): CExpression {
  const magnitude = e.magnitude < LIMIT[e.type] ? e.magnitude : LIMIT[e.type];
  if (e.raw !== 'unsigned') return { ...e, raw: undefined, magnitude };
  const wrapped = value(`(${C_TYPE[e.type]})${operand(e, PRECEDENCE.unary)}`, e.type, PRECEDENCE.unary, magnitude);
  return { ...wrapped, unsigned: { text: e.text, precedence: e.precedence } };
}

/** x << n: raw for i64 (bigints grow), wrapped for i32. */
export function shiftLeft(a: CExpression, count: CExpression): CExpression {
  const text = `${unsignedOperand(a, PRECEDENCE.unary)} << ${countText(count)}`;
  const raw: CExpression = { text, type: a.type, precedence: PRECEDENCE.shift, magnitude: LIMIT[a.type] * 2n, raw: 'unsigned' };
  return a.type === 'i32' ? wrap(raw) : raw;
}

/** x >> n, arithmetic. */
export function shiftRight(a: CExpression, count: CExpression): CExpression {
  const magnitude = count.literal === undefined ? a.magnitude : (a.magnitude >> count.literal) + 1n;
  return value(`${operand(a, PRECEDENCE.unary)} >> ${countText(count)}`, a.type, PRECEDENCE.shift, magnitude);
}

function countText(count: CExpression): string {
  const widened = /^\(int64_t\)(\w+|\(.*\))$/.exec(count.text);
  return widened ? widened[1]! : operand(count, PRECEDENCE.unary);
}

export function bits(operator: '&' | '|' | '^', a: CExpression, b: CExpression): CExpression {
  const masked = operator === '&' ? [a, b].find((e) => e.literal !== undefined && e.literal >= 0n) : undefined;
  const text = `${operand(a, PRECEDENCE.unary)} ${operator} ${operand(b, PRECEDENCE.unary)}`;
  return value(text, a.type, PRECEDENCE.bits, masked?.magnitude ?? LIMIT[a.type]);
}

export function compare(operator: string, a: CExpression, b: CExpression): CExpression {
  const c = operator === '===' ? '==' : operator === '!==' ? '!=' : operator;
  const precedence = c === '==' || c === '!=' ? PRECEDENCE.equality : PRECEDENCE.relation;
  return value(`${operand(a, PRECEDENCE.add)} ${c} ${operand(b, PRECEDENCE.add)}`, 'bool', precedence);
}

export function logic(operator: '&&' | '||', a: CExpression, b: CExpression): CExpression {
  const precedence = operator === '&&' ? PRECEDENCE.and : PRECEDENCE.or;
  const text = (e: CExpression) => (e.precedence === precedence ? e.text : operand(e, PRECEDENCE.equality));
  return value(`${text(a)} ${operator} ${text(b)}`, 'bool', precedence);
}

export function choose(condition: CExpression, yes: CExpression, no: CExpression): CExpression {
  const text = `${operand(condition, PRECEDENCE.and)} ? ${operand(yes, PRECEDENCE.or)} : ${operand(no, PRECEDENCE.condition)}`;
  return value(text, yes.type, PRECEDENCE.condition, yes.magnitude > no.magnitude ? yes.magnitude : no.magnitude);
}

export function widen(e: CExpression): CExpression {
  if (e.literal !== undefined) return literal(e.literal, 'i64');
  const text = operand(e, PRECEDENCE.unary);
  return { ...value(`(int64_t)${text}`, 'i64', PRECEDENCE.unary, e.magnitude), unsigned: { text: `(uint64_t)${text}`, precedence: PRECEDENCE.unary } };
}

export function narrow(e: CExpression): CExpression {
  const magnitude = e.magnitude < LIMIT.i32 ? e.magnitude : LIMIT.i32;
  const narrowed = value(`(int32_t)${operand(e, PRECEDENCE.unary)}`, 'i32', PRECEDENCE.unary, magnitude);
  return e.unsigned ? { ...narrowed, unsigned: { text: `(uint32_t)${unsignedOperand(e, PRECEDENCE.unary)}`, precedence: PRECEDENCE.unary } } : narrowed;
}

/** Low 32 bits of the product. */
export function multiply32(a: CExpression, b: CExpression): CExpression {
  return wrap(arithmetic('*', a, b));
}
