import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findTarget } from '../../src/targets/index.js';
import { cyclesOf } from '../../src/toolchains/cycles.js';
import { parseDisassembly } from '../../src/toolchains/disassemble.js';

const cycles = suite('toolchains/cycles');

/** A loop of three passes, called once: cycles by hand from the reference manuals. */
const LISTING = `
00000000 <caller>:
   0:	push	{r4, r5, lr}
   2:	bl	10 <loop>
   6:	pop	{r4, r5, pc}

00000010 <loop>:
  10:	ldmia	r0!, {r2-r5}
  12:	ldrsb	r1, [r0, r2]
  14:	muls	r1, r2
  16:	strb	r1, [r0, #0]
  18:	cmp	r0, r6
  1a:	bne.n	10 <loop>
  1c:	bx	lr
`;

const EXECUTIONS = new Map([[0, 1], [2, 1], [6, 1], ...[0x10, 0x12, 0x14, 0x16, 0x18, 0x1a].map((address) => [address, 3] as const), [0x1c, 1]] as [number, number][]);
const JUMPS = new Map([[2, 1], [6, 1], [0x1a, 2], [0x1c, 1]]);

/** Two of three passes jump back. */
const PASSES = 3 * (5 + 2 + 1 + 2 + 1);

cycles('Cortex-M0+ and Cortex-M0', () => {
  const functions = [...parseDisassembly(LISTING).values()];
  const of = (id: string) => cyclesOf(functions, { executions: EXECUTIONS, jumps: JUMPS }, findTarget(id).cycles!);
  assert.is(of('cortex-m0plus'), 4 + 3 + (3 + 3) + PASSES + (2 * 2 + 1) + 2);
  assert.is(of('cortex-m0'), 4 + 4 + (4 + 3) + PASSES + (2 * 3 + 1) + 3);
});

cycles('the small multiplier takes 32 cycles', () => {
  const functions = [...parseDisassembly(LISTING).values()];
  const of = (id: string) => {
    const model = findTarget(id).cycles!;
    const run = { executions: EXECUTIONS, jumps: JUMPS };
    return cyclesOf(functions, run, { ...model, multiply: model.slowMultiply }) - cyclesOf(functions, run, model);
  };
  assert.equal(['cortex-m0', 'cortex-m0plus'].map(of), [3 * 31, 3 * 31]);
});

cycles('cores with caches or dual issue have no such model', () => {
  assert.equal(['cortex-m4', 'cortex-m7', 'host', 'rv32imc'].map((id) => findTarget(id).cycles), [undefined, undefined, undefined, undefined]);
});

cycles.run();
