/* The three functions of <string.h> that generated code and compilers may call, for machines without a C library. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static int both_aligned(const void *a, const void *b) { return (((uintptr_t)a | (uintptr_t)b) & 3u) == 0u; }

void *memcpy(void *restrict destination, const void *restrict source, size_t bytes) {
  uint8_t *to = (uint8_t *)destination;
  const uint8_t *from = (const uint8_t *)source;
  if (both_aligned(to, from)) {
    for (; bytes >= 4u; bytes -= 4u, to += 4, from += 4) {
      *(uint32_t __attribute__((may_alias)) *)(void *)to = *(const uint32_t __attribute__((may_alias)) *)(const void *)from;
    }
  }
  for (; bytes > 0u; bytes--) *to++ = *from++;
  return destination;
}

void *memmove(void *destination, const void *source, size_t bytes) {
  uint8_t *to = (uint8_t *)destination;
  const uint8_t *from = (const uint8_t *)source;
  if ((uintptr_t)to - (uintptr_t)from >= bytes) return memcpy(destination, source, bytes);
  while (bytes > 0u) {
    bytes--;
    to[bytes] = from[bytes];
  }
  return destination;
}

void *memset(void *destination, int value, size_t bytes) {
  uint8_t *to = (uint8_t *)destination;
  uint32_t word = (uint32_t)(uint8_t)value;
  word |= word << 8;
  word |= word << 16;
  for (; bytes > 0u && ((uintptr_t)to & 3u) != 0u; bytes--) *to++ = (uint8_t)value;
  for (; bytes >= 4u; bytes -= 4u, to += 4) *(uint32_t __attribute__((may_alias)) *)(void *)to = word;
  for (; bytes > 0u; bytes--) *to++ = (uint8_t)value;
  return destination;
}
