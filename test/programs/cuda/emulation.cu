/*
 * Kernels that check the emulation of CUDA: each wrapper of an instruction against plain loops, and faults that it must find.
 * `emulation CASE [FAULT]` prints "ok", or what is wrong.
 */
#include "ptq_cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vector>

/* Faults of the tiled product, chosen by number. */
enum { NONE, NO_BARRIER_BEFORE_READING, NO_BARRIER_BEFORE_WRITING, NO_WAIT, DIVERGENT_BARRIER, EARLY_END, BEHIND_THE_END, UNWRITTEN, DIVERGENT_SHUFFLE, MASKS, STACK };

static uint32_t state = 12345;
static int32_t random_value(int bits) {
  state = state * 1664525u + 1013904223u;
  return (int32_t)state >> (32 - bits);
}

template <class T>
static std::vector<T> random_values(size_t count, int bits) {
  std::vector<T> values(count);
  for (T &value : values) value = (T)random_value(bits);
  return values;
}

/* Signed half bytes, the first in the lower half. */
static std::vector<uint8_t> packed(const std::vector<int8_t> &values) {
  std::vector<uint8_t> bytes(values.size() / 2);
  for (size_t i = 0; i < bytes.size(); i++) bytes[i] = (uint8_t)((values[2 * i] & 15) | ((values[2 * i + 1] & 15) << 4));
  return bytes;
}

static bool same(const std::vector<int32_t> &actual, const std::vector<int32_t> &expected) {
  if (actual == expected) return true;
  size_t at = 0;
  while (actual[at] == expected[at]) at++;
  printf("element %zu is %d instead of %d\n", at, (int)actual[at], (int)expected[at]);
  return false;
}

/* c[m][n] + sum of a[m][k] b[n][k]. */
template <class Code = int8_t>
static std::vector<int32_t> product(const std::vector<int8_t> &a, const std::vector<int8_t> &b, std::vector<int32_t> c, size_t rows, size_t columns, size_t depth) {
  for (size_t m = 0; m < rows; m++) {
    for (size_t n = 0; n < columns; n++) {
      for (size_t k = 0; k < depth; k++) c[m * columns + n] += (Code)a[m * depth + k] * b[n * depth + k];
    }
  }
  return c;
}

/* ---- fragments: rows of `words` registers of 32 bits in memory, as the PTX ISA lays them over the lanes ---- */

template <int rows, int words, class Multiply>
PTQ_DEVICE void multiply_tile(const uint32_t *a, const uint32_t *b, int32_t *c, Multiply multiply) {
  const unsigned lane = threadIdx.x, group = lane >> 2, inside = lane & 3;
  uint32_t fa[4] = {}, fb[2] = {};
  int32_t fc[4] = {};
  for (unsigned part = 0; part < words / 4; part++) {
    fa[2 * part] = a[group * words + 4 * part + inside];
    if (rows == 16) fa[2 * part + 1] = a[(group + 8) * words + 4 * part + inside];
    fb[part] = b[group * words + 4 * part + inside];
  }
  for (unsigned i = 0; i < rows / 4; i++) fc[i] = c[(group + 8 * (i / 2)) * 8 + 2 * inside + i % 2];
  multiply(fc, fa, fb);
  for (unsigned i = 0; i < rows / 4; i++) c[(group + 8 * (i / 2)) * 8 + 2 * inside + i % 2] = fc[i];
}

PTQ_KERNEL(32) tile_16_s8(const uint32_t *a, const uint32_t *b, int32_t *c) {
  multiply_tile<16, 8>(a, b, c, [](int32_t *d, const uint32_t *x, const uint32_t *y) { ptq_mma_s8(d, x, y); });
}
PTQ_KERNEL(32) tile_16_u8(const uint32_t *a, const uint32_t *b, int32_t *c) {
  multiply_tile<16, 8>(a, b, c, [](int32_t *d, const uint32_t *x, const uint32_t *y) { ptq_mma_u8(d, x, y); });
}
PTQ_KERNEL(32) tile_16_s4(const uint32_t *a, const uint32_t *b, int32_t *c) {
  multiply_tile<16, 8>(a, b, c, [](int32_t *d, const uint32_t *x, const uint32_t *y) { ptq_mma_s4(d, x, y); });
}
PTQ_KERNEL(32) tile_8_s8(const uint32_t *a, const uint32_t *b, int32_t *c) {
  multiply_tile<8, 4>(a, b, c, [](int32_t *d, const uint32_t *x, const uint32_t *y) { ptq_mma_8x8x16_s8(d, x[0], y[0]); });
}
PTQ_KERNEL(32) tile_8_u8(const uint32_t *a, const uint32_t *b, int32_t *c) {
  multiply_tile<8, 4>(a, b, c, [](int32_t *d, const uint32_t *x, const uint32_t *y) { ptq_mma_8x8x16_u8(d, x[0], y[0]); });
}
PTQ_KERNEL(32) tile_8_s4(const uint32_t *a, const uint32_t *b, int32_t *c) {
  multiply_tile<8, 4>(a, b, c, [](int32_t *d, const uint32_t *x, const uint32_t *y) { ptq_mma_8x8x32_s4(d, x[0], y[0]); });
}

