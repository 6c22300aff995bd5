/* Cross compilers without a C library have no <string.h>; runtime.c defines these three. */
#ifndef PTQ_STRING_H
#define PTQ_STRING_H

#include <stddef.h>

void *memcpy(void *restrict destination, const void *restrict source, size_t bytes);
void *memmove(void *destination, const void *source, size_t bytes);
void *memset(void *destination, int value, size_t bytes);

#endif
