/*
 * Kernels that check the emulation of products of warpgroups (wgmma) against plain loops, and faults that it must find.
 * `wgmma CASE [FAULT]` prints "ok", or what is wrong.
 */
#include "ptq_wgmma.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vector>

enum { NONE, NO_WAIT_FOR_COPIES, NO_PROXY_FENCE, NO_BARRIER, OVERWRITTEN, NO_WAIT, NO_FENCE, MISSING_WARP, MISALIGNED, DESCRIPTORS, WRITTEN_SUMS, NO_COMMIT, PLAIN_ROWS };

constexpr int32_t STAGES = 4;

/* c[rows][columns] = a[rows][depth] b[columns][depth], depth a multiple of 128: 128 rows a block, 64 for each of two warpgroups. */
template <int columns, class Code>
PTQ_KERNEL(256) staged_product(const Code *a, const int8_t *b, int32_t *c, int32_t depth, int32_t fault) {
  PTQ_SWIZZLED_SHARED(matrices);
#if PTQ_HAS_WGMMA
  constexpr int32_t stage_bytes = (128 + columns) * 128;
  const int32_t thread = (int32_t)threadIdx.x, lane = thread & 31, warp = thread >> 5, row0 = (int32_t)blockIdx.x * 128, stages = depth / 128;
  const auto fill = [&](int32_t stage) {
    uint8_t *const to = matrices + stage % STAGES * stage_bytes;
    for (int32_t chunk = thread; chunk < (128 + columns) * 8; chunk += 256) {
      const int32_t row = chunk >> 3, byte = (chunk & 7) * 16;
      const void *const from = row < 128 ? (const void *)(a + (row0 + row) * depth + stage * 128 + byte) : (const void *)(b + (row - 128) * depth + stage * 128 + byte);
      ptq_copy_async16(to + (fault == PLAIN_ROWS ? row * 128 + byte : ptq_swizzled(row, byte)), from, true);
    }
  };
  int32_t sums[columns / 2] = {};
  if (fault != NO_FENCE) ptq_wgmma_fence();
  const int32_t ahead = fault == OVERWRITTEN ? STAGES : STAGES - 2;
  for (int32_t stage = 0; stage < ahead; stage++) {
    if (stage < stages) fill(stage);
    ptq_copy_async_commit();
  }
  for (int32_t stage = 0; stage < stages; stage++) {
    if (fault != NO_WAIT_FOR_COPIES) {
      if (fault == OVERWRITTEN) ptq_copy_async_wait<STAGES - 1>();
      else ptq_copy_async_wait<STAGES - 3>();
    }
    if (fault != NO_PROXY_FENCE) ptq_fence_async_shared();
    if (fault != NO_BARRIER) __syncthreads();
    const uint8_t *const windows = matrices + stage % STAGES * stage_bytes + (fault == MISALIGNED ? 256 : 0);
    for (int32_t k = 0; k < 4; k++) {
      if (fault == MISSING_WARP && warp == 5 && stage == 1) break;
      const uint64_t from = ptq_wgmma_descriptor(windows + (warp >> 2) * (64 * 128));
      ptq_wgmma<columns, sizeof(Code) == 1 && (Code)-1 >= 0>(sums, from + 2 * (uint64_t)k + (fault == DESCRIPTORS && warp == 1 ? 2 : 0), ptq_wgmma_descriptor(windows + 128 * 128) + 2 * (uint64_t)k);
    }
    if (fault != NO_COMMIT) ptq_wgmma_commit();
    if (fault == WRITTEN_SUMS && stage == 0) sums[3] += 1;
    if (stage + ahead < stages) fill(stage + ahead);
    ptq_copy_async_commit();
    ptq_wgmma_wait<1>();
  }
  if (fault != NO_WAIT) ptq_wgmma_finish<columns / 2>(sums);
  for (int32_t j = 0; j < columns / 2; j++) {
    const int32_t row = row0 + warp * 16 + (lane >> 2) + (j >> 1 & 1) * 8, column = (j >> 2) * 8 + (lane & 3) * 2 + (j & 1);
    c[row * columns + column] = sums[j];
  }
#else
  __trap();
#endif
}

static uint32_t state = 54321;
template <class T>
static std::vector<T> random_values(size_t count) {
  std::vector<T> values(count);
  for (T &value : values) {
    state = state * 1664525u + 1013904223u;
    value = (T)(state >> 24);
  }
  return values;
}

template <int columns, class Code>
static bool check(int32_t fault) {
  const size_t rows = 256, depth = 6 * 128;
  const std::vector<Code> a = random_values<Code>(rows * depth);
  const std::vector<int8_t> b = random_values<int8_t>(columns * depth);
  std::vector<int32_t> c(rows * columns), expected(rows * columns);
  for (size_t m = 0; m < rows; m++) {
    for (size_t n = 0; n < columns; n++) {
      for (size_t k = 0; k < depth; k++) expected[m * columns + n] += a[m * depth + k] * b[n * depth + k];
    }
  }
  const int shared_bytes = (int)STAGES * (128 + columns) * 128;
  Code *da;
  int8_t *db;
  int32_t *dc;
  if (cudaMalloc(&da, a.size()) != cudaSuccess || cudaMalloc(&db, b.size()) != cudaSuccess || cudaMalloc(&dc, c.size() * 4) != cudaSuccess) return false;
  cudaMemcpy(da, a.data(), a.size(), cudaMemcpyHostToDevice);
  cudaMemcpy(db, b.data(), b.size(), cudaMemcpyHostToDevice);
  cudaFuncSetAttribute(staged_product<columns, Code>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
  PTQ_LAUNCH((staged_product<columns, Code>), (unsigned)rows / 128, 256, (size_t)shared_bytes, 0, da, db, dc, (int32_t)depth, fault);
  cudaMemcpy(c.data(), dc, c.size() * 4, cudaMemcpyDeviceToHost);
  const cudaError_t error = cudaGetLastError();
  cudaFree(da);
  cudaFree(db);
  cudaFree(dc);
  if (error != cudaSuccess) {
    printf("%s\n", cudaGetErrorString(error));
    return false;
  }
  for (size_t i = 0; i < c.size(); i++) {
    if (c[i] == expected[i]) continue;
    printf("%d columns: element %zu is %d instead of %d\n", columns, i, (int)c[i], (int)expected[i]);
    return false;
  }
  return true;
}

int main(int count, char **values) {
  const char *const name = count > 1 ? values[1] : "";
  ptq_device device = {};
  if (ptq_ask_wgmma(&device) != cudaSuccess) return 1;
  if (strcmp(name, "probe") == 0) {
    puts(device.has_wgmma ? "wgmma" : "none");
    return 0;
  }
  bool is_right = false;
  if (strcmp(name, "products") == 0) is_right = check<64, int8_t>(NONE) && check<64, uint8_t>(NONE) && check<128, uint8_t>(NONE) && check<192, int8_t>(NONE) && check<256, int8_t>(NONE);
  if (strcmp(name, "fault") == 0) is_right = check<64, uint8_t>(count > 2 ? atoi(values[2]) : NONE);
  puts(is_right ? "ok" : "wrong");
  return is_right ? 0 : 1;
}