template <class Code = int8_t>
static bool check_tile(void (*kernel)(const uint32_t *, const uint32_t *, int32_t *), size_t rows, size_t depth, int bits) {
  for (int round = 0; round < 50; round++) {
    const std::vector<int8_t> a = random_values<int8_t>(rows * depth, bits), b = random_values<int8_t>(8 * depth, bits);
    std::vector<int32_t> c = random_values<int32_t>(rows * 8, 20);
    const std::vector<int32_t> expected = product<Code>(a, b, c, rows, 8, depth);
    std::vector<uint32_t> wa(rows * depth * (size_t)bits / 32), wb(8 * depth * (size_t)bits / 32);
    if (bits == 4) {
      memcpy(wa.data(), packed(a).data(), wa.size() * 4);
      memcpy(wb.data(), packed(b).data(), wb.size() * 4);
    } else {
      memcpy(wa.data(), a.data(), a.size());
      memcpy(wb.data(), b.data(), b.size());
    }
    PTQ_LAUNCH(kernel, 1, 32, 0, nullptr, wa.data(), wb.data(), c.data());
    if (!same(c, expected)) return false;
  }
  return true;
}

/* ---- what the lanes of a warp exchange ---- */

PTQ_KERNEL(64) exchange(const int32_t *in, int32_t *out) {
  const int lane = (int)threadIdx.x & 31, at = (int)threadIdx.x;
  out[at] = __shfl_sync(0xffffffffu, in[at], 5);
  out[64 + at] = __shfl_sync(0xffffffffu, in[at], lane + 3, 8);
  out[128 + at] = __shfl_xor_sync(0xffffffffu, in[at], 9);
  out[192 + at] = __shfl_down_sync(0xffffffffu, in[at], 4);
  out[256 + at] = __shfl_up_sync(0xffffffffu, in[at], 3, 16);
  out[320 + at] = (int32_t)__ballot_sync(0xffffffffu, in[at] < 0);
  int32_t sum = in[at];
  for (int distance = 16; distance > 0; distance >>= 1) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
  out[384 + at] = sum;
  out[448 + at] = __any_sync(0xffffffffu, lane == 7) + 2 * __all_sync(0xffffffffu, lane < 31);
}

static bool check_exchange() {
  const std::vector<int32_t> in = random_values<int32_t>(64, 24);
  std::vector<int32_t> out(512), expected(512);
  for (int at = 0; at < 64; at++) {
    const int warp = at & 32, lane = at & 31;
    uint32_t negative = 0;
    int32_t sum = 0;
    for (int i = 0; i < 32; i++) {
      if (in[warp + i] < 0) negative |= 1u << i;
      sum += in[warp + i];
    }
    expected[at] = in[warp + 5];
    expected[64 + at] = in[warp + (lane & 24) + ((lane + 3) & 7)];
    expected[128 + at] = in[warp + (lane ^ 9)];
    expected[192 + at] = in[warp + (lane < 28 ? lane + 4 : lane)];
    expected[256 + at] = in[warp + ((lane & 15) >= 3 ? lane - 3 : lane)];
    expected[320 + at] = (int32_t)negative;
    expected[384 + at] = sum;
    expected[448 + at] = 1;
  }
  PTQ_LAUNCH(exchange, 1, 64, 0, nullptr, in.data(), out.data());
  return same(out, expected);
}

PTQ_KERNEL(32) load_matrices(const uint8_t *bytes, uint32_t *out) {
  PTQ_SHARED(uint8_t, tile, 32 * 48);
  for (unsigned i = threadIdx.x; i < 32 * 48; i += 32) tile[i] = bytes[i];
  __syncthreads();
  uint32_t four[4], two[2];
  ptq_ldmatrix_x4(four, &tile[threadIdx.x * 48]);
  ptq_ldmatrix_x2(two, &tile[(threadIdx.x & 15) * 48 + 16]);
  for (unsigned m = 0; m < 4; m++) out[m * 32 + threadIdx.x] = four[m];
  for (unsigned m = 0; m < 2; m++) out[(4 + m) * 32 + threadIdx.x] = two[m];
}

