/*
 * Emulation of CUDA on the CPU, part 5: products of a warpgroup (wgmma of sm_90a), in the layouts of shared memory and of
 * registers that the PTX ISA documents.
 *
 * A product is computed at once with PTQ_CUDA_ORDER 0, 2, 4, ..., and when it is waited for with the others: what is missing
 * in shared memory shows in the first, what is overwritten too early in the second. Stricter than a GPU: all 128 threads must
 * meet, with equal descriptors; registers of a product under way hold a pattern and must not change; what cp.async wrote must
 * have passed fence.proxy.async; no product may be left under way at the end of a block.
 */
#ifndef PTQ_EMULATION_WARPGROUP_H
#define PTQ_EMULATION_WARPGROUP_H

#include "emulation_warp.h"

namespace ptq_emulation {

constexpr unsigned WARPGROUP = 128;
constexpr int MOST_COLUMNS = 256;
/* Bytes of a row that one product takes. */
constexpr int PRODUCT_DEPTH = 32;

/* What one thread asks for. */
struct GroupCall {
  int32_t *d;
  uint64_t a, b;
  int columns;
  bool is_unsigned;
  int group;
};

/* Sums of 64 rows that products add to, and the registers of all threads that get them. */
struct Flight {
  int number, columns;
  int32_t *d[WARPGROUP];
  std::vector<int32_t> sums;
};

struct GroupProduct {
  GroupCall call;
  int flight;
  bool is_done;
};

struct Warpgroup {
  uint64_t block;
  unsigned arrived;
  void (*complete)(Warpgroup &);
  const char *name;
  const GroupCall *calls[WARPGROUP];
  bool is_fenced[WARPGROUP];
  int committed[WARPGROUP];
  int flights_begun;
  std::vector<Flight> flights;
  std::vector<GroupProduct> products;
};

inline Warpgroup warpgroups[MOST_THREADS / WARPGROUP];

inline bool products_late() { return thread_order() % 2 != 0; }

inline int32_t register_pattern(int i) { return static_cast<int32_t>(0x5ead0000u + 0x101u * static_cast<unsigned>(i)); }

inline void check_products_ended() {
  for (const Warpgroup &group : warpgroups) {
    if (group.block == block.number && !group.flights.empty()) fail("a block ends while products of a warpgroup are under way");
  }
}

/* The warpgroup of the thread that runs, as new in every block. */
inline Warpgroup &own_warpgroup() {
  const unsigned number = block.current / WARPGROUP;
  if ((number + 1) * WARPGROUP > block.threads) fail("a warpgroup has 128 threads, not %u", block.threads - number * WARPGROUP);
  Warpgroup &group = warpgroups[number];
  if (group.block != block.number) {
    group = Warpgroup();
    group.block = block.number;
    block.at_end = check_products_ended;
  }
  return group;
}

/* Waits for the other threads of the warpgroup; the last one does the work for all. */
inline void meet_warpgroup(const char *name, const GroupCall &call, void (*complete)(Warpgroup &)) {
  Warpgroup &group = own_warpgroup();
  if (group.arrived == 0) {
    group.complete = complete;
    group.name = name;
  }
  if (group.complete != complete) fail("%s: other threads of the warpgroup are at %s", name, group.name);
  group.calls[block.current % WARPGROUP] = &call;
  if (++group.arrived < WARPGROUP) return wait(name, 0);
  group.arrived = 0;
  complete(group);
  const unsigned first = block.current / WARPGROUP * WARPGROUP;
  const bool backward = thread_order() == 1;
  for (unsigned i = 0; i < WARPGROUP; i++) {
    const unsigned other = first + (backward ? WARPGROUP - 1 - i : i);
    if (other == block.current) continue;
    if (runs_ahead()) make_next(other);
    else make_ready(other);
  }
}

/* Element 0 of row `row` of a matrix in shared memory: rows of 128 bytes, groups of eight rows a stride apart; bits 4 to 6 of an address are those and bits 7 to 9. */
inline size_t place_in_atom(uint64_t descriptor, int row, int byte) {
  const size_t start = (descriptor & 0x3fff) << 4, stride = (descriptor >> 32 & 0x3fff) << 4;
  const size_t plain = start + static_cast<size_t>(row / 8) * stride + static_cast<size_t>(row % 8 * 128 + byte);
  return plain ^ (plain >> 3 & 0x70);
}

inline void check_descriptor(uint64_t descriptor, const char *matrix) {
  if (descriptor >> 62 != 1) fail("wgmma: %s has swizzle mode %d, which is not emulated", matrix, static_cast<int>(descriptor >> 62));
  const unsigned start = static_cast<unsigned>(descriptor & 0x3fff) << 4;
  if ((start & 1023) % PRODUCT_DEPTH != 0 || (start & 1023) >= 128 || (descriptor >> 49 & 7) != 0) fail("wgmma: %s begins at %u, its rows not at a multiple of 1024 bytes", matrix, start);
}

/* Rows of 32 bytes as numbers. */
inline void load_rows(int16_t (*to)[PRODUCT_DEPTH], uint64_t descriptor, int rows, bool is_unsigned, const char *matrix) {
  for (int row = 0; row < rows; row++) {
    for (int byte = 0; byte < PRODUCT_DEPTH; byte += 16) {
      const size_t at = place_in_atom(descriptor, row, byte);
      if (at + 16 > block.shared_used) fail("wgmma: %s ends behind shared memory", matrix);
      if (block.tracks_copies && block.unfenced[at / 16] != 0) fail("wgmma: row %d of %s was copied by cp.async and has not passed fence.proxy.async", row, matrix);
      for (int i = 0; i < 16; i++) {
        const unsigned char code = block.shared[at + static_cast<size_t>(i)];
        to[row][byte + i] = is_unsigned ? static_cast<int16_t>(code) : static_cast<int16_t>(static_cast<int8_t>(code));
      }
    }
  }
}

inline Flight &flight_of(Warpgroup &group, int number) {
  for (Flight &flight : group.flights) {
    if (flight.number == number) return flight;
  }
  fail("wgmma: a product without registers");
}

/* sums[64][columns] += A[64][32] B[columns][32], both in shared memory as it is now. */
inline void compute(Warpgroup &group, GroupProduct &product) {
  if (product.is_done) return;
  product.is_done = true;
  static int16_t a[64][PRODUCT_DEPTH], b[MOST_COLUMNS][PRODUCT_DEPTH];
  const int columns = product.call.columns;
  load_rows(a, product.call.a, 64, product.call.is_unsigned, "A");
  load_rows(b, product.call.b, columns, false, "B");
  int32_t *sums = flight_of(group, product.flight).sums.data();
  for (int row = 0; row < 64; row++) {
    for (int column = 0; column < columns; column++) {
      int32_t sum = 0;
      for (int k = 0; k < PRODUCT_DEPTH; k++) sum += a[row][k] * b[column][k];
      sums[row * columns + column] = static_cast<int32_t>(static_cast<uint32_t>(sums[row * columns + column]) + static_cast<uint32_t>(sum));
    }
  }
}

/* Where register i of a thread lies in D: warp w has rows 16w ... 16w + 15, lane 4g + t rows g and g + 8, columns 8j + 2t and the next. */
inline int place_in_sums(unsigned thread, int i, int columns) {
  const int lane = static_cast<int>(thread % WARP);
  const int row = static_cast<int>(thread / WARP) * 16 + lane / 4 + (i >> 1 & 1) * 8;
  return row * columns + i / 4 * 8 + lane % 4 * 2 + (i & 1);
}

/* Registers that products add to already: nobody else may have touched them. */
inline Flight *flight_under_way(Warpgroup &group, const GroupCall &first) {
  for (Flight &flight : group.flights) {
    if (flight.d[0] != group.calls[0]->d) continue;
    if (flight.columns != first.columns) fail("wgmma: products of %d and %d columns add to the same registers", flight.columns, first.columns);
    for (unsigned t = 0; t < WARPGROUP; t++) {
      for (int i = 0; i < first.columns / 2; i++) {
        if (flight.d[t] != group.calls[t]->d || flight.d[t][i] != register_pattern(i)) fail("wgmma: registers of a product under way were written");
      }
    }
    return &flight;
  }
  return nullptr;
}

inline Flight &begin_flight(Warpgroup &group, const GroupCall &first) {
  Flight flight{group.flights_begun++, first.columns, {}, std::vector<int32_t>(static_cast<size_t>(64 * first.columns))};
  for (unsigned t = 0; t < WARPGROUP; t++) {
    if (!group.is_fenced[t]) fail("wgmma: no wgmma.fence since thread %u of the warpgroup used the registers", t);
    flight.d[t] = group.calls[t]->d;
    for (int i = 0; i < first.columns / 2; i++) {
      flight.sums[static_cast<size_t>(place_in_sums(t, i, first.columns))] = flight.d[t][i];
      flight.d[t][i] = register_pattern(i);
    }
  }
  group.flights.push_back(std::move(flight));
  return group.flights.back();
}

inline void begin_product(Warpgroup &group) {
  const GroupCall &first = *group.calls[0];
  for (const GroupCall *call : group.calls) {
    if (call->a != first.a || call->b != first.b) fail("wgmma: threads of the warpgroup have different descriptors");
    if (call->columns != first.columns || call->is_unsigned != first.is_unsigned || call->group != first.group) fail("wgmma: threads of the warpgroup are at different products");
  }
  check_descriptor(first.a, "A");
  check_descriptor(first.b, "B");
  Flight *flight = flight_under_way(group, first);
  if (flight == nullptr) flight = &begin_flight(group, first);
  group.products.push_back({first, flight->number, false});
  if (!products_late()) compute(group, group.products.back());
}

/* Products of groups before `call->group` are done; registers that nothing is added to any more go back to their threads. */
inline void end_products(Warpgroup &group) {
  const int before = group.calls[0]->group;
  for (const GroupCall *call : group.calls) {
    if (call->group != before) fail("wgmma: threads of the warpgroup wait for different products");
  }
  std::vector<GroupProduct> later;
  for (GroupProduct &product : group.products) {
    if (product.call.group < before) compute(group, product);
    else later.push_back(product);
  }
  group.products = std::move(later);
  std::vector<Flight> under_way;
  for (Flight &flight : group.flights) {
    bool is_needed = false;
    for (const GroupProduct &product : group.products) is_needed = is_needed || product.flight == flight.number;
    if (is_needed) {
      under_way.push_back(std::move(flight));
      continue;
    }
    for (unsigned t = 0; t < WARPGROUP; t++) {
      for (int i = 0; i < flight.columns / 2; i++) {
        if (flight.d[t][i] != register_pattern(i)) fail("wgmma: registers of a product under way were written");
        flight.d[t][i] = flight.sums[static_cast<size_t>(place_in_sums(t, i, flight.columns))];
      }
      group.is_fenced[t] = false;
    }
  }
  group.flights = std::move(under_way);
}

inline void wgmma(int columns, bool is_unsigned, int32_t *d, uint64_t a, uint64_t b) {
  const GroupCall call{d, a, b, columns, is_unsigned, own_warpgroup().committed[block.current % WARPGROUP]};
  meet_warpgroup("wgmma.mma_async", call, begin_product);
}

inline void wgmma_fence() { own_warpgroup().is_fenced[block.current % WARPGROUP] = true; }

inline void wgmma_commit() { own_warpgroup().committed[block.current % WARPGROUP]++; }

inline void wgmma_wait(int pending) {
  const GroupCall call{nullptr, 0, 0, 0, false, own_warpgroup().committed[block.current % WARPGROUP] - pending};
  meet_warpgroup("wgmma.wait_group", call, end_products);
}

/* Of a kernel that has products of warpgroups: its copies are followed up to their fence. */
inline uint8_t *swizzled_shared() {
  if (!block.tracks_copies) {
    block.tracks_copies = true;
    block.unfenced.assign(MOST_SHARED_BYTES / 16 + 1, 0);
  }
  return dynamic_shared();
}

/* fence.proxy.async: copies of this thread that it has waited for can be seen by products. */
inline void fence_proxy_async() {
  Thread &thread = block.thread[block.current];
  size_t kept = 0;
  for (const PendingCopy &copy : thread.unfenced) {
    if (copy.group < thread.waited_group) block.unfenced[chunk_of(copy.to)] = 0;
    else thread.unfenced[kept++] = copy;
  }
  thread.unfenced.resize(kept);
}

/* The address that descriptors hold. */
inline uint32_t shared_address(const void *pointer) {
  const auto at = reinterpret_cast<uintptr_t>(pointer) - reinterpret_cast<uintptr_t>(block.shared.data());
  if (at >= block.shared_used) fail("the address of a descriptor is not in shared memory");
  return static_cast<uint32_t>(at);
}

}  // namespace ptq_emulation

#endif
