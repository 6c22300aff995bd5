/* A real board: the vectors are compiled in, the log goes out character by character. */
#include "harness.h"
#include "semihosting.h"

extern const uint8_t ptq_vectors[];
extern const uint32_t ptq_vectors_bytes;

/* Replace this by your board's UART: a function of the same name in your own source wins. */
__attribute__((weak)) void ptq_putchar(char character);
__attribute__((weak)) void ptq_putchar(char character) { (void)semihosting_call(SEMIHOSTING_WRITE_CHARACTER, &character); }

static size_t position;

int ptq_io_open(void) {
  position = 0;
  return 0;
}

size_t ptq_io_read(void *destination, size_t bytes) {
  uint8_t *byte = (uint8_t *)destination;
  size_t count = 0;
  while (count < bytes && position < ptq_vectors_bytes) byte[count++] = ptq_vectors[position++];
  return count;
}

void ptq_io_write(const char *text, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) ptq_putchar(text[i]);
}

void ptq_io_close(void) {}
