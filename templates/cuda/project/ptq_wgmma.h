/*
 * Products of a warpgroup (128 threads) on sm_90a: wgmma, whose operands lie in shared memory and whose sums come later. Where
 * the code was compiled for another architecture PTQ_HAS_WGMMA is 0; which code a device has loaded, ptq_ask_wgmma finds out.
 */
#ifndef PTQ_WGMMA_H
#define PTQ_WGMMA_H

#include "ptq_cuda.h"

#if defined(PTQ_CUDA_EMULATION) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define PTQ_HAS_WGMMA 1
#else
#define PTQ_HAS_WGMMA 0
#endif

/* Dynamic shared memory for matrices: patterns of 1024 bytes start at multiples of it. */
#ifdef PTQ_CUDA_EMULATION
#define PTQ_SWIZZLED_SHARED(name) uint8_t *const name = ::ptq_emulation::swizzled_shared()
#else
#define PTQ_SWIZZLED_SHARED(name)                             \
  extern __shared__ __align__(1024) uint8_t ptq_matrices[];   \
  uint8_t *const name = ptq_matrices
#endif

PTQ_KERNEL(1) ptq_probe_wgmma(int32_t *answer) {
#ifdef PTQ_CUDA_EMULATION
  *answer = ::ptq_emulation::has_wgmma();
#else
  *answer = PTQ_HAS_WGMMA;
#endif
}

/* A device of compute capability 9.0 may also run code without wgmma (sm_90, or PTX): the code itself says what it is. */
[[maybe_unused]] static cudaError_t ptq_ask_wgmma(ptq_device *device) {
  int32_t *answer = NULL;
  cudaError_t error = cudaMalloc((void **)&answer, sizeof *answer);
  if (error != cudaSuccess) {
    return error;
  }
  PTQ_LAUNCH(ptq_probe_wgmma, 1, 1, 0, 0, answer);
  error = cudaGetLastError();
  error = error != cudaSuccess ? error : cudaMemcpy(&device->has_wgmma, answer, sizeof *answer, cudaMemcpyDeviceToHost);
  (void)cudaFree(answer);
  return error;
}

#if PTQ_HAS_WGMMA

/* Byte `byte` (0 to 127) of row `row` of a matrix: rows of 128 bytes, the chunks of 16 bytes of row r in the order c ^ r % 8, so that eight rows of a column lie in different banks. */
PTQ_DEVICE int32_t ptq_swizzled(int32_t row, int32_t byte) { return row * 128 + (byte ^ ((row & 7) << 4)); }

/*
 * What names a matrix of such rows in shared memory, at a multiple of 1024 bytes: address / 16 in bits 0 to 13, the distance of
 * groups of eight rows / 16 in bits 32 to 45, a swizzle of 128 bytes (1) in bits 62 and 63. Bits 16 to 29 mean nothing here.
 * Bytes 32k and on of every row: 2k more.
 */
PTQ_DEVICE uint64_t ptq_wgmma_descriptor(const void *rows) {
#ifdef PTQ_CUDA_EMULATION
  const uint32_t address = ::ptq_emulation::shared_address(rows);
#else
  const uint32_t address = ptq_shared_address(rows);
#endif
  return (uint64_t)(address >> 4 & 0x3fffu) | (uint64_t)1 << 16 | (uint64_t)(1024 >> 4) << 32 | (uint64_t)1 << 62;
}

/* Before the first product that adds to registers which the thread has used. */
PTQ_DEVICE void ptq_wgmma_fence() {
#ifdef PTQ_CUDA_EMULATION
  ::ptq_emulation::wgmma_fence();
#else
  asm volatile("wgmma.fence.sync.aligned;" : : : "memory");
#endif
}

/* Ends a group of products. */
PTQ_DEVICE void ptq_wgmma_commit() {
#ifdef PTQ_CUDA_EMULATION
  ::ptq_emulation::wgmma_commit();
#else
  asm volatile("wgmma.commit_group.sync.aligned;" : : : "memory");
#endif
}

/* Waits until at most `pending` groups are under way. */
template <int pending>
PTQ_DEVICE void ptq_wgmma_wait() {
#ifdef PTQ_CUDA_EMULATION
  ::ptq_emulation::wgmma_wait(pending);
#else
  asm volatile("wgmma.wait_group.sync.aligned %0;" : : "n"(pending) : "memory");
#endif
}

/* Waits for all products; the compiler may not read the sums before. */
template <int count>
PTQ_DEVICE void ptq_wgmma_finish(int32_t *sums) {
  ptq_wgmma_wait<0>();
#ifndef PTQ_CUDA_EMULATION
#pragma unroll
  for (int i = 0; i < count; i++) {
    asm volatile("" : "+r"(sums[i]) : : "memory");
  }
#else
  (void)sums;
#endif
}

