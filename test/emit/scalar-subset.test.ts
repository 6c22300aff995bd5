import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DIALECTS } from '../../src/emit/scalar-dialects.js';
import { ScalarLibrary, translateScalars } from '../../src/emit/scalars.js';
import { ScalarSubsetError } from '../../src/errors.js';

const test = suite('emit/scalar-subset');

function translate(source: string, name = 'f', dialect: 'c' | 'cuda' = 'c'): string {
  return new ScalarLibrary(new Map([['case.ts', source]]), DIALECTS[dialect]).translate([name]);
}

function body(statements: string, parameters = 'a: i32, b: i32'): string {
  return `export function f(${parameters}): i32 {\n  ${statements}\n}\n`;
}

/** Statements outside the subset → the line and what the message must say. */
const refused: readonly (readonly [string, number, RegExp])[] = [
  [body('return a + b;'), 2, /must name its width: i32/],
  [body('return a * b;'), 2, /mul32/],
  [body('return i32(a * b);'), 2, /mul32/],
  [body('return -a;'), 2, /i32\(0 - x\)/],
  [body('const c = a; return c;'), 2, /missing type annotation/],
  [body('const c: number = a; return c;'), 2, /type 'number' is outside the subset/],
  [body('return g(a);'), 2, /unknown function 'g'/],
  [body('return Math.abs(a);'), 2, /unknown function 'Math.abs'/],
  [body('return 0.5;'), 2, /not an integer literal/],
  [body('return 1e3;'), 2, /not an integer literal/],
  [body('return 4294967296;'), 2, /outside 32 bits/],
  [body("return 'x';"), 2, /StringLiteral is outside the subset/],
  [body('return `x`;'), 2, /outside the subset/],
  [body('return c;'), 2, /unknown name 'c'/],
  [body('while (a > 0) { a = i32(a - 1); } return a;'), 2, /WhileStatement is outside the subset/],
  [body('for (;;) { } return a;'), 2, /a loop declares one variable/],
  [body('for (let i: i32 = 0; a > b; i++) { } return a;'), 2, /unbounded loop: the condition must compare i/],
  [body('for (let i: i32 = 0; i > b; i++) { } return a;'), 2, /unbounded loop/],
  [body('for (let i: i32 = 0; i <= b; i++) { } return a;'), 2, /unbounded loop/],
  [body('for (let i: i32 = 0; i < b; i++) { i = 0; } return a;'), 2, /the body changes 'i'/],
  [body('for (let i: i32 = 0; i < b; i++) { b = i32(b + 1); } return a;'), 2, /the body changes 'b'/],
  [body('a += b; return a;'), 2, /only plain assignments/],
  [body('return a >>> b;'), 2, /operator >>> is outside the subset/],
  [body('return a < b;'), 2, /expected i32, found bool/],
  [body('return a ? 1 : 0;'), 2, /expected bool, found i32/],
  [body('return narrow(a);'), 2, /expected i64, found i32/],
  [body('return widen(a) + 1n > 0n ? 1 : 0;'), 2, /must name its width: i64/],
  [body('return a + widen(b) > 0n ? 1 : 0;'), 2, /operator \+ of i32 and i64/],
  [body('return [a][0];'), 2, /is no table/],
  [body('return f(a);'), 2, /takes 2 arguments/],
  [body('return a;', 'a: i32, b: i32 = 3'), 1, /default, optional and rest/],
  [body('return a;', 'a: Int8Array'), 1, /type 'Int8Array'/],
  [body('return f(a, b);'), 1, /calls itself/],
  ['export function f(a: i32) { return a; }', 1, /missing type annotation/],
  ['const T: readonly i32[] = [1, 0.5];\nexport function f(a: i32): i32 { return T[a]; }', 1, /not an integer literal/],
  ['let t: i32 = 1;\nexport function f(a: i32): i32 { return t; }', 1, /only const/],
  ['function f(a: i32): i32 { return a; }\nfunction f(a: i32): i32 { return a; }', 2, /declared twice/],
];

for (const [source, line, message] of refused) {
  test(`refuses ${source.split('\n').slice(-3)[source.includes('\n  ') ? 1 : 0]!.trim()} (${message.source})`, () => {
    try {
      translate(source);
      assert.unreachable('it was translated');
    } catch (error) {
      assert.instance(error, ScalarSubsetError);
      assert.match((error as Error).message, `case.ts:${line}: `);
      assert.match((error as Error).message, message);
    }
  });
}

test('an unknown function of the folder', () => {
  assert.throws(() => translateScalars(['noSuchFunction']), (e: Error) => e instanceof ScalarSubsetError && /noSuchFunction/.test(e.message));
});

test('sums wrap through unsigned arithmetic, unless they cannot overflow', () => {
  assert.match(translate(body('return i32(a + b);')), 'return (int32_t)((uint32_t)a + (uint32_t)b);');
  assert.match(translate(body('return i32((a > b ? 1 : 0) + (b & 7));')), 'return (a > b ? 1 : 0) + (b & 7);');
  assert.match(translate(body('return narrow(i64(widen(a) * widen(b)) >> 32n);')), 'return (int32_t)(((int64_t)a * (int64_t)b) >> 32);');
  assert.match(translate(body('return mul32(a, b);')), 'return (int32_t)((uint32_t)a * (uint32_t)b);');
  assert.match(translate(body('return a << b;')), 'return (int32_t)((uint32_t)a << b);');
  assert.match(translate(body('return -2147483648;')), 'return INT32_MIN;');
});

test('only what is needed is translated, callees and tables first', () => {
  const source = `
/** Squares ≤ 9. */
const SQUARES: readonly i32[] = [0, 1, 4, 9];
const UNUSED: readonly i32[] = [300];
function unused(a: i32): i32 { return a; }
export function f(a: i32): i32 { return g(SQUARES[a]); }
function g(a: i32): i32 { return a; }
`;
  const text = translate(source);
  assert.match(text, '/** Squares <= 9. */\nstatic const int8_t ptq_squares[4] = {\n  0, 1, 4, 9\n};');
  assert.not.match(text, /unused/i);
  assert.ok(text.indexOf('ptq_g(int32_t a) {') < text.indexOf('ptq_f('));
});

test('loops, branches, locals', () => {
  const text = translate(body('let sum: i32 = 0;\n  for (let i: i32 = 0; i < 4; i++) {\n    if (a > i) {\n      sum = i32(sum + b);\n    } else if (a === i) {\n      sum = 0;\n    }\n  }\n  return sum;'));
  assert.match(text, '  for (int32_t i = 0; i < 4; i++) {\n    if (a > i) {\n      sum = (int32_t)((uint32_t)sum + (uint32_t)b);\n    } else if (a == i) {\n      sum = 0;\n    }\n  }\n');
});

test('the CUDA dialect qualifies functions', () => {
  assert.match(translate(body('return a;'), 'f', 'cuda'), /^static __host__ __device__ __forceinline__ int32_t ptq_f\(/);
});

test.run();
