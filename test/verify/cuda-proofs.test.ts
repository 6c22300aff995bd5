/** The proofs of CUDA kernels: what breaks them is found, in PTX and in machine code, and what does not is let pass. */
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/package-root.js';
import { type CudaCode, compileKernels, findNvcc, firstFloat, parseCubin, parsePtx } from '../../src/toolchains/index.js';
import { proveCuda } from '../../src/verify/cuda-proofs.js';
import { brokenPromises } from '../../src/verify/proofs.js';
import { productsOfData } from '../../src/verify/ptx-products.js';
import { leftOut } from '../support/bench.js';

const test = suite('verify/cuda-proofs');
const ARCHITECTURES = ['sm_75', 'sm_80', 'sm_90', 'sm_90a'];
const project = join(packageRoot(), 'templates/cuda/project');
const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-cuda-proofs-'));
test.after(() => rmSync(directory, { recursive: true }));

async function compile(name: string, text: string, architecture: string): Promise<CudaCode> {
  const source = join(directory, `${name}.cu`);
  await writeFile(source, text);
  return compileKernels(source, architecture, join(directory, `${name}-${architecture}`), [project]);
}

/** A kernel k of one statement on elements of `type`. */
const kernel = (name: string, type: string, result: string, expression: string): string =>
  `__global__ void ${name}(const ${type} *a, const ${type} *b, ${result} *c) { const ${type} x = a[threadIdx.x], y = b[threadIdx.x]; c[threadIdx.x] = ${expression}; }\n`;

const ptxOf = (body: string, callee = ''): string => `${callee}
.visible .entry _Z1kPKiPii(
	.param .u64 _Z1kPKiPii_param_0,
	.param .u32 _Z1kPKiPii_param_1
)
.maxntid 32, 1, 1
{
	.reg .b32 	%r<21>;
	ld.param.u64 	%rd1, [_Z1kPKiPii_param_0];
	ld.param.u32 	%r9, [_Z1kPKiPii_param_1];
	mov.u32 	%r1, %tid.x;
	ld.global.u32 	%r2, [%rd1+4];
${body}
	ret;

}
`;

/** Statements → what of them multiplies data. */
const PRODUCTS: readonly (readonly [string, string, string | null])[] = [
  ['an index and a size', 'mad.lo.s32 %r3, %r1, %r9, 5;', null],
  ['data added to a product of indices', 'mad.lo.s32 %r3, %r1, %r9, %r2;', null],
  ['data and data', 'mul.lo.s32 %r3, %r2, %r2;', 'k: mul.lo.s32 %r3, %r2, %r2'],
  ['data and a literal', '@%p1 mul.lo.s32 %r3, %r2, 5;', 'k: mul.lo.s32 %r3, %r2, 5'],
  ['data and a power of two', 'mul.wide.s32 %rd3, %r2, 4;', null],
  ['what came of data by other ways', 'add.s32 %r4, %r2, %r1;\n\tshl.b32 %r5, %r4, 3;\n$L__BB0_1:\n\tmul.hi.s32 %r6, %r1, %r5;', 'k: mul.hi.s32 %r6, %r1, %r5'],
  ['round a loop', 'mul.lo.s32 %r6, %r7, %r9;\n\tadd.s32 %r7, %r7, %r2;', 'k: mul.lo.s32 %r6, %r7, %r9'],
  ['a lane\'s neighbour', 'shfl.sync.bfly.b32 %r4|%p1, %r2, 1, 31, -1;\n\tmul.lo.s32 %r6, %r4, 3;', 'k: mul.lo.s32 %r6, %r4, 3'],
  ['a tensor core', 'ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%r4, %r5}, [%r1];\n\tmma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%r6, %r7}, {%r4}, {%r5}, {%r6, %r7};', 'k: mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%r6, %r7}, {%r4}, {%r5}, {%r6, %r7}'],
  ['a warpgroup, which takes both factors from memory', 'wgmma.fence.sync.aligned;\n\twgmma.mma_async.sync.aligned.m64n8k32.s32.s8.s8 {%r6, %r7}, %rd4, %rd5, 1;', 'k: wgmma.mma_async.sync.aligned.m64n8k32.s32.s8.s8 {%r6, %r7}, %rd4, %rd5, 1'],
];

test('products of data are told from products of indices', () => {
  for (const [name, body, expected] of PRODUCTS) assert.equal(productsOfData(parsePtx(ptxOf(`\t${body}`))), expected === null ? [] : [expected], name);
});

