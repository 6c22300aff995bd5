/*
 * Memory as kernels translated from PTX see it. Every access is checked: alignment, the ends of shared arrays' memory and of
 * allocations, and races: two accesses of one byte, at least one of them a write, by threads that nothing puts in order. In
 * order are a thread's own accesses, those before and behind a barrier of the block, those of a warp before and behind
 * bar.warp.sync; what cp.async writes, behind the wait of its thread. Blocks of a launch are never in order.
 *
 * A race shows in every order of threads, also where this order happens to give the right result.
 */
#ifndef PTX_MEMORY_H
#define PTX_MEMORY_H

#include <vector>

#include "ptq_cuda.h"
#include "ptx_profile.h"

namespace ptx {

using ::ptq_emulation::block;
using ::ptq_emulation::fail;

/* Several threads of one warp, of one block, and of several blocks: who reads what others read. */
enum : int32_t { SEVERAL_LANES = -1, SEVERAL_WARPS = -2, SEVERAL_BLOCKS = -3 };

struct Access {
  /* Of all launches: 0 is nobody. */
  uint32_t block_number = 0;
  uint32_t interval = 0;
  uint32_t syncs = 0;
  int32_t thread = 0;
  int32_t warp = 0;
};

struct Shadow {
  Access write, read;
  /* A copy of this thread to here is under way. */
  bool is_pending = false;
};

inline unsigned own_warp() { return block.current / ::ptq_emulation::WARP; }

inline Access own_access() {
  return {static_cast<uint32_t>(block.number), static_cast<uint32_t>(block.interval), block.warp[own_warp()].syncs, static_cast<int32_t>(block.current), static_cast<int32_t>(own_warp())};
}

inline bool is_in_order(const Access &before) {
  if (before.block_number < block.first_of_launch) return true;
  if (before.thread == SEVERAL_BLOCKS || before.block_number != block.number) return false;
  if (before.interval != static_cast<uint32_t>(block.interval) || before.thread == static_cast<int32_t>(block.current)) return true;
  return before.thread != SEVERAL_WARPS && before.warp == static_cast<int32_t>(own_warp()) && before.syncs != block.warp[own_warp()].syncs;
}

/* What a later write must be in order with, after another read. */
inline Access joined(const Access &before, Access own) {
  if (before.block_number < block.first_of_launch) return own;
  if (before.thread == SEVERAL_BLOCKS || before.block_number != own.block_number) own.thread = SEVERAL_BLOCKS;
  else if (before.interval != own.interval || before.thread == own.thread) return own;
  else own.thread = before.warp == own.warp && before.thread != SEVERAL_WARPS ? SEVERAL_LANES : SEVERAL_WARPS;
  return own;
}

[[noreturn]] inline void report_race(const char *memory, uint64_t at, const char *what, const Access &other) {
  char who[40];
  if (other.thread < 0) std::snprintf(who, sizeof who, "others");
  else std::snprintf(who, sizeof who, "thread %d%s", static_cast<int>(other.thread), other.block_number == block.number ? "" : " of another block");
  fail("PTX: a race: byte %llu of %s is %s by this thread and %s, and nothing puts them in order", static_cast<unsigned long long>(at), memory, what, who);
}

inline void note(std::vector<Shadow> &shadows, uint64_t from, unsigned bytes, const char *memory, bool writes) {
  const Access own = own_access();
  for (uint64_t at = from; at < from + bytes; at++) {
    Shadow &shadow = shadows[at];
    if (shadow.is_pending) fail("PTX: byte %llu of %s is used while cp.async copies to it", static_cast<unsigned long long>(at), memory);
    if (!is_in_order(shadow.write)) report_race(memory, at, writes ? "written" : "read and written", shadow.write);
    if (!writes) {
      shadow.read = joined(shadow.read, own);
      continue;
    }
    if (!is_in_order(shadow.read)) report_race(memory, at, "written and read", shadow.read);
    shadow.write = own;
  }
}

/* Shared memory of the block that runs. */
struct SharedShadow {
  uint64_t number = 0;
  std::vector<Shadow> bytes;
};
inline SharedShadow shared_shadow;

inline std::vector<Shadow> &own_shared_shadow() {
  if (shared_shadow.number != block.number) {
    shared_shadow.number = block.number;
    shared_shadow.bytes.assign(block.shared.size(), Shadow());
  }
  return shared_shadow.bytes;
}

inline void check_alignment(uint64_t at, unsigned bytes) {
  if (at % bytes != 0) fail("PTX: an access of %u bytes at an address that is no multiple of it", bytes);
}

inline uint64_t generic_of_shared(uint64_t at) { return reinterpret_cast<uint64_t>(block.shared.data()) + at; }
inline uint64_t shared_of_generic(uint64_t at) { return at - reinterpret_cast<uint64_t>(block.shared.data()); }
inline uint64_t shared_of(const void *array) { return shared_of_generic(reinterpret_cast<uint64_t>(array)); }

/* An access of shared memory; its address on this machine. */
inline uint64_t use_shared(uint64_t at, unsigned bytes, bool writes, unsigned alignment) {
  check_alignment(at, alignment);
  if (at + bytes > block.shared_used) fail("PTX: shared memory is used behind its end");
  note(own_shared_shadow(), at, bytes, "shared memory", writes);
  PTX_SEEN(SHARED, at, bytes);
  return generic_of_shared(at);
}

/* Tables of the module. */
inline std::vector<std::pair<uint64_t, size_t>> tables;
struct Table {
  Table(const void *array, size_t bytes) { tables.push_back({reinterpret_cast<uint64_t>(array), bytes}); }
};

struct AllocationShadow {
  uint64_t begin;
  std::vector<Shadow> bytes;
};
inline std::vector<AllocationShadow> allocation_shadows;

/* Of an allocation; null before the first write of a kernel: what the host has written is only read. */
inline std::vector<Shadow> *shadow_of(uint64_t begin, size_t bytes, bool writes) {
  for (AllocationShadow &one : allocation_shadows) {
    if (one.begin == begin && one.bytes.size() == bytes) return &one.bytes;
  }
  if (!writes) return nullptr;
  allocation_shadows.push_back({begin, std::vector<Shadow>(bytes)});
  return &allocation_shadows.back().bytes;
}

inline bool lies_in(const std::pair<uint64_t, size_t> &memory, uint64_t at, unsigned bytes) { return at >= memory.first && at + bytes <= memory.first + memory.second; }

/* An access of device memory. Programs without allocations hand kernels memory of the host, which nobody checks. */
inline uint64_t use_global(uint64_t at, unsigned bytes, bool writes, unsigned alignment) {
  check_alignment(at, alignment);
  if (::ptq_emulation::allocations.empty()) return at;
  for (const auto &memory : ::ptq_emulation::allocations) {
    if (!lies_in(memory, at, bytes)) continue;
    PTX_SEEN(DEVICE, at, bytes);
    if (std::vector<Shadow> *shadows = shadow_of(memory.first, memory.second, writes)) note(*shadows, at - memory.first, bytes, "device memory", writes);
    return at;
  }
  for (const auto &memory : tables) {
    if (!writes && lies_in(memory, at, bytes)) return at;
  }
  fail("PTX: device memory is used outside of all allocations");
}

/* An access by an address of any space: shared, device memory, or the stack of this thread. */
inline uint64_t use_generic(uint64_t at, unsigned bytes, bool writes, unsigned alignment) {
  const uint64_t in_shared = shared_of_generic(at);
  if (in_shared < block.shared.size()) return use_shared(in_shared, bytes, writes, alignment);
  for (const auto &memory : ::ptq_emulation::allocations) {
    if (lies_in(memory, at, bytes)) return use_global(at, bytes, writes, alignment);
  }
  check_alignment(at, alignment);
  return at;
}

/* cp.async writes somewhen up to the wait: nobody may use the bytes until then, and others not before the next barrier. */
struct Copy {
  uint64_t block_number, at;
  int group;
};
inline std::vector<Copy> copies[::ptq_emulation::MOST_THREADS];

inline void copy_async16(uint64_t to, uint64_t from, bool is_valid) {
  use_shared(to, 16, true, 16);
  if (is_valid) use_global(from, 16, false, 16);
  for (uint64_t at = to; at < to + 16; at++) own_shared_shadow()[at].is_pending = true;
  copies[block.current].push_back({block.number, to, block.thread[block.current].copy_group});
  ::ptq_emulation::copy_async16(reinterpret_cast<void *>(generic_of_shared(to)), reinterpret_cast<const void *>(from), is_valid);
}

inline void copy_async_wait(int pending) {
  ::ptq_emulation::copy_async_wait(pending);
  std::vector<Copy> &own = copies[block.current];
  const int before = block.thread[block.current].copy_group - pending;
  size_t kept = 0;
  for (const Copy &copy : own) {
    if (copy.block_number != block.number) continue;
    if (copy.group >= before) {
      own[kept++] = copy;
      continue;
    }
    for (uint64_t at = copy.at; at < copy.at + 16; at++) own_shared_shadow()[at].is_pending = false;
    note(own_shared_shadow(), copy.at, 16, "shared memory", true);
  }
  own.resize(kept);
}

/* ldmatrix reads rows of which every lane gets a part. */
template <int matrices>
void ldmatrix(uint32_t *to, uint64_t row) {
  if (::ptq_emulation::lane() < 8 * matrices) {
    use_shared(row, 16, false, 16);
    for (uint64_t at = row; at < row + 16; at++) {
      Access &read = own_shared_shadow()[at].read;
      if (read.thread >= 0) read.thread = SEVERAL_LANES;
    }
  }
  ::ptq_emulation::ldmatrix<matrices>(to, reinterpret_cast<const void *>(generic_of_shared(row)));
}

/* Behind it the lanes of the mask see what they have written. */
inline void sync_warp(unsigned mask) {
  ::ptq_emulation::meet("bar.warp.sync", mask, nullptr, [](void **, unsigned) { block.warp[own_warp()].syncs++; });
}

}  // namespace ptx

#endif
