/*
 * Runs the vectors through the models and prints what it saw, one line each:
 *   PTQ1 M <model>                            the lines that follow belong to it
 *   PTQ1 T <vector> <tensor> <crc32>          trace builds: one tensor after the step that writes it
 *   PTQ1 D <vector> <tensor> <offset> <hex>   the bytes of the one tensor that was asked for
 *   PTQ1 S <vector> <bytes>                   builds with PTQ_PAINT_STACK: stack that run was seen to use
 *   PTQ1 O <vector> <offset> <hex>            the outputs, one after the other
 *   PTQ1 C <vector> <offset> <hex>            AVR: the arena of a network that remembers, for the run that goes on
 *   PTQ1 END <crc32>                          CRC-32 (zlib) of all lines before, each with one line feed
 *
 * The vectors: "PTQV", vector and tensor to dump (or all ones), then records { model, vector, input bytes }, closed by
 * all ones; 32-bit little-endian numbers. Vector all ones (AVR): no vector, but the arena as the run before left it.
 */
#include "harness.h"

#define NONE 0xffffffffu
#define ROW_BYTES 32u
#define FILL 0xa5u

static uint32_t log_crc = NONE;
static uint32_t current_vector;
static uint32_t dump_vector;
static uint32_t dump_tensor;
static int refused;

static uint32_t crc_of_byte(uint32_t byte) {
  uint32_t crc = byte;
  for (int bit = 0; bit < 8; bit++) crc = (crc & 1u) != 0u ? (crc >> 1) ^ 0xedb88320u : crc >> 1;
  return crc;
}

#ifdef __AVR__
#define make_crc_table() ((void)0)
#define crc_table_at(byte) crc_of_byte(byte)
#else
static uint32_t crc_table[256];
#define crc_table_at(byte) crc_table[byte]

static void make_crc_table(void) {
  for (uint32_t byte = 0; byte < 256u; byte++) crc_table[byte] = crc_of_byte(byte);
}
#endif

static uint32_t crc_update(uint32_t crc, const void *data, size_t bytes) {
  const uint8_t *byte = (const uint8_t *)data;
  for (size_t i = 0; i < bytes; i++) crc = crc_table_at((crc ^ byte[i]) & 255u) ^ (crc >> 8);
  return crc;
}

static void put_character(char character) {
  log_crc = crc_update(log_crc, &character, 1);
  ptq_io_write(&character, 1);
}

static void put_hex(uint32_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    const uint8_t digit = (uint8_t)((value >> shift) & 15u);
    put_character((char)(digit < 10u ? '0' + digit : 'a' + (digit - 10)));
  }
}

/* By subtraction: the harness links without a library of multiplications and divisions. */
static void put_decimal(uint32_t value) {
  static const PTQ_TABLE uint32_t powers[] = {1000000000u, 100000000u, 10000000u, 1000000u, 100000u, 10000u, 1000u, 100u, 10u, 1u};
  put_character(' ');
  int begun = 0;
  for (size_t i = 0; i < sizeof powers / sizeof powers[0]; i++) {
    char digit = '0';
    for (; value >= powers[i]; value -= powers[i]) digit++;
    begun |= digit != '0' || powers[i] == 1u;
    if (begun != 0) put_character(digit);
  }
}

static void begin_row(char kind) {
  static const PTQ_TABLE char start[] = "PTQ1 ";
  for (size_t i = 0; i + 1u < sizeof start; i++) put_character(start[i]);
  put_character(kind);
}

static void end_row(void) { put_character('\n'); }

static void put_bytes(char kind, uint32_t tensor, uint32_t start, const uint8_t *data, uint32_t bytes) {
  for (uint32_t offset = 0; offset < bytes; offset += ROW_BYTES) {
    const uint32_t length = bytes - offset < ROW_BYTES ? bytes - offset : ROW_BYTES;
    begin_row(kind);
    put_decimal(current_vector);
    if (tensor != NONE) put_decimal(tensor);
    put_decimal(start + offset);
    put_character(' ');
    for (uint32_t i = 0; i < length; i++) put_hex(data[offset + i], 2);
    end_row();
  }
}

void ptq_observe(const PTQ_TABLE ptq_model *model, int32_t step) {
  for (uint32_t i = 0; i < model->tensor_count; i++) {
    const PTQ_TABLE ptq_tensor *tensor = &model->tensors[i];
    if (tensor->step != step) continue;
    begin_row('T');
    put_decimal(current_vector);
    put_decimal(i);
    put_character(' ');
    put_hex(~crc_update(NONE, model->arena + tensor->offset, tensor->bytes), 8);
    end_row();
    if (i == dump_tensor && current_vector == dump_vector) put_bytes('D', i, 0, model->arena + tensor->offset, tensor->bytes);
  }
}

void ptq_refuse(void) {
  refused = 1;
}