static bool check_matrices() {
  const std::vector<uint8_t> bytes = random_values<uint8_t>(32 * 48, 8);
  std::vector<uint32_t> out(192);
  PTQ_LAUNCH(load_matrices, 1, 32, 0, nullptr, bytes.data(), out.data());
  std::vector<int32_t> actual(192), expected(192);
  for (size_t m = 0; m < 6; m++) {
    for (size_t lane = 0; lane < 32; lane++) {
      const size_t row = (m < 4 ? 8 * m : 8 * (m - 4)) + lane / 4, column = (m < 4 ? 0 : 16) + 4 * (lane % 4);
      memcpy(&expected[m * 32 + lane], &bytes[row * 48 + column], 4);
      actual[m * 32 + lane] = (int32_t)out[m * 32 + lane];
    }
  }
  return same(actual, expected);
}

PTQ_KERNEL(256) dot_products(const int32_t *a, const int32_t *b, int32_t *sum, int32_t *high) {
  const unsigned i = blockIdx.x * 256 + threadIdx.x;
  sum[i] = ptq_dp4a(a[i], b[i], sum[i]);
  high[i] = __mulhi(a[i], b[i]) ^ __clz(a[i]) ^ (int32_t)__byte_perm((uint32_t)a[i], (uint32_t)b[i], 0x0624);
}

static bool check_dot_products() {
  const std::vector<int32_t> a = random_values<int32_t>(4096, 32), b = random_values<int32_t>(4096, 32);
  std::vector<int32_t> sum = random_values<int32_t>(4096, 32), high(4096), sums(4096), highs(4096);
  for (size_t i = 0; i < 4096; i++) {
    int8_t x[4], y[4];
    memcpy(x, &a[i], 4);
    memcpy(y, &b[i], 4);
    sums[i] = (int32_t)((uint32_t)sum[i] + (uint32_t)(x[0] * y[0] + x[1] * y[1] + x[2] * y[2] + x[3] * y[3]));
    int32_t zeros = 0;
    while (zeros < 32 && ((uint32_t)a[i] >> (31 - zeros)) == 0) zeros++;
    const uint8_t picked[4] = {(uint8_t)y[0], (uint8_t)x[2], (uint8_t)y[2], (uint8_t)x[0]};
    int32_t bytes;
    memcpy(&bytes, picked, 4);
    highs[i] = (int32_t)(((int64_t)a[i] * b[i]) >> 32) ^ zeros ^ bytes;
  }
  PTQ_LAUNCH(dot_products, 16, 256, 0, nullptr, a.data(), b.data(), sum.data(), high.data());
  return same(sum, sums) && same(high, highs);
}

PTQ_KERNEL(96) histogram(const uint8_t *values, int32_t *counts, int32_t *largest) {
  const unsigned i = blockIdx.x * 96 + threadIdx.x;
  atomicAdd(&counts[values[i] & 7], 1);
  atomicMax(largest, (int32_t)values[i]);
}

/* The second launch of a graph sees what the first one left. */
static bool check_graph() {
  const std::vector<uint8_t> values = random_values<uint8_t>(960, 8);
  std::vector<int32_t> counts(9), expected(9);
  for (const uint8_t value : values) {
    expected[value & 7] += 3;
    if (value > expected[8]) expected[8] = value;
  }
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  cudaStreamCreate(&stream);
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  PTQ_LAUNCH(histogram, 10, 96, 0, stream, values.data(), counts.data(), counts.data() + 8);
  const bool waits = counts[0] == 0;
  cudaStreamEndCapture(stream, &graph);
  cudaGraphInstantiate(&executable, graph, 0);
  for (int i = 0; i < 3; i++) cudaGraphLaunch(executable, stream);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
  PTQ_LAUNCH(histogram, 1, 2048, 0, nullptr, values.data(), counts.data(), counts.data() + 8);
  return waits && cudaGetLastError() == cudaErrorInvalidConfiguration && cudaGetLastError() == cudaSuccess && same(counts, expected);
}

/* ---- a product in tiles: two buffers filled by asynchronous copies, 128 threads, each warp 16 of 64 rows ---- */

static PTQ_NOINLINE void use_much_stack(int32_t *out) {
  volatile char large[160 * 1024];
  large[0] = 1;
  out[0] = large[0];
}

