/*
 * Emulation of CUDA on the CPU, part 2: grid, block, barrier and shared memory.
 *
 * Threads run one after the other, each as far as it can, in an order that PTQ_CUDA_ORDER chooses: 0 forward, 1 backward,
 * n >= 2 by chance from that seed. What depends on the order lacks a barrier: run 0 ... 5. With an even number a warp goes on
 * for as long as it can, with an odd one all take turns; asynchronous copies are done at once with 0, 4, 5, 8, 9 ..., and as
 * late as allowed with the others.
 *
 * Stricter than a GPU: every thread of a block must reach every barrier, at the same place of the source; what nobody wrote
 * of shared memory holds a pattern; writes past the end of a shared array are found at the end of the block.
 */
#ifndef PTQ_EMULATION_BLOCK_H
#define PTQ_EMULATION_BLOCK_H

#include <cstring>
#include <utility>

#include "emulation_fibers.h"

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

/* CUDA's own variables, those of the thread that runs. */
inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;

namespace ptq_emulation {

constexpr unsigned WARP = 32;
constexpr unsigned MOST_THREADS = 1024;
constexpr size_t STATIC_SHARED_BYTES = 48 * 1024;
constexpr size_t MOST_SHARED_BYTES = 227 * 1024;
/* Behind every shared array. */
constexpr size_t CANARY_BYTES = 64;
constexpr unsigned char CANARY = 0xc7;

/* An array of the block's shared memory: where it was declared, and its place in the block that runs. */
struct SharedSite {
  const char *name;
  uint64_t block;
  size_t offset;
};

/* A copy that cp.async has been asked for. */
struct PendingCopy {
  void *to;
  const void *from;
  bool is_valid;
  int group;
};

struct Thread {
  Context context;
  uint3 index;
  int stack;
  bool has_ended;
  const char *waits_at;
  int waits_line;
  int copy_group;
  /* Groups of copies before this one were waited for. */
  int waited_group;
  std::vector<PendingCopy> copies;
  /* Where copies are followed: those that no fence.proxy.async came after. */
  std::vector<PendingCopy> unfenced;
};

/* Lanes of a warp that wait for each other at one operation. */
struct Warp {
  unsigned existing, arrived, wanted;
  /* How often lanes have met at bar.warp.sync: what lies before and behind is in order. */
  unsigned syncs;
  void (*complete)(void **arguments, unsigned lanes);
  const char *name;
  void *arguments[WARP];
};

struct Block {
  const char *kernel = "";
  void (*body)(const void *);
  const void *arguments;
  uint64_t number = 0;
  /* Barriers of all blocks so far, and the first block of the launch: what lies before and behind is in order. */
  uint64_t interval = 0, first_of_launch = 0;
  unsigned threads = 0, started = 0, ended = 0;
  unsigned current = 0;
  unsigned at_barrier = 0;
  int barrier_line = 0, barrier_votes = 0;
  int barrier_result = 0;
  std::vector<Thread> thread;
  std::vector<Warp> warp;
  /* Thread numbers in the order in which they start. */
  std::vector<unsigned> order;
  /* Those that may go on: a ring of `threads` places. */
  std::vector<unsigned> ready;
  unsigned first_ready = 0, ready_count = 0;
  Context scheduler;
  Stacks stacks;
  std::vector<unsigned char> shared;
  std::vector<std::pair<size_t, const char *>> canaries;
  size_t shared_used = 0, dynamic_bytes = 0;
  /* Chunks of 16 bytes of shared memory that cp.async wrote and no fence.proxy.async came after. */
  bool tracks_copies = false;
  std::vector<unsigned char> unfenced;
  /* What is checked when all threads have ended. */
  void (*at_end)() = nullptr;
};

inline Block block;
inline int chosen_order = -1;

/* PTQ_CUDA_ORDER, read once; tests set chosen_order. */
inline int thread_order() {
  if (chosen_order < 0) {
    const char *text = std::getenv("PTQ_CUDA_ORDER");
    chosen_order = text == nullptr ? 0 : std::atoi(text);
    if (chosen_order < 0) chosen_order = 0;
  }
  return chosen_order;
}

__attribute__((format(printf, 1, 2))) [[noreturn]] inline void fail(const char *format, ...) {
  std::fflush(stdout);
  std::fprintf(stderr, "cuda emulation: kernel %s, block (%u, %u, %u), thread (%u, %u, %u), order %d: ", block.kernel, blockIdx.x, blockIdx.y, blockIdx.z,
               threadIdx.x, threadIdx.y, threadIdx.z, thread_order());
  va_list values;
  va_start(values, format);
  std::vfprintf(stderr, format, values);
  va_end(values);
  std::fprintf(stderr, "\n");
  std::fflush(stderr);
  std::_Exit(86);
}

inline uint32_t next_random(uint32_t &state) {
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

/* 0 ... count - 1 in the order of this run. */
inline void put_in_order(std::vector<unsigned> &list, unsigned count, uint32_t salt) {
  list.resize(count);
  const int order = thread_order();
  for (unsigned i = 0; i < count; i++) list[i] = order == 1 ? count - 1 - i : i;
  if (order < 2) return;
  uint32_t state = static_cast<uint32_t>(order) * 2654435761u + salt;
  for (unsigned i = count; i > 1; i--) std::swap(list[i - 1], list[next_random(state) % i]);
}

inline bool runs_ahead() { return thread_order() % 2 == 0; }

inline bool copies_late() { return thread_order() == 1 || (thread_order() & 2) != 0; }

/* Its turn comes after all others. */
inline void make_ready(unsigned number) {
  const unsigned place = block.first_ready + block.ready_count++;
  block.ready[place >= block.threads ? place - block.threads : place] = number;
}

/* Its turn comes next. */
inline void make_next(unsigned number) {
  block.first_ready = (block.first_ready == 0 ? block.threads : block.first_ready) - 1;
  block.ready[block.first_ready] = number;
  block.ready_count++;
}

inline unsigned take_ready() {
  const unsigned number = block.ready[block.first_ready];
  block.first_ready = block.first_ready + 1 == block.threads ? 0 : block.first_ready + 1;
  block.ready_count--;
  return number;
}

/* Threads wait that nobody will wake. */
[[noreturn]] inline void report_deadlock() {
  for (unsigned i = 0; i < block.threads; i++) {
    const Thread &waiting = block.thread[i];
    if (waiting.has_ended || waiting.waits_at == nullptr) continue;
    threadIdx = waiting.index;
    fail("deadlock: waits at %s in line %d, %u of %u threads ended without it", waiting.waits_at, waiting.waits_line, block.ended, block.threads);
  }
  fail("deadlock");
}

inline void enter(unsigned number) {
  block.current = number;
  threadIdx = block.thread[number].index;
}

inline void fiber_main();

inline void begin(unsigned number, int stack) {
  Thread &thread = block.thread[number];
  thread.stack = stack;
  thread.has_ended = false;
  thread.waits_at = nullptr;
  thread.copy_group = thread.waited_group = 0;
  thread.copies.clear();
  thread.unfenced.clear();
}

/* Leaves the stack that runs, which `from` remembers, for the thread whose turn it is. */
inline void switch_to_next(Context &from) {
  const bool resumes = block.ready_count > 0 && (runs_ahead() || block.started == block.threads);
  if (!resumes && block.started == block.threads) report_deadlock();
  const unsigned next = resumes ? take_ready() : block.order[block.started++];
  Thread &thread = block.thread[next];
  if (!resumes) {
    begin(next, block.stacks.take());
    prepare(thread.context, block.stacks.at(thread.stack), fiber_main);
  }
  enter(next);
  switch_context(from, thread.context);
}

/* Runs threads on one stack for as long as none of them waits. */
inline void fiber_main() {
  for (;;) {
    block.body(block.arguments);
    Thread &thread = block.thread[block.current];
    const int stack = thread.stack;
    thread.has_ended = true;
    block.ended++;
    if (block.ended == block.threads) {
      block.stacks.give_back(stack);
      switch_context(thread.context, block.scheduler);
      continue;
    }
    const bool resumes = block.ready_count > 0 && (runs_ahead() || block.started == block.threads);
    if (resumes || block.started == block.threads) {
      block.stacks.give_back(stack);
      switch_to_next(thread.context);
      continue;
    }
    const unsigned next = block.order[block.started++];
    begin(next, stack);
    enter(next);
  }
}

/* The thread that runs waits until make_ready names it. */
inline void wait(const char *at, int line) {
  const unsigned number = block.current;
  Thread &thread = block.thread[number];
  thread.waits_at = at;
  thread.waits_line = line;
  switch_to_next(thread.context);
  enter(number);
  thread.waits_at = nullptr;
}

/* __syncthreads: all threads of the block, at one place of the source; returns how many voted for it. */
inline int barrier(int vote, int line) {
  if (block.at_barrier == 0) {
    block.barrier_line = line;
    block.barrier_votes = 0;
  }
  if (block.barrier_line != line) fail("divergent barrier: line %d here, line %d in other threads", line, block.barrier_line);
  if (vote != 0) block.barrier_votes++;
  if (++block.at_barrier < block.threads) {
    wait("a barrier", line);
    return block.barrier_result;
  }
  block.at_barrier = 0;
  block.interval++;
  block.barrier_result = block.barrier_votes;
  for (unsigned i = 0; i < block.threads; i++) {
    if (block.order[i] != block.current) make_ready(block.order[i]);
  }
  return block.barrier_result;
}

inline unsigned char poison() { return static_cast<unsigned char>(0xa5 + 0x3b * thread_order()); }

inline size_t allocate_shared(const char *name, size_t bytes) {
  const size_t offset = block.shared_used;
  const size_t end = offset + bytes;
  block.shared_used = (end + CANARY_BYTES + 15) / 16 * 16;
  if (block.shared_used > block.shared.size()) fail("shared array %s: more than %zu bytes of shared memory", name, MOST_SHARED_BYTES);
  std::memset(&block.shared[offset], poison(), bytes);
  std::memset(&block.shared[end], CANARY, CANARY_BYTES);
  block.canaries.push_back({end, name});
  return offset;
}

/* The same storage for all threads of a block, no matter which comes first. */
template <class Element, size_t count>
Element (&shared_array(SharedSite &site))[count] {
  if (site.block != block.number) {
    site.offset = allocate_shared(site.name, sizeof(Element) * count);
    site.block = block.number;
  }
  return *reinterpret_cast<Element(*)[count]>(&block.shared[site.offset]);
}

inline uint8_t *dynamic_shared() { return block.shared.data(); }

inline void check_canaries() {
  for (const auto &[at, name] : block.canaries) {
    for (size_t i = 0; i < CANARY_BYTES; i++) {
      if (block.shared[at + i] != CANARY) fail("shared array %s: written %zu bytes behind its end", name, i);
    }
  }
}

inline void run_block() {
  block.number++;
  block.interval++;
  block.started = block.ended = block.at_barrier = 0;
  block.first_ready = block.ready_count = 0;
  block.shared_used = 0;
  block.tracks_copies = false;
  block.at_end = nullptr;
  block.canaries.clear();
  allocate_shared("(dynamic)", block.dynamic_bytes);
  for (Warp &warp : block.warp) warp.arrived = 0;
  switch_to_next(block.scheduler);
  check_canaries();
  if (block.at_end != nullptr) block.at_end();
}

inline void number_threads() {
  block.threads = blockDim.x * blockDim.y * blockDim.z;
  if (block.thread.size() < block.threads) block.thread.resize(block.threads);
  block.ready.resize(block.threads);
  block.warp.assign((block.threads + WARP - 1) / WARP, Warp());
  for (unsigned i = 0; i < block.threads; i++) {
    block.thread[i].index = {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
    block.warp[i / WARP].existing |= 1u << (i % WARP);
  }
}

/* Runs all blocks of a grid, one after the other; a kernel must not depend on their order either. */
inline void run_grid(const char *kernel, dim3 grid, dim3 threads, size_t dynamic_bytes, void (*body)(const void *), const void *arguments) {
  static std::vector<unsigned> blocks;
  block.kernel = kernel;
  block.body = body;
  block.arguments = arguments;
  block.dynamic_bytes = dynamic_bytes;
  block.shared.resize(MOST_SHARED_BYTES + 64 * (CANARY_BYTES + 16));
  gridDim = grid;
  blockDim = threads;
  number_threads();
  const unsigned count = grid.x * grid.y * grid.z;
  block.first_of_launch = block.number + 1;
  put_in_order(blocks, count, 1);
  for (unsigned i = 0; i < count; i++) {
    const unsigned number = blocks[i];
    blockIdx = {number % grid.x, number / grid.x % grid.y, number / (grid.x * grid.y)};
    if (i == 0 || thread_order() >= 2) put_in_order(block.order, block.threads, number + 2);
    run_block();
  }
}

}  // namespace ptq_emulation

#endif
