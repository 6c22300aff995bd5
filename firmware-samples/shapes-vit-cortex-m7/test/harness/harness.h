/* What the test harness knows about a generated model, and what it needs from the machine it runs on. */
#ifndef PTQ_HARNESS_H
#define PTQ_HARNESS_H

#include <stddef.h>
#include <stdint.h>

/* Where tables lie: an AVR reads its flash with other instructions than its memory, and has little memory for copies. */
#ifdef __AVR__
#define PTQ_TABLE __flash
#define PTQ_GUARD_BYTES 8u
#else
#define PTQ_TABLE
#define PTQ_GUARD_BYTES 64u
#endif

/* One tensor in the arena; `step` writes it, -1: it is an input. */
typedef struct {
  uint32_t offset;
  uint32_t bytes;
  int32_t step;
} ptq_tensor;

typedef struct {
  const PTQ_TABLE char *name;
  void (*run)(void *arena);
  void (*reset)(void *arena); /* NULL where a run leaves nothing for the next one */
  uint8_t *arena; /* arena_bytes, then PTQ_GUARD_BYTES that nobody may touch */
  uint32_t arena_bytes;
  const PTQ_TABLE ptq_tensor *tensors;
  uint32_t tensor_count;
  const PTQ_TABLE ptq_tensor *inputs;
  uint32_t input_count;
  const PTQ_TABLE ptq_tensor *outputs;
  uint32_t output_count;
} ptq_model;

extern const PTQ_TABLE ptq_model ptq_models[];
extern const uint32_t ptq_model_count;

/* The generated glue calls this after every step of a trace build. */
void ptq_observe(const PTQ_TABLE ptq_model *model, int32_t step);

/* The same glue calls this where a library refused a call, or wants other scratch memory than was planned. */
void ptq_refuse(void);

/* Input and output of the machine: io-host.c, io-semihosting.c, io-board.c or io-simavr.c. */
int ptq_io_open(void);
size_t ptq_io_read(void *destination, size_t bytes);
void ptq_io_write(const char *text, size_t bytes);
void ptq_io_close(void);
#ifdef __AVR__
/* Tells the emulator that a model runs: 1, 0 when it has ended. */
void ptq_io_running(uint8_t running);
#endif

#endif
