/* Vectors and log as files in the working directory. */
#include "harness.h"

#include <stdio.h>

static FILE *vectors;
static FILE *log_file;

int ptq_io_open(void) {
  vectors = fopen("vectors.bin", "rb");
  log_file = fopen("output.log", "wb");
  return vectors != NULL && log_file != NULL ? 0 : 1;
}

size_t ptq_io_read(void *destination, size_t bytes) { return fread(destination, 1, bytes, vectors); }

void ptq_io_write(const char *text, size_t bytes) { (void)fwrite(text, 1, bytes, log_file); }

void ptq_io_close(void) {
  (void)fclose(vectors);
  (void)fclose(log_file);
}
