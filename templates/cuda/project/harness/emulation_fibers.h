/*
 * Emulation of CUDA on the CPU, part 1: stacks to switch between.
 *
 * The threads of a block are fibers of one thread of the host: each runs until it waits for others. A kernel that never
 * waits needs one stack for all its threads.
 */
#ifndef PTQ_EMULATION_FIBERS_H
#define PTQ_EMULATION_FIBERS_H

#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <vector>

/* The switch below is for Linux on x86-64; anywhere else POSIX's, which is slower. */
#if !(defined(__x86_64__) && defined(__linux__)) && !defined(PTQ_EMULATION_UCONTEXT)
#define PTQ_EMULATION_UCONTEXT
#endif
#ifdef PTQ_EMULATION_UCONTEXT
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700
#endif
#include <ucontext.h>
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PTQ_EMULATION_ASAN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(PTQ_EMULATION_ASAN)
#include <sanitizer/asan_interface.h>
#define PTQ_EMULATION_FORGET(memory, bytes) __asan_unpoison_memory_region(memory, bytes)
#else
#define PTQ_EMULATION_FORGET(memory, bytes) ((void)(memory))
#endif

namespace ptq_emulation {

constexpr size_t STACK_BYTES = 128 * 1024;
/* Below every stack: touching it ends the program. */
constexpr size_t GUARD_BYTES = 256 * 1024;

using FiberMain = void (*)();

#ifdef PTQ_EMULATION_UCONTEXT

struct Context {
  ucontext_t saved;
};

/* What runs on this stack next is `start`. The sanitizer forgets the functions that were left there for good. */
inline void prepare(Context &context, char *stack, FiberMain start) {
  PTQ_EMULATION_FORGET(stack, STACK_BYTES);
  getcontext(&context.saved);
  context.saved.uc_stack.ss_sp = stack;
  context.saved.uc_stack.ss_size = STACK_BYTES;
  context.saved.uc_link = nullptr;
  makecontext(&context.saved, start, 0);
}

inline void switch_context(Context &from, Context &to) { swapcontext(&from.saved, &to.saved); }

#else

struct Context {
  void *stack_pointer;
};

/* Stores the registers that a call must keep on the old stack, and takes those of the new one from it. */
__attribute__((naked, noinline)) inline void switch_stacks(void **, void *) {
  __asm__(
      "pushq %rbp\n\tpushq %rbx\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n\t"
      "movq %rsp, (%rdi)\n\tmovq %rsi, %rsp\n\t"
      "popq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbx\n\tpopq %rbp\n\tret");
}

/* What runs on this stack next is `start`. The sanitizer forgets the functions that were left there for good. */
inline void prepare(Context &context, char *stack, FiberMain start) {
  PTQ_EMULATION_FORGET(stack, STACK_BYTES);
  uintptr_t *top = reinterpret_cast<uintptr_t *>(stack + STACK_BYTES);
  *--top = 0; /* a function finds its stack 8 bytes behind a multiple of 16 */
  *--top = reinterpret_cast<uintptr_t>(start);
  for (int saved = 0; saved < 6; saved++) *--top = 0;
  context.stack_pointer = top;
}

inline void switch_context(Context &from, Context &to) { switch_stacks(&from.stack_pointer, to.stack_pointer); }

#endif

/* Stacks by number; those that a thread has left are used again. */
class Stacks {
 public:
  int take() {
    if (!free_.empty()) {
      const int number = free_.back();
      free_.pop_back();
      return number;
    }
    void *const memory = mmap(nullptr, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, GUARD_BYTES, PROT_NONE) != 0) {
      std::fprintf(stderr, "cuda emulation: no memory for the stack of a thread\n");
      std::abort();
    }
    stacks_.push_back(static_cast<char *>(memory) + GUARD_BYTES);
    return static_cast<int>(stacks_.size()) - 1;
  }
  void give_back(int number) { free_.push_back(number); }
  char *at(int number) const { return stacks_[static_cast<size_t>(number)]; }

 private:
  std::vector<char *> stacks_;
  std::vector<int> free_;
};

}  // namespace ptq_emulation

#endif