const CALLEE = `.func  (.param .b32 func_retval0) _Z6squarei(
	.param .b32 _Z6squarei_param_0
)
{
	ld.param.u32 	%r1, [_Z6squarei_param_0];
	mul.lo.s32 	%r2, %r1, %r1;
	st.param.b32 	[func_retval0+0], %r2;
	ret;
}`;
const callOf = (register: string, number: number): string => `	{ // callseq ${number}, 0
	.param .b32 param0;
	st.param.b32 	[param0+0], ${register};
	.param .b32 retval0;
	call.uni (retval0),
	_Z6squarei,
	(
	param0
	);
	ld.param.b32 	%r${10 + number}, [retval0+0];
	} // callseq ${number}`;

test('data is followed into functions: those that get none may multiply', () => {
  assert.equal(productsOfData(parsePtx(ptxOf(`	mov.u32 	%r3, %r2;\n${callOf('%r1', 0)}`, CALLEE))), []);
  assert.equal(productsOfData(parsePtx(ptxOf(`${callOf('%r1', 0)}\n${callOf('%r2', 1)}`, CALLEE))), ['square: mul.lo.s32 %r2, %r1, %r1']);
});

/** One of each kind of operation on floating point. */
const FLOATS: readonly (readonly [string, string, string, string])[] = [
  ['add', 'float', 'float', 'x + y'], ['multiply', 'float', 'float', 'x * y'], ['fused', 'float', 'float', 'fmaf(x, y, x)'], ['smaller', 'float', 'float', 'fminf(x, y)'],
  ['compare', 'float', 'int', 'x < y ? 3 : 5'], ['choose', 'float', 'float', 'x < y ? x : 5.f'], ['reciprocal', 'float', 'float', '__frcp_rn(x)'], ['power', 'float', 'float', 'exp2f(x)'],
  ['to_int', 'float', 'int', '(int)x'], ['from_int', 'int', 'float', '(float)x'], ['from_byte', 'signed char', 'float', '(float)x'], ['round', 'float', 'float', 'rintf(x)'],
  ['widen', 'float', 'double', '(double)x'], ['add64', 'double', 'double', 'x + y'], ['multiply64', 'double', 'double', 'x * y'], ['fused64', 'double', 'double', 'fma(x, y, x)'],
  ['compare64', 'double', 'int', 'x < y ? 3 : 5'], ['to_int64', 'double', 'int', '(int)x'], ['from_int64', 'int', 'double', '(double)x'], ['round64', 'double', 'double', 'rint(x)'],
  ['add16', '__half2', '__half2', '__hadd2(x, y)'], ['multiply16', '__half2', '__half2', '__hmul2(x, y)'], ['fused16', '__half2', '__half2', '__hfma2(x, y, x)'],
  ['compare16', '__half2', '__half2', '__hlt2(x, y)'], ['narrow16', 'float', '__half', '__float2half(x)'], ['widen16', '__half', 'float', '__half2float(x)'],
  ['divide', 'int', 'int', 'x / y'], ['divide_unsigned', 'unsigned', 'unsigned', 'x / y'], ['divide_long', 'long long', 'long long', 'x / y'], ['remainder', 'int', 'int', 'x % y'],
];
/** No floating point: constants that ptxas moves through its pipe, divisions by literals, wide products, tensor cores. */
const INTEGERS: readonly (readonly [string, string, string, string])[] = [
  ['move', 'int', 'int', 'x < y ? 1234567 : x > 7 ? 99999 : 13'], ['divide_by_seven', 'int', 'int', 'x / 7 + y % 1000'], ['high', 'int', 'long long', '((long long)x * y) >> 17'],
  ['bits', 'int', 'int', '__clz(x) ^ __popc(y) ^ __byte_perm(x, y, 0x2416)'], ['dot', 'int', 'int', '__dp4a(x, y, 12345)'], ['smallest', 'int', 'int', 'min(max(x, -128), y)'],
];

for (const architecture of ARCHITECTURES) {
  test(`${architecture}: operations on floating point are known in machine code, and only those`, async () => {
    if (findNvcc() === null) return leftOut(1, 'machine code of GPUs: nvcc is missing');
    const text = ['#include <cuda_fp16.h>\n', ...[...FLOATS, ...INTEGERS].map((one) => kernel(...one))].join('');
    const code = await compile('operations', text, architecture);
    const found = new Map(parseCubin(code.cubin).map((one) => [one.name, firstFloat(one)]));
    for (const [name] of FLOATS) assert.ok(found.get(name), `${name} is not found`);
    for (const [name] of INTEGERS) assert.is(found.get(name), null, name);
    const named = proveCuda([code]).details.filter((line) => line.startsWith('floating point: '));
    for (const [name] of FLOATS) assert.ok(named.some((line) => line.startsWith(`floating point: ${name}: `)), name);
    for (const [name] of INTEGERS) assert.not.ok(named.some((line) => line.startsWith(`floating point: ${name}: `)), name);
  });
}

