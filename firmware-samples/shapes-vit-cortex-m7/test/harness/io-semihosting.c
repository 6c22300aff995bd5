/* Vectors and log as files on the machine that runs the emulator or debugger, read and written in blocks. */
#include "harness.h"
#include "semihosting.h"

#define BLOCK_BYTES 4096u

static intptr_t vectors;
static intptr_t log_file;
static char pending[BLOCK_BYTES];
static size_t pending_bytes;

int ptq_io_open(void) {
  vectors = semihosting_open("vectors.bin", SEMIHOSTING_MODE_READ);
  log_file = semihosting_open("output.log", SEMIHOSTING_MODE_WRITE);
  return vectors != -1 && log_file != -1 ? 0 : 1;
}

size_t ptq_io_read(void *destination, size_t bytes) {
  return bytes == 0u ? 0u : bytes - semihosting_read(vectors, destination, bytes);
}

static void flush(void) {
  if (pending_bytes > 0u) semihosting_write(log_file, pending, pending_bytes);
  pending_bytes = 0;
}

void ptq_io_write(const char *text, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) {
    if (pending_bytes == BLOCK_BYTES) flush();
    pending[pending_bytes++] = text[i];
  }
}

void ptq_io_close(void) {
  flush();
  semihosting_close(vectors);
  semihosting_close(log_file);
}
