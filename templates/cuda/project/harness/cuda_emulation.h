/*
 * CUDA on the CPU: the kernels of this project compiled by a C++17 compiler and run thread by thread, bit for bit as on a GPU.
 * ptq_cuda.h includes this with -DPTQ_CUDA_EMULATION. The five parts say what is stricter than a GPU.
 *
 * Not seen here: the speed of anything. Accesses that nothing puts in order show where PTX is executed (ptx_memory.h).
 */
#ifndef PTQ_CUDA_EMULATION_H
#define PTQ_CUDA_EMULATION_H

#ifndef PTQ_ARCHITECTURE
#define PTQ_ARCHITECTURE 800
#endif

#include "emulation_block.h"
#include "emulation_runtime.h"
#include "emulation_warp.h"
#include "emulation_warpgroup.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

#define __syncthreads() ((void)::ptq_emulation::barrier(0, __LINE__))
#define __syncthreads_count(vote) ::ptq_emulation::barrier((vote) ? 1 : 0, __LINE__)
#define __syncthreads_or(vote) (::ptq_emulation::barrier((vote) ? 1 : 0, __LINE__) != 0)
#define __syncthreads_and(vote) (::ptq_emulation::barrier((vote) ? 0 : 1, __LINE__) == 0)
inline void __syncwarp(unsigned mask = 0xffffffffu) { ::ptq_emulation::sync_warp(mask); }
inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const unsigned lane = ::ptq_emulation::lane(), segment = lane & ~static_cast<unsigned>(width - 1);
  return ::ptq_emulation::exchange(mask, value, segment + (static_cast<unsigned>(source) & static_cast<unsigned>(width - 1)));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int distance, int width = 32) {
  const unsigned lane = ::ptq_emulation::lane(), source = lane ^ static_cast<unsigned>(distance);
  const bool is_inside = source < (lane & ~static_cast<unsigned>(width - 1)) + static_cast<unsigned>(width);
  return ::ptq_emulation::exchange(mask, value, is_inside ? source : lane);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32) {
  const unsigned lane = ::ptq_emulation::lane(), within = lane & static_cast<unsigned>(width - 1);
  return ::ptq_emulation::exchange(mask, value, within + distance < static_cast<unsigned>(width) ? lane + distance : lane);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32) {
  const unsigned lane = ::ptq_emulation::lane(), within = lane & static_cast<unsigned>(width - 1);
  return ::ptq_emulation::exchange(mask, value, within >= distance ? lane - distance : lane);
}
inline unsigned __ballot_sync(unsigned mask, int vote) {
  return ::ptq_emulation::reduce<unsigned, ::ptq_emulation::either>("__ballot_sync", mask, vote != 0 ? 1u << ::ptq_emulation::lane() : 0u);
}
inline int __any_sync(unsigned mask, int vote) { return __ballot_sync(mask, vote) != 0; }
inline int __all_sync(unsigned mask, int vote) { return __ballot_sync(mask, vote == 0) == 0; }
template <class T>
T __reduce_add_sync(unsigned mask, T value) { return ::ptq_emulation::reduce<T, ::ptq_emulation::wrapping_sum<T>>("__reduce_add_sync", mask, value); }
template <class T>
T __reduce_max_sync(unsigned mask, T value) { return ::ptq_emulation::reduce<T, ::ptq_emulation::larger<T>>("__reduce_max_sync", mask, value); }
template <class T>
T __reduce_min_sync(unsigned mask, T value) { return ::ptq_emulation::reduce<T, ::ptq_emulation::smaller<T>>("__reduce_min_sync", mask, value); }

/* One thread runs at a time: every access is atomic. */
template <class T>
T atomicAdd(T *at, T value) { return std::exchange(*at, static_cast<T>(static_cast<unsigned long long>(*at) + static_cast<unsigned long long>(value))); }
template <class T>
T atomicMax(T *at, T value) { return std::exchange(*at, *at > value ? *at : value); }
template <class T>
T atomicMin(T *at, T value) { return std::exchange(*at, *at < value ? *at : value); }
template <class T>
T atomicOr(T *at, T value) { return std::exchange(*at, *at | value); }
template <class T>
T atomicExch(T *at, T value) { return std::exchange(*at, value); }
template <class T>
T atomicCAS(T *at, T expected, T value) { return std::exchange(*at, *at == expected ? value : *at); }

inline int __dp4a(int a, int b, int c) {
  unsigned sum = static_cast<unsigned>(c);
  for (int i = 0; i < 32; i += 8) sum += static_cast<unsigned>(static_cast<int8_t>(a >> i) * static_cast<int8_t>(b >> i));
  return static_cast<int>(sum);
}
inline unsigned __dp4a(unsigned a, unsigned b, unsigned c) {
  for (int i = 0; i < 32; i += 8) c += (a >> i & 255u) * (b >> i & 255u);
  return c;
}
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __mulhi(int a, int b) { return static_cast<int>(static_cast<long long>(a) * b >> 32); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(static_cast<unsigned long long>(a) * b >> 32); }
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  const unsigned long long both = static_cast<unsigned long long>(b) << 32 | a;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) {
    const unsigned select = selector >> (4 * i) & 15u, byte = static_cast<unsigned>(both >> (8 * (select & 7u)) & 255u);
    result |= ((select & 8u) == 0 ? byte : (byte & 128u) != 0 ? 255u : 0u) << (8 * i);
  }
  return result;
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned count) { return static_cast<unsigned>(((static_cast<unsigned long long>(high) << 32 | low) << (count & 31u)) >> 32); }
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned count) { return static_cast<unsigned>((static_cast<unsigned long long>(high) << 32 | low) >> (count & 31u)); }
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
inline unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
inline long long min(long long a, long long b) { return a < b ? a : b; }
inline long long max(long long a, long long b) { return a > b ? a : b; }
template <class T>
T __ldg(const T *at) {
  if (reinterpret_cast<uintptr_t>(at) % sizeof(T) != 0) ::ptq_emulation::fail("__ldg: the address is not at a multiple of %zu bytes", sizeof(T));
  return *at;
}

#endif