/* What this thread wrote to shared memory can be seen by products behind the next barrier. */
PTQ_DEVICE void ptq_fence_async_shared() {
#ifdef PTQ_CUDA_EMULATION
  ::ptq_emulation::fence_proxy_async();
#else
  asm volatile("fence.proxy.async.shared::cta;" : : : "memory");
#endif
}

/* Names and places of operands; PTX wants all of them. */
#define PTQ_TEN(t) "%" #t "0, %" #t "1, %" #t "2, %" #t "3, %" #t "4, %" #t "5, %" #t "6, %" #t "7, %" #t "8, %" #t "9, "
#define PTQ_NAMES_32 PTQ_TEN() PTQ_TEN(1) PTQ_TEN(2) "%30, %31"
#define PTQ_NAMES_60 PTQ_TEN() PTQ_TEN(1) PTQ_TEN(2) PTQ_TEN(3) PTQ_TEN(4) PTQ_TEN(5)
#define PTQ_NAMES_64 PTQ_NAMES_60 "%60, %61, %62, %63"
#define PTQ_NAMES_96 PTQ_NAMES_60 PTQ_TEN(6) PTQ_TEN(7) PTQ_TEN(8) "%90, %91, %92, %93, %94, %95"
#define PTQ_NAMES_128 PTQ_NAMES_60 PTQ_TEN(6) PTQ_TEN(7) PTQ_TEN(8) PTQ_TEN(9) PTQ_TEN(10) PTQ_TEN(11) "%120, %121, %122, %123, %124, %125, %126, %127"
#define PTQ_4_REGISTERS(i) "+r"(d[i]), "+r"(d[i + 1]), "+r"(d[i + 2]), "+r"(d[i + 3])
#define PTQ_16_REGISTERS(i) PTQ_4_REGISTERS(i), PTQ_4_REGISTERS(i + 4), PTQ_4_REGISTERS(i + 8), PTQ_4_REGISTERS(i + 12)
#define PTQ_REGISTERS_32 PTQ_16_REGISTERS(0), PTQ_16_REGISTERS(16)
#define PTQ_REGISTERS_64 PTQ_REGISTERS_32, PTQ_16_REGISTERS(32), PTQ_16_REGISTERS(48)
#define PTQ_REGISTERS_96 PTQ_REGISTERS_64, PTQ_16_REGISTERS(64), PTQ_16_REGISTERS(80)
#define PTQ_REGISTERS_128 PTQ_REGISTERS_96, PTQ_16_REGISTERS(96), PTQ_16_REGISTERS(112)
#define PTQ_WGMMA(columns, type, registers, places) \
  asm volatile("wgmma.mma_async.sync.aligned.m64n" #columns "k32.s32." type ".s8 {" PTQ_NAMES_##registers "}, " places ", 1;" : PTQ_REGISTERS_##registers : "l"(a), "l"(b))
#define PTQ_WGMMA_OF(columns, registers, places)    \
  if constexpr (is_unsigned) {                      \
    PTQ_WGMMA(columns, "u8", registers, places);    \
  } else {                                          \
    PTQ_WGMMA(columns, "s8", registers, places);    \
  }

/*
 * d += A(64x32) B(32xcolumns), bytes in shared memory that descriptors name: A's rows, unsigned or signed, and B's columns,
 * signed. Under way until a wait. Warp w of the warpgroup has rows 16w ... 16w + 15; lane 4g + t has, for every eight columns 8j,
 * d[4j], d[4j + 1] row g, columns 8j + 2t and the next, d[4j + 2], d[4j + 3] row g + 8.
 */
template <int columns, bool is_unsigned>
PTQ_DEVICE void ptq_wgmma(int32_t *d, uint64_t a, uint64_t b) {
  static_assert(columns == 64 || columns == 128 || columns == 192 || columns == 256, "the columns of a product");
#ifdef PTQ_CUDA_EMULATION
  ::ptq_emulation::wgmma(columns, is_unsigned, d, a, b);
#else
  if constexpr (columns == 64) {
    PTQ_WGMMA_OF(64, 32, "%32, %33")
  } else if constexpr (columns == 128) {
    PTQ_WGMMA_OF(128, 64, "%64, %65")
  } else if constexpr (columns == 192) {
    PTQ_WGMMA_OF(192, 96, "%96, %97")
  } else {
    PTQ_WGMMA_OF(256, 128, "%128, %129")
  }
#endif
}

#endif

#endif
