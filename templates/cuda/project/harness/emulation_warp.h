/*
 * Emulation of CUDA on the CPU, part 3: what the 32 lanes of a warp do together, and the tensor core instructions in the
 * layouts of fragments that the PTX ISA documents.
 *
 * The lane that comes last does the work for all: the others have left pointers to their operands. Lanes of a warp must meet
 * at the same operation; those that the mask names and that exist must all come.
 */
#ifndef PTQ_EMULATION_WARP_H
#define PTQ_EMULATION_WARP_H

#include "emulation_block.h"

namespace ptq_emulation {

using Complete = void (*)(void **arguments, unsigned lanes);

inline unsigned lane() { return block.current % WARP; }

/* Waits for the other lanes of the mask; the last one calls `complete` with the arguments of all. */
inline void meet(const char *name, unsigned mask, void *arguments, Complete complete) {
  Warp &warp = block.warp[block.current / WARP];
  const unsigned bit = 1u << lane();
  if ((mask & bit) == 0) fail("%s: the mask %08x leaves out the lane itself", name, mask);
  if (warp.arrived == 0) {
    warp.wanted = mask & warp.existing;
    warp.complete = complete;
    warp.name = name;
  }
  if (warp.complete != complete) fail("%s: other lanes of the warp are at %s", name, warp.name);
  if (warp.wanted != (mask & warp.existing)) fail("%s: mask %08x, other lanes have %08x", name, mask, warp.wanted);
  warp.arguments[lane()] = arguments;
  warp.arrived |= bit;
  if (warp.arrived != warp.wanted) return wait(name, 0);
  complete(warp.arguments, warp.wanted);
  const unsigned first = block.current / WARP * WARP;
  const bool backward = thread_order() == 1;
  for (unsigned i = 0; i < WARP; i++) {
    const unsigned other = backward ? WARP - 1 - i : i;
    if ((warp.wanted >> other & 1) == 0 || first + other == block.current) continue;
    if (runs_ahead()) make_next(first + other);
    else make_ready(first + other);
  }
  warp.arrived = 0;
}

inline void nothing(void **, unsigned) {}

inline void sync_warp(unsigned mask = 0xffffffffu) { meet("__syncwarp", mask, nullptr, nothing); }

/* Shuffles: every lane takes the value of one lane, its own where that one is outside its segment. */
template <class T>
struct Exchange {
  T value;
  unsigned source;
  T result;
  static void complete(void **arguments, unsigned lanes) {
    for (unsigned i = 0; i < WARP; i++) {
      if ((lanes >> i & 1) == 0) continue;
      Exchange &own = *static_cast<Exchange *>(arguments[i]);
      if ((lanes >> own.source & 1) == 0) fail("a shuffle reads lane %u, which does not take part", own.source);
      own.result = static_cast<Exchange *>(arguments[own.source])->value;
    }
  }
};

template <class T>
T exchange(unsigned mask, T value, unsigned source) {
  Exchange<T> exchange{value, source, value};
  meet("a shuffle", mask, &exchange, Exchange<T>::complete);
  return exchange.result;
}

/* Votes and reductions: every lane gets the result of all. */
template <class T>
struct Reduction {
  T value;
  static void each(void **arguments, unsigned lanes, T (*combine)(T, T)) {
    bool is_first = true;
    T total{};
    for (unsigned i = 0; i < WARP; i++) {
      if ((lanes >> i & 1) == 0) continue;
      const T value = static_cast<Reduction *>(arguments[i])->value;
      total = is_first ? value : combine(total, value);
      is_first = false;
    }
    for (unsigned i = 0; i < WARP; i++) {
      if ((lanes >> i & 1) != 0) static_cast<Reduction *>(arguments[i])->value = total;
    }
  }
};

template <class T, T (*combine)(T, T)>
T reduce(const char *name, unsigned mask, T value) {
  Reduction<T> reduction{value};
  meet(name, mask, &reduction, [](void **arguments, unsigned lanes) { Reduction<T>::each(arguments, lanes, combine); });
  return reduction.value;
}

template <class T>
T wrapping_sum(T a, T b) { return static_cast<T>(static_cast<unsigned>(a) + static_cast<unsigned>(b)); }
template <class T>
T larger(T a, T b) { return a > b ? a : b; }
template <class T>
T smaller(T a, T b) { return a < b ? a : b; }
inline unsigned either(unsigned a, unsigned b) { return a | b; }

/* Fragments of one matrix product, in the registers of one lane. */
struct Product {
  int32_t *d;
  const uint32_t *a, *b;
};

/* Elements of a register: bytes, or half bytes from the lowest on, as int16. */
template <int bits, bool is_unsigned = false>
void unpack(int16_t *to, uint32_t word) {
  for (int i = 0; i < 32 / bits; i++) {
    const uint32_t high = word << (32 - bits - i * bits);
    to[i] = static_cast<int16_t>(is_unsigned ? static_cast<int32_t>(high >> (32 - bits)) : static_cast<int32_t>(high) >> (32 - bits));
  }
}

/*
 * D[rows][8] += A[rows][depth] B[depth][8], rows 8 or 16, elements of `bits` bits, signed but where A is not. In lane 4g + t a register of A holds
 * row g (or g + 8), elements t*n ... t*n + n - 1 of one half of the depth; B's the same of column g; D's row g (or g + 8),
 * columns 2t and 2t + 1. PTX ISA, "Matrix Fragments for mma.m8n8k16, m8n8k32, m16n8k32, m16n8k64".
 */
template <int rows, int bits, bool is_unsigned>
void multiply_fragments(void **arguments, unsigned lanes) {
  constexpr int per_word = 32 / bits;
  constexpr int half = 4 * per_word;
  constexpr int halves = rows / 8;
  constexpr int depth = half * halves;
  if (lanes != 0xffffffffu) fail("a matrix product needs all 32 lanes");
  int16_t a[rows][depth], b[8][depth];
  for (unsigned i = 0; i < WARP; i++) {
    const Product &own = *static_cast<Product *>(arguments[i]);
    const unsigned g = i / 4, t = i % 4 * per_word;
    for (int part = 0; part < halves; part++) {
      for (int upper = 0; upper < halves; upper++) unpack<bits, is_unsigned>(&a[g + 8 * upper][part * half + t], own.a[2 * part + upper]);
      unpack<bits>(&b[g][part * half + t], own.b[part]);
    }
  }
  for (unsigned i = 0; i < WARP; i++) {
    const Product &own = *static_cast<Product *>(arguments[i]);
    for (int upper = 0; upper < halves; upper++) {
      for (unsigned j = 0; j < 2; j++) {
        const int16_t *row = a[i / 4 + 8 * upper], *column = b[2 * (i % 4) + j];
        int32_t sum = 0;
        for (int k = 0; k < depth; k++) sum += row[k] * column[k];
        own.d[2 * upper + j] = static_cast<int32_t>(static_cast<uint32_t>(own.d[2 * upper + j]) + static_cast<uint32_t>(sum));
      }
    }
  }
}

template <int rows, int bits, bool is_unsigned = false>
void mma(const char *name, int32_t *d, const uint32_t *a, const uint32_t *b) {
  Product product{d, a, b};
  meet(name, 0xffffffffu, &product, multiply_fragments<rows, bits, is_unsigned>);
}

/* ldmatrix: lanes 8m ... 8m + 7 name the eight rows of 16 bytes of matrix m; lane 4g + t gets bytes 4t ... 4t + 3 of row g of each. */
struct MatrixLoad {
  uint32_t *to;
  const void *row;
};

template <int matrices>
void load_matrices(void **arguments, unsigned lanes) {
  if (lanes != 0xffffffffu) fail("ldmatrix needs all 32 lanes");
  for (int m = 0; m < matrices; m++) {
    for (unsigned i = 0; i < WARP; i++) {
      const auto *row = static_cast<const unsigned char *>(static_cast<MatrixLoad *>(arguments[8 * m + i / 4])->row);
      if (reinterpret_cast<uintptr_t>(row) % 16 != 0) fail("ldmatrix: the row of lane %u is not at a multiple of 16 bytes", 8 * m + i / 4);
      std::memcpy(&static_cast<MatrixLoad *>(arguments[i])->to[m], row + 4 * (i % 4), 4);
    }
  }
}

template <int matrices>
void ldmatrix(uint32_t *to, const void *row) {
  MatrixLoad load{to, row};
  meet("ldmatrix", 0xffffffffu, &load, load_matrices<matrices>);
}

/* cp.async: at once, or when the thread waits for its group: what is read without waiting is then still missing. */
inline void copy_now(const PendingCopy &copy) {
  if (copy.is_valid) std::memcpy(copy.to, copy.from, 16);
  else std::memset(copy.to, 0, 16);
}

inline size_t chunk_of(const void *in_shared) { return static_cast<size_t>(static_cast<const unsigned char *>(in_shared) - block.shared.data()) / 16; }

inline void copy_async16(void *to, const void *from, bool is_valid) {
  Thread &thread = block.thread[block.current];
  if (reinterpret_cast<uintptr_t>(to) % 16 != 0) fail("cp.async: the destination is not at a multiple of 16 bytes");
  if (is_valid && reinterpret_cast<uintptr_t>(from) % 16 != 0) fail("cp.async: the source is not at a multiple of 16 bytes");
  const PendingCopy copy{to, from, is_valid, thread.copy_group};
  if (block.tracks_copies) {
    block.unfenced[chunk_of(to)] = 1;
    thread.unfenced.push_back(copy);
  }
  if (copies_late()) thread.copies.push_back(copy);
  else copy_now(copy);
}

inline void copy_async_commit() { block.thread[block.current].copy_group++; }

/* Ends when at most `pending` of the committed groups are still under way. */
inline void copy_async_wait(int pending) {
  Thread &thread = block.thread[block.current];
  const int before = thread.copy_group - pending;
  if (before > thread.waited_group) thread.waited_group = before;
  size_t done = 0;
  while (done < thread.copies.size() && thread.copies[done].group < before) copy_now(thread.copies[done++]);
  thread.copies.erase(thread.copies.begin(), thread.copies.begin() + static_cast<std::ptrdiff_t>(done));
}

}  // namespace ptq_emulation

#endif
