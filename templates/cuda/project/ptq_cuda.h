/*
 * What the kernels use of CUDA: the instructions that C++ has no name for, each once for the GPU (PTX) and once for the CPU
 * (cuda_emulation.h, with -DPTQ_CUDA_EMULATION).
 */
#ifndef PTQ_CUDA_H
#define PTQ_CUDA_H

#include <stddef.h>
#include <stdint.h>

#ifndef PTQ_CUDA_EMULATION

#include <cuda_runtime.h>

/* 750, 800, ... in device code. */
#ifdef __CUDA_ARCH__
#define PTQ_ARCHITECTURE __CUDA_ARCH__
#else
#define PTQ_ARCHITECTURE 0
#endif
#define PTQ_KERNEL(threads) static __global__ void __launch_bounds__(threads)
#define PTQ_DEVICE static __device__ __forceinline__
#define PTQ_NOINLINE __device__ __noinline__
#define PTQ_SHARED(type, name, count) __shared__ __align__(16) type name[count]
#define PTQ_DYNAMIC_SHARED(name) extern __shared__ __align__(16) uint8_t name[]
#define PTQ_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) kernel<<<dim3(grid), dim3(block), shared_bytes, stream>>>(__VA_ARGS__)

#else

#include "cuda_emulation.h"

#define PTQ_KERNEL(threads) static void
#define PTQ_DEVICE static inline
#define PTQ_NOINLINE __attribute__((noinline))
#define PTQ_SHARED(type, name, count)                                  \
  static ::ptq_emulation::SharedSite name##_site = {#name, 0, 0};      \
  type(&name)[count] = ::ptq_emulation::shared_array<type, (count)>(name##_site)
#define PTQ_DYNAMIC_SHARED(name) uint8_t *const name = ::ptq_emulation::dynamic_shared()
#define PTQ_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) ::ptq_emulation::launch(#kernel, kernel, dim3(grid), dim3(block), shared_bytes, stream, __VA_ARGS__)

#endif

/* c plus the products of four signed bytes. */
PTQ_DEVICE int32_t ptq_dp4a(int32_t a, int32_t b, int32_t c) { return __dp4a(a, b, c); }

/* d += A(8x16) B(16x8), signed bytes. Lane 4g + t: a row g of A, b column g of B, elements 4t ... 4t + 3; d row g, columns 2t and 2t + 1. */
PTQ_DEVICE void ptq_mma_8x8x16_s8(int32_t d[2], uint32_t a, uint32_t b) {
#ifndef PTQ_CUDA_EMULATION
  asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};" : "+r"(d[0]), "+r"(d[1]) : "r"(a), "r"(b));
#else
  ::ptq_emulation::mma<8, 8>("ptq_mma_8x8x16_s8", d, &a, &b);
#endif
}

/* d += A(8x32) B(32x8), signed half bytes, the lowest first: elements 8t ... 8t + 7 in lane 4g + t. */
PTQ_DEVICE void ptq_mma_8x8x32_s4(int32_t d[2], uint32_t a, uint32_t b) {
#ifndef PTQ_CUDA_EMULATION
  asm volatile("mma.sync.aligned.m8n8k32.row.col.s32.s4.s4.s32 {%0, %1}, {%2}, {%3}, {%0, %1};" : "+r"(d[0]), "+r"(d[1]) : "r"(a), "r"(b));
#else
  ::ptq_emulation::mma<8, 4>("ptq_mma_8x8x32_s4", d, &a, &b);
#endif
}

/*
 * d += A(16x32) B(32x8), signed bytes. Lane 4g + t: a[0] row g, a[1] row g + 8, elements 4t ... 4t + 3; a[2], a[3] the same rows,
 * elements 16 + 4t ...; b[0], b[1] column g, elements 4t ... and 16 + 4t ...; d[0], d[1] row g, columns 2t and 2t + 1; d[2], d[3] row g + 8.
 */
PTQ_DEVICE void ptq_mma_s8(int32_t d[4], const uint32_t a[4], const uint32_t b[2]) {
#if PTQ_ARCHITECTURE > 0 && PTQ_ARCHITECTURE < 800
  ptq_mma_8x8x16_s8(d, a[0], b[0]);
  ptq_mma_8x8x16_s8(d, a[2], b[1]);
  ptq_mma_8x8x16_s8(d + 2, a[1], b[0]);
  ptq_mma_8x8x16_s8(d + 2, a[3], b[1]);
#elif !defined(PTQ_CUDA_EMULATION)
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  ::ptq_emulation::mma<16, 8>("ptq_mma_s8", d, a, b);
#endif
}

/* The same with unsigned bytes in A(8x16). */
PTQ_DEVICE void ptq_mma_8x8x16_u8(int32_t d[2], uint32_t a, uint32_t b) {
#ifndef PTQ_CUDA_EMULATION
  asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.u8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};" : "+r"(d[0]), "+r"(d[1]) : "r"(a), "r"(b));
#else
  ::ptq_emulation::mma<8, 8, true>("ptq_mma_8x8x16_u8", d, &a, &b);
#endif
}

/* The same with unsigned bytes in A(16x32). */
PTQ_DEVICE void ptq_mma_u8(int32_t d[4], const uint32_t a[4], const uint32_t b[2]) {
#if PTQ_ARCHITECTURE > 0 && PTQ_ARCHITECTURE < 800
  ptq_mma_8x8x16_u8(d, a[0], b[0]);
  ptq_mma_8x8x16_u8(d, a[2], b[1]);
  ptq_mma_8x8x16_u8(d + 2, a[1], b[0]);
  ptq_mma_8x8x16_u8(d + 2, a[3], b[1]);
#elif !defined(PTQ_CUDA_EMULATION)
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  ::ptq_emulation::mma<16, 8, true>("ptq_mma_u8", d, a, b);
#endif
}

