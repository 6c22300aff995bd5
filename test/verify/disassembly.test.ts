import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { callsOf, parseDisassembly, parseMap, throughVeneer } from '../../src/toolchains/index.js';
import { frameOf } from '../../src/verify/stack.js';

const test = suite('reading a binary');

const THUMB = `
00000100 <net_run>:
     100:	push	{r4, r5, lr}
     102:	sub	sp, #20
     104:	bl	200 <net_conv2d>
     108:	blx	r3
     10a:	cbz	r0, 110 <net_run+0x10>
     10c:	b.n	104 <net_run+0x4>
     110:	add	sp, #20
     112:	ldmia.w	sp!, {r4, r5, lr}
     116:	b.w	300 <net_dense>

00000200 <net_conv2d>:
     200:	stmdb	sp!, {r4, r5, r6, r7, r8, lr}
     204:	strd	r0, r1, [sp, #-8]!
     208:	vpush	{d8-d9}
     20c:	bl	400 <__memcpy_veneer>
     210:	bx	lr
     212:	.word	0x00000000
`;

test('Thumb: calls, tail calls, calls through a register, frames', () => {
  const functions = parseDisassembly(THUMB);
  const run = functions.get('net_run');
  const conv = functions.get('net_conv2d');
  assert.ok(run && conv);
  assert.equal(callsOf(run, { isa: 'thumb' }), [
    { from: 0x104, next: 0x108, callee: 'net_conv2d', tail: false },
    { from: 0x108, next: 0x10a, callee: null, tail: false },
    { from: 0x116, next: null, callee: 'net_dense', tail: true },
  ]);
  assert.equal(callsOf(conv, { isa: 'thumb' }).map((call) => throughVeneer(call.callee ?? '')), ['memcpy']);
  assert.is(frameOf(run), 3 * 4 + 20);
  assert.is(frameOf(conv), 6 * 4 + 8 + 2 * 8);
});

test('AVR: relative branches, which go round at the end of the flash, by address; registers are pushed one by one', () => {
  const functions = parseDisassembly(`
00000100 <net_run>:
     100:	push	r28
     102:	push	r29
     104:	rcall	.+250    	; 0x200 <__DATA_REGION_LENGTH__>
     106:	brne	.-4      	; 0x104 <net_run+0x4>
     108:	rcall	.-4040    	; 0xfffff140 <__eeprom_end+0xff7ef140>
     10a:	icall
     10c:	ldi	r24, 0x10	; 16
     10e:	rjmp	.+240    	; 0x200 <__DATA_REGION_LENGTH__>

00000200 <net_dense>:
     200:	ret

00001140 <far>:
    1140:	ret
`, 8192);
  const run = functions.get('net_run')!;
  assert.equal(callsOf(run, { isa: 'avr' }), [
    { from: 0x104, next: 0x106, callee: 'net_dense', tail: false },
    { from: 0x108, next: 0x10a, callee: 'far', tail: false },
    { from: 0x10a, next: 0x10c, callee: null, tail: false },
    { from: 0x10e, next: null, callee: 'net_dense', tail: true },
  ]);
  assert.is(frameOf(run), 2);
  assert.is(run.instructions[6]!.operands, 'r24, 0x10');
});

test('LLVM names a target by its mapping symbol: the function at that address is meant', () => {
  const functions = parseDisassembly(`
00000100 <net_run>:
     100:      	bl	0x200 <$t>               @ imm = #252
     104:      	b	0x100 <$t>
     106:      	bl	0x104 <$t.1+0x4>

00000200 <net_conv2d>:
     200:      	bx	lr
`);
  const run = functions.get('net_run');
  assert.ok(run);
  assert.equal(callsOf(run, { isa: 'thumb' }).map((call) => call.callee), ['net_conv2d']);
});

test('RISC-V: calls, returns, jumps through a register, frames', () => {
  const functions = parseDisassembly(`
80000000 <net_run>:
80000000:	add	sp,sp,-32
80000002:	sw	ra,28(sp)
80000004:	jal	80000100 <net_conv2d>
80000008:	auipc	ra,0x0
8000000c:	jalr	-2(ra) # 80000200 <memcpy>
80000010:	bnez	a0,80000004 <net_run+0x4>
80000012:	jr	a5
80000014:	add	sp,sp,32
80000016:	ret
`);
  const run = functions.get('net_run');
  assert.ok(run);
  assert.equal(callsOf(run, { isa: 'riscv32' }).map((call) => [call.callee, call.tail]), [['net_conv2d', false], ['memcpy', false], [null, true]]);
  assert.is(frameOf(run), 32);
});

test('x86: calls, calls through a pointer, frames', () => {
  const functions = parseDisassembly(`
0000000000001140 <net_run>:
    1140:	endbr64
    1144:	push   %rbx
    1145:	sub    $0x20,%rsp
    1149:	call   1190 <net_conv2d>
    114e:	call   1030 <memcpy@plt>
    1153:	call   *%rax
    1155:	jne    1149 <net_run+0x9>
    1157:	add    $0x20,%rsp
    115b:	jmp    11f0 <net_dense>
`);
  const run = functions.get('net_run');
  assert.ok(run);
  assert.equal(callsOf(run, { isa: 'native' }).map((call) => call.callee), ['net_conv2d', 'memcpy@plt', null, 'net_dense']);
  assert.is(frameOf(run), 8 + 32);
});

test('AArch64: calls and calls through a pointer', () => {
  const functions = parseDisassembly(`
0000000000000700 <net_run>:
 700:	stp	x29, x30, [sp, #-32]!
 704:	bl	780 <net_conv2d>
 708:	cbz	w0, 704 <net_run+0x4>
 70c:	b.ne	704 <net_run+0x4>
 710:	blr	x3
 714:	ret
 718:	b	7c0 <net_dense>
`);
  const run = functions.get('net_run');
  assert.ok(run);
  assert.equal(callsOf(run, { isa: 'native' }).map((call) => [call.callee, call.tail]), [['net_conv2d', false], [null, false], ['net_dense', true]]);
});

test('the linker map: long names, discarded sections', () => {
  const sections = parseMap(`
Discarded input sections

 .text.unused   0x00000000       0x10 a.o

Linker script and memory map

 .text.run      0x00000100       0x20 a.o
 .text.a_function_with_a_long_name
                0x00000120       0x30 a.o
 *fill*         0x00000150        0x2
 .rodata.table  0x00000200        0x0 a.o
 .text          0x00000152       0x12 /lib/libgcc.a(_muldi3.o)
`);
  assert.equal(sections, [
    { name: '.text.run', address: 0x100, bytes: 0x20, file: 'a.o' },
    { name: '.text.a_function_with_a_long_name', address: 0x120, bytes: 0x30, file: 'a.o' },
    { name: '.text', address: 0x152, bytes: 0x12, file: '/lib/libgcc.a(_muldi3.o)' },
  ]);
});

test.run();