PTQ_KERNEL(128) tiled_product(const int8_t *a, const int8_t *b, int32_t *c, int32_t depth, int32_t columns, int32_t fault) {
  PTQ_DYNAMIC_SHARED(ptq_shared);
  PTQ_SHARED(int32_t, sums, 64);
  const int32_t thread = (int32_t)threadIdx.x, warp = thread >> 5, lane = thread & 31, row0 = (int32_t)blockIdx.y * 64, column0 = (int32_t)blockIdx.x * 8;
  int8_t *const tiles = (int8_t *)ptq_shared;
  const int32_t steps = depth >> 5;
  int32_t d[4] = {0, 0, 0, 0};
  const auto fill = [&](int32_t step) {
    int8_t *const to = tiles + (step & 1) * (72 * 48);
    const int32_t row = thread >> 1, part = (thread & 1) * 16;
    ptq_copy_async16(to + row * 48 + part, a + (row0 + row) * depth + step * 32 + part, true);
    if (thread < 16) ptq_copy_async16(to + (64 + row) * 48 + part, b + (column0 + row) * depth + step * 32 + part, true);
    ptq_copy_async_commit();
  };
  if (fault == STACK) use_much_stack(c);
  if (fault == EARLY_END && thread == 77) return;
  if (thread < 64 && fault != UNWRITTEN) sums[thread] = 0;
  if (fault == BEHIND_THE_END && thread == 64) sums[thread] = 1;
  fill(0);
  for (int32_t step = 0; step < steps; step++) {
    if (step + 1 < steps) {
      fill(step + 1);
      if (fault != NO_WAIT) ptq_copy_async_wait<1>();
    } else {
      ptq_copy_async_wait<0>();
    }
    if (fault == DIVERGENT_BARRIER && warp == 1) {
      __syncthreads();
    } else if (fault != NO_BARRIER_BEFORE_READING) {
      __syncthreads();
    }
    const int8_t *const from = tiles + (step & 1) * (72 * 48);
    uint32_t fa[4], fb[2];
    ptq_ldmatrix_x4(fa, from + (warp * 16 + (lane & 15)) * 48 + (lane >> 4) * 16);
    ptq_ldmatrix_x2(fb, from + (64 + (lane & 7)) * 48 + ((lane >> 3) & 1) * 16);
    ptq_mma_s8(d, fa, fb);
    if (fault != NO_BARRIER_BEFORE_WRITING) __syncthreads();
  }
  if (fault == DIVERGENT_SHUFFLE) {
    if (lane == 3) d[0] += __shfl_sync(0xffffffffu, 0, 3);
    else __syncwarp();
  }
  d[0] += __shfl_xor_sync(fault == MASKS && lane >= 16 ? 0xffff0000u : 0xffffffffu, 0, 1);
  const int32_t row = warp * 16 + (lane >> 2), column = (lane & 3) * 2;
  for (int32_t i = 0; i < 4; i++) c[(row0 + row + (i >> 1) * 8) * columns + column0 + column + (i & 1)] = d[i] + sums[row];
}

static bool check_tiled(size_t rows, size_t columns, size_t depth, bool with_check, int32_t fault) {
  const std::vector<int8_t> a = random_values<int8_t>(rows * depth, 8), b = random_values<int8_t>(columns * depth, 8);
  std::vector<int32_t> c(rows * columns);
  int8_t *da, *db;
  int32_t *dc;
  if (cudaMalloc(&da, a.size()) != cudaSuccess || cudaMalloc(&db, b.size()) != cudaSuccess || cudaMalloc(&dc, 4 * c.size()) != cudaSuccess) return false;
  cudaMemcpy(da, a.data(), a.size(), cudaMemcpyHostToDevice);
  cudaMemcpy(db, b.data(), b.size(), cudaMemcpyHostToDevice);
  PTQ_LAUNCH(tiled_product, dim3((unsigned)columns / 8, (unsigned)rows / 64), 128, 2 * 72 * 48, nullptr, da, db, dc, (int32_t)depth, (int32_t)columns, fault);
  cudaMemcpy(c.data(), dc, 4 * c.size(), cudaMemcpyDeviceToHost);
  const bool is_right = !with_check || same(c, product(a, b, std::vector<int32_t>(rows * columns), rows, columns, depth));
  cudaFree(da);
  cudaFree(db);
  cudaFree(dc);
  return is_right;
}

int main(int count, char **values) {
  const char *const name = count > 1 ? values[1] : "";
  bool is_right = false;
  if (strcmp(name, "mma") == 0) is_right = check_tile(tile_16_s8, 16, 32, 8) && check_tile(tile_16_s4, 16, 64, 4) && check_tile(tile_8_s8, 8, 16, 8) && check_tile(tile_8_s4, 8, 32, 4) && check_tile<uint8_t>(tile_16_u8, 16, 32, 8) && check_tile<uint8_t>(tile_8_u8, 8, 16, 8);
  if (strcmp(name, "warp") == 0) is_right = check_exchange() && check_matrices();
  if (strcmp(name, "integers") == 0) is_right = check_dot_products();
  if (strcmp(name, "graph") == 0) is_right = check_graph();
  if (strcmp(name, "tiled") == 0) is_right = check_tiled(128, 16, 160, true, count > 2 ? atoi(values[2]) : NONE);
  if (strcmp(name, "speed") == 0) is_right = check_tiled(1024, 1024, 512, false, NONE);
  puts(is_right ? "ok" : "wrong");
  return is_right ? 0 : 1;
}