/** Shape, types, and what follows the descriptors: products of warpgroups in floating point. */
const GROUP_FLOATS: readonly (readonly [string, string, string])[] = [
  ['halves', 'm64n8k16.f32.f16.f16', ', 1, 1, 1, 0, 0'], ['brains', 'm64n8k16.f32.bf16.bf16', ', 1, 1, 1, 0, 0'], ['tensors', 'm64n8k8.f32.tf32.tf32', ', 1, 1, 1'], ['bytes', 'm64n8k32.f32.e4m3.e5m2', ', 1, 1, 1'],
];

/** A product of a warpgroup with eight columns. */
const groupKernel = (name: string, shape: string, end: string): string => `__global__ void ${name}(unsigned long long a, unsigned long long b, int *c) {
  int d[4] = {};
  asm volatile("wgmma.fence.sync.aligned;");
  asm volatile("wgmma.mma_async.sync.aligned.${shape} {%0, %1, %2, %3}, %4, %5${end};" : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]) : "l"(a), "l"(b));
  asm volatile("wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;");
  c[threadIdx.x] = d[0];
}
`;

test('sm_90a: products of warpgroups in floating point are known, those of integers let pass', async () => {
  if (findNvcc() === null) return leftOut(1, 'products of warpgroups in machine code: nvcc is missing');
  const code = await compile('groups', [...GROUP_FLOATS.map((one) => groupKernel(...one)), groupKernel('integers', 'm64n8k32.s32.u8.s8', ', 1')].join(''), 'sm_90a');
  const found = new Map(parseCubin(code.cubin).map((one) => [one.name, firstFloat(one)]));
  assert.equal([...found].sort(), [['brains', 'HGMMA'], ['bytes', 'QGMMA'], ['halves', 'HGMMA'], ['integers', null], ['tensors', 'HGMMA']]);
});

test('the wrappers of this project hold all promises but that of multiplication', async () => {
  if (findNvcc() === null) return leftOut(1, 'proofs of the wrappers of CUDA: nvcc is missing');
  const source = join(packageRoot(), 'test/programs/cuda/emulation.cu');
  const codes = await Promise.all(ARCHITECTURES.map((architecture) => compileKernels(source, architecture, join(directory, `wrappers-${architecture}`), [project])));
  for (const code of codes) assert.equal(code.kernels.find((one) => one.name === 'tiled_product')?.sharedBytes, 256);
  const proofs = proveCuda(codes, true);
  assert.equal(brokenPromises(proofs, false), []);
  assert.is(proofs.noFloat && proofs.noHeap, true);
  assert.is(proofs.noMultiply, false);
  const broken = brokenPromises(proofs, true);
  for (const name of ['tile_16_s8: mma.sync', 'tile_16_u8: mma.sync', 'tile_8_s4: mma.sync', 'dot_products: dp4a', 'tiled_product: mma.sync']) assert.ok(broken.some((line) => line.startsWith(`multiplication: ${name}`)), name);
  assert.not.ok(broken.some((line) => /load_matrices|histogram|exchange/.test(line)));
});

test('planted faults break the promises by name', async () => {
  if (findNvcc() === null) return leftOut(1, 'planted faults in CUDA kernels: nvcc is missing');
  const text = `#include <stdio.h>
${kernel('quotient', 'int', 'int', 'x / y')}${kernel('scaled', 'int', 'int', '(int)(x * 0.5f)')}${kernel('shifted', 'int', 'int', '(x << 3) - (y >> 2)')}${kernel('product', 'int', 'int', 'x * y')}
__global__ void prints(int *a) { if (a[0] == 3) printf("three\\n"); }
__global__ void allocates(int **a) { a[threadIdx.x] = (int *)malloc(64); }
`;
  const proofs = proveCuda([await compile('faults', text, 'sm_80')], true);
  assert.equal([proofs.noFloat, proofs.noHeap, proofs.noMultiply], [false, false, false]);
  const broken = brokenPromises(proofs, true);
  for (const pattern of [/^floating point: quotient: div\.s32 .*\(sm_80\)$/, /^floating point: quotient: (I2F|MUFU|F2I|FFMA).*$/, /^floating point: scaled: \S*\.f32/, /^multiplication: product: mul\.lo\.s32/, /^call outside the generated code: prints: vprintf/, /^call outside the generated code: allocates: malloc \(heap\)/]) {
    assert.ok(broken.some((line) => pattern.test(line)), `${pattern} in\n${broken.join('\n')}`);
  }
  assert.not.ok(broken.some((line) => line.includes('shifted')));
});

test.run();
