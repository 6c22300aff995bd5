/* Semihosting: the few calls through which a bare program reaches the debugger's (or emulator's) files. */
#ifndef PTQ_SEMIHOSTING_H
#define PTQ_SEMIHOSTING_H

#include <stddef.h>
#include <stdint.h>

#define SEMIHOSTING_OPEN 0x01
#define SEMIHOSTING_CLOSE 0x02
#define SEMIHOSTING_WRITE_CHARACTER 0x03
#define SEMIHOSTING_WRITE_TEXT 0x04
#define SEMIHOSTING_WRITE 0x05
#define SEMIHOSTING_READ 0x06
#define SEMIHOSTING_EXIT_EXTENDED 0x20

#define SEMIHOSTING_MODE_READ 1u  /* "rb" */
#define SEMIHOSTING_MODE_WRITE 5u /* "wb" */

#if defined(__riscv)
/* In start-riscv.S: its three marker instructions must be uncompressed and in one page. */
extern intptr_t semihosting_call(int operation, const void *argument);
#else
static inline intptr_t semihosting_call(int operation, const void *argument) {
  register intptr_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}
#endif

static inline intptr_t semihosting_open(const char *name, uintptr_t mode) {
  uintptr_t length = 0;
  while (name[length] != '\0') length++;
  const uintptr_t arguments[3] = {(uintptr_t)name, mode, length};
  return semihosting_call(SEMIHOSTING_OPEN, arguments);
}

/* Bytes that were NOT read. */
static inline size_t semihosting_read(intptr_t handle, void *destination, size_t bytes) {
  const uintptr_t arguments[3] = {(uintptr_t)handle, (uintptr_t)destination, bytes};
  return (size_t)semihosting_call(SEMIHOSTING_READ, arguments);
}

static inline void semihosting_write(intptr_t handle, const void *source, size_t bytes) {
  const uintptr_t arguments[3] = {(uintptr_t)handle, (uintptr_t)source, bytes};
  (void)semihosting_call(SEMIHOSTING_WRITE, arguments);
}

static inline void semihosting_close(intptr_t handle) {
  const uintptr_t arguments[1] = {(uintptr_t)handle};
  (void)semihosting_call(SEMIHOSTING_CLOSE, arguments);
}

/* ADP_Stopped_ApplicationExit with an exit code: SYS_EXIT alone can only say success or failure. */
static inline void semihosting_exit(int code) {
  const uintptr_t arguments[2] = {0x20026u, (uintptr_t)code};
  (void)semihosting_call(SEMIHOSTING_EXIT_EXTENDED, arguments);
  for (;;) {
  }
}

#endif