/* Elements 0, 2, 4, 6 of eight signed half bytes as signed bytes; those of x >> 4 are elements 1, 3, 5, 7. */
PTQ_DEVICE uint32_t ptq_even_half_bytes(uint32_t x) { return (((x & 0x0f0f0f0fu) ^ 0x88888888u) - 0x08080808u) ^ 0x80808080u; }

/* The lower halves of eight bytes, the first one lowest: eight codes of at most four bits. */
PTQ_DEVICE uint32_t ptq_half_bytes(uint32_t low, uint32_t high) {
  low &= 0x0f0f0f0fu;
  high &= 0x0f0f0f0fu;
  return __byte_perm(low | low >> 4, high | high >> 4, 0x6420);
}

/* d += A(16x64) B(64x8), signed half bytes, the lowest first: as ptq_mma_s8 with eight elements a register, 8t ... 8t + 7 and 32 + 8t ... */
PTQ_DEVICE void ptq_mma_s4(int32_t d[4], const uint32_t a[4], const uint32_t b[2]) {
#if PTQ_ARCHITECTURE >= 900
  /* No tensor core for half bytes any more. The even elements first, then the odd ones: the sum has no order. */
  for (int odd = 0; odd < 2; odd++) {
    uint32_t wide_a[4], wide_b[2];
    for (int i = 0; i < 4; i++) wide_a[i] = ptq_even_half_bytes(a[i] >> (4 * odd));
    for (int i = 0; i < 2; i++) wide_b[i] = ptq_even_half_bytes(b[i] >> (4 * odd));
    ptq_mma_s8(d, wide_a, wide_b);
  }
#elif PTQ_ARCHITECTURE > 0 && PTQ_ARCHITECTURE < 800
  ptq_mma_8x8x32_s4(d, a[0], b[0]);
  ptq_mma_8x8x32_s4(d, a[2], b[1]);
  ptq_mma_8x8x32_s4(d + 2, a[1], b[0]);
  ptq_mma_8x8x32_s4(d + 2, a[3], b[1]);
#elif !defined(PTQ_CUDA_EMULATION)
  asm volatile("mma.sync.aligned.m16n8k64.row.col.s32.s4.s4.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  ::ptq_emulation::mma<16, 4>("ptq_mma_s4", d, a, b);
#endif
}

#ifndef PTQ_CUDA_EMULATION
PTQ_DEVICE uint32_t ptq_shared_address(const void *pointer) { return (uint32_t)__cvta_generic_to_shared(pointer); }
#endif

/* Four matrices of eight rows of 16 bytes in shared memory: lanes 8m ... 8m + 7 name the rows of matrix m; lane 4g + t gets r[m] = bytes 4t ... 4t + 3 of row g. */
PTQ_DEVICE void ptq_ldmatrix_x4(uint32_t r[4], const void *row) {
#ifndef PTQ_CUDA_EMULATION
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(ptq_shared_address(row)) : "memory");
#else
  ::ptq_emulation::ldmatrix<4>(r, row);
#endif
}

/* The same of two matrices, rows by lanes 0 ... 15. */
PTQ_DEVICE void ptq_ldmatrix_x2(uint32_t r[2], const void *row) {
#ifndef PTQ_CUDA_EMULATION
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(ptq_shared_address(row)) : "memory");
#else
  ::ptq_emulation::ldmatrix<2>(r, row);
#endif
}

/* 16 bytes to shared memory, there after ptq_copy_async_wait and a barrier; zeros where not valid. */
PTQ_DEVICE void ptq_copy_async16(void *shared, const void *global, bool is_valid) {
#ifdef PTQ_CUDA_EMULATION
  ::ptq_emulation::copy_async16(shared, global, is_valid);
#elif PTQ_ARCHITECTURE >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" : : "r"(ptq_shared_address(shared)), "l"(global), "r"(is_valid ? 16 : 0) : "memory");
#else
  *(int4 *)shared = is_valid ? *(const int4 *)global : make_int4(0, 0, 0, 0);
#endif
}

/* Ends a group of copies. */
PTQ_DEVICE void ptq_copy_async_commit() {
#ifdef PTQ_CUDA_EMULATION
  ::ptq_emulation::copy_async_commit();
#elif PTQ_ARCHITECTURE >= 800
  asm volatile("cp.async.commit_group;" : : : "memory");
#endif
}

/* Waits until at most `pending` groups of this thread are under way. */
template <int pending>
PTQ_DEVICE void ptq_copy_async_wait() {
#ifdef PTQ_CUDA_EMULATION
  ::ptq_emulation::copy_async_wait(pending);
#elif PTQ_ARCHITECTURE >= 800
  asm volatile("cp.async.wait_group %0;" : : "n"(pending) : "memory");
#endif
}

/* What launches choose kernels by. */
typedef struct {
  int32_t multiprocessors;
  /* Most shared memory that a block may ask for, in bytes. */
  int32_t shared_bytes;
  /* 1 where the loaded code has wgmma and the program asked for it (ptq_wgmma.h), else 0. */
  int32_t has_wgmma;
} ptq_device;

/* Of the current device. */
[[maybe_unused]] static cudaError_t ptq_ask_device(ptq_device *device) {
  int number = 0;
  cudaError_t error = cudaGetDevice(&number);
  error = error != cudaSuccess ? error : cudaDeviceGetAttribute(&device->multiprocessors, cudaDevAttrMultiProcessorCount, number);
  error = error != cudaSuccess ? error : cudaDeviceGetAttribute(&device->shared_bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, number);
  return error;
}

#endif