/* Kept apart, and never inlined: the instruction counter looks for the one call in here. */
__attribute__((noinline)) void ptq_call_run(const PTQ_TABLE ptq_model *model);
#ifdef PTQ_PAINT_STACK
#define PAINTED_BYTES 16384
#ifdef __riscv
#define MOVE "mv"
#else
#define MOVE "mov"
#endif
static uint32_t stack_bytes;

/* What run writes below its caller's stack pointer is seen afterwards. */
void ptq_call_run(const PTQ_TABLE ptq_model *model) {
  volatile uint8_t *top;
  __asm__ volatile(MOVE " %0, sp" : "=r"(top));
  for (int32_t i = 1; i <= PAINTED_BYTES; i++) top[-i] = FILL;
  model->run(model->arena);
  int32_t untouched = PAINTED_BYTES;
  while (untouched > 0 && top[-untouched] == FILL) untouched--;
  stack_bytes = (uint32_t)untouched;
}

static void report_stack(void) {
  begin_row('S');
  put_decimal(current_vector);
  put_decimal(stack_bytes);
  end_row();
}
#else
void ptq_call_run(const PTQ_TABLE ptq_model *model) {
#ifdef __AVR__
  ptq_io_running(1);
  model->run(model->arena);
  ptq_io_running(0);
#else
  model->run(model->arena);
#endif
  __asm__ volatile("" ::: "memory");
}
#endif

static int guard_is_intact(const PTQ_TABLE ptq_model *model) {
  for (uint32_t i = 0; i < PTQ_GUARD_BYTES; i++) {
    if (model->arena[model->arena_bytes + i] != FILL) return 0;
  }
  return 1;
}

/* A model's arena starts dirty, before every vector unless it remembers something from one to the next. */
static void prepare(const PTQ_TABLE ptq_model *model, int first) {
  if (first == 0 && model->reset != NULL) return;
  for (uint32_t i = 0; i < model->arena_bytes + PTQ_GUARD_BYTES; i++) model->arena[i] = FILL;
  if (model->reset != NULL) model->reset(model->arena);
}

static int run_vector(const PTQ_TABLE ptq_model *model, int first) {
  prepare(model, first);
  for (uint32_t i = 0; i < model->input_count; i++) {
    if (ptq_io_read(model->arena + model->inputs[i].offset, model->inputs[i].bytes) != model->inputs[i].bytes) return 3;
  }
#ifdef PTQ_TRACE
  ptq_observe(model, -1);
#endif
  ptq_call_run(model);
#ifdef PTQ_PAINT_STACK
  report_stack();
#endif
  uint32_t start = 0;
  for (uint32_t i = 0; i < model->output_count; i++) {
    put_bytes('O', NONE, start, model->arena + model->outputs[i].offset, model->outputs[i].bytes);
    start += model->outputs[i].bytes;
  }
  if (refused != 0) return 5;
  return guard_is_intact(model) ? 0 : 4;
}

#ifdef __AVR__
/* Few vectors fit the EEPROM: a run goes on where the one before ended. */
static int resume(const PTQ_TABLE ptq_model *model) {
  for (uint32_t i = 0; i < PTQ_GUARD_BYTES; i++) model->arena[model->arena_bytes + i] = FILL;
  return ptq_io_read(model->arena, model->arena_bytes) == model->arena_bytes;
}
#endif

static uint32_t read_word(void) {
  uint8_t bytes[4] = {255, 255, 255, 255};
  if (ptq_io_read(bytes, sizeof bytes) != sizeof bytes) return NONE;
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* 0: all ran; 1: no vectors; 2: not a file of vectors; 3: it ends early; 4: something was written behind the arena; 5: ptq_refuse. */
int main(void) {
  make_crc_table();
  if (ptq_io_open() != 0) return 1;
  if (read_word() != 0x56515450u) return 2;
  dump_vector = read_word();
  dump_tensor = read_word();
  uint32_t previous = NONE;
  for (uint32_t index = read_word(); index != NONE; index = read_word()) {
    if (index >= ptq_model_count) return 2;
    current_vector = read_word();
    const int first = index != previous;
    if (first != 0) {
      begin_row('M');
      put_character(' ');
      for (const PTQ_TABLE char *name = ptq_models[index].name; *name != '\0'; name++) put_character(*name);
      end_row();
      previous = index;
    }
#ifdef __AVR__
    if (current_vector == NONE) {
      if (resume(&ptq_models[index]) == 0) return 3;
      continue;
    }
#endif
    const int status = run_vector(&ptq_models[index], first);
    if (status != 0) return status;
  }
#ifdef __AVR__
  if (previous != NONE && ptq_models[previous].reset != NULL) put_bytes('C', NONE, 0, ptq_models[previous].arena, ptq_models[previous].arena_bytes);
#endif
  const uint32_t lines_crc = ~log_crc;
  begin_row('E');
  put_character('N');
  put_character('D');
  put_character(' ');
  put_hex(lines_crc, 8);
  end_row();
  ptq_io_close();
  return 0;
}
