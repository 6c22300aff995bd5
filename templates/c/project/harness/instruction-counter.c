/*
 * QEMU plugin: how often each instruction was executed between marked addresses.
 *
 * Arguments: marks=FILE (hexadecimal addresses, one a line: where to start, where each section ends, the last one ends
 * the run), out=FILE and, where jumps are to be told from branches that fall through, jumps=on. At each mark the
 * instructions executed since the previous one are summed. Output, one a line:
 *   run <section count> ...     one such line a run
 *   at <address> <count>        executions of one instruction in the first run
 *   jump <address> <count>      how often it was followed by another than the next one in memory (jumps=on)
 * Declares the few functions it needs of qemu-plugin.h (QEMU 4.2 and later), so that no header must be installed.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*translate_callback)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*execute_callback)(unsigned int, void *);
typedef void (*exit_callback)(qemu_plugin_id_t, void *);

extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, translate_callback);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, execute_callback, int flags, void *data);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int operation, void *counter, uint64_t step);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, execute_callback, int flags, void *data);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, exit_callback, void *);

int qemu_plugin_version = 1;
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int count, char **arguments);

#define INLINE_ADD 0
#define NO_REGISTERS 0
#define TABLE_SIZE (1u << 18)
#define MAXIMUM_MARKS 4096u

typedef struct {
  uint64_t address;
  uint64_t count;      /* since the last mark */
  uint64_t first_run;  /* in the whole first run */
  uint64_t jumps;      /* in the whole first run */
  int used;
} entry;

/* A stretch of code without branches, as the emulator translates it. */
typedef struct {
  uint64_t begin;
  uint64_t end;
  entry *last;
} block;

static entry table[TABLE_SIZE];
static entry *used[TABLE_SIZE];
static size_t used_count;
static uint64_t marks[MAXIMUM_MARKS];
static size_t mark_count;
static uint64_t sections[MAXIMUM_MARKS];
static int running;
static unsigned runs;
static int counts_jumps;
static const block *previous;
static FILE *output;

/* Stable for the whole life of the process: translated code holds pointers to the counters. */
static entry *entry_of(uint64_t address) {
  size_t slot = (size_t)((address >> 1) * 0x9e3779b97f4a7c15u >> 46);
  while (table[slot].used && table[slot].address != address) slot = (slot + 1u) & (TABLE_SIZE - 1u);
  if (!table[slot].used) {
    if (used_count == TABLE_SIZE - 1u) {
      fputs("instruction counter: too much code\n", stderr);
      exit(97);
    }
    table[slot].used = 1;
    table[slot].address = address;
    used[used_count++] = &table[slot];
  }
  return &table[slot];
}

static uint64_t take(void) {
  uint64_t sum = 0;
  for (size_t i = 0; i < used_count; i++) {
    sum += used[i]->count;
    if (runs == 0) used[i]->first_run += used[i]->count;
    used[i]->count = 0;
  }
  return sum;
}

static void at_mark(unsigned int processor, void *data) {
  (void)processor;
  const size_t mark = (size_t)(uintptr_t)data;
  if (mark == 0) {
    for (size_t i = 0; i < used_count; i++) used[i]->count = 0;
    memset(sections, 0, sizeof sections);
    running = 1;
    return;
  }
  if (!running) return;
  sections[mark] += take();
  if (mark + 1u < mark_count) return;
  running = 0;
  runs++;
  fputs("run", output);
  for (size_t i = 1; i < mark_count; i++) fprintf(output, " %" PRIu64, sections[i]);
  fputc('\n', output);
}

/* The last instruction of the previous block jumped, unless this block lies behind it. */
static void at_block(unsigned int processor, void *data) {
  (void)processor;
  const block *current = data;
  if (running && runs == 0 && previous != NULL && previous->end != current->begin) previous->last->jumps++;
  previous = current;
}

static void watch_jumps(struct qemu_plugin_tb *translated, size_t count) {
  struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(translated, count - 1u);
  block *watched = malloc(sizeof *watched);  /* translated code holds it for ever */
  if (watched == NULL) exit(97);
  watched->begin = qemu_plugin_tb_vaddr(translated);
  watched->end = qemu_plugin_insn_vaddr(last) + qemu_plugin_insn_size(last);
  watched->last = entry_of(qemu_plugin_insn_vaddr(last));
  qemu_plugin_register_vcpu_tb_exec_cb(translated, at_block, NO_REGISTERS, watched);
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *translated) {
  (void)id;
  const size_t count = qemu_plugin_tb_n_insns(translated);
  if (counts_jumps && count > 0) watch_jumps(translated, count);
  for (size_t i = 0; i < count; i++) {
    struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(translated, i);
    const uint64_t address = qemu_plugin_insn_vaddr(instruction);
    for (size_t mark = 0; mark < mark_count; mark++) {
      if (marks[mark] == address) qemu_plugin_register_vcpu_insn_exec_cb(instruction, at_mark, NO_REGISTERS, (void *)(uintptr_t)mark);
    }
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, INLINE_ADD, &entry_of(address)->count, 1);
  }
}

static void finish(qemu_plugin_id_t id, void *data) {
  (void)id;
  (void)data;
  for (size_t i = 0; i < used_count; i++) {
    if (used[i]->first_run != 0) fprintf(output, "at %" PRIx64 " %" PRIu64 "\n", used[i]->address, used[i]->first_run);
    if (used[i]->jumps != 0) fprintf(output, "jump %" PRIx64 " %" PRIu64 "\n", used[i]->address, used[i]->jumps);
  }
  fclose(output);
}

static int read_marks(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  while (mark_count < MAXIMUM_MARKS && fscanf(file, "%" SCNx64, &marks[mark_count]) == 1) mark_count++;
  fclose(file);
  return mark_count >= 2 ? 0 : -1;
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int count, char **arguments) {
  (void)info;
  for (int i = 0; i < count; i++) {
    if (strncmp(arguments[i], "marks=", 6) == 0 && read_marks(arguments[i] + 6) != 0) return -1;
    if (strcmp(arguments[i], "jumps=on") == 0) counts_jumps = 1;
    if (strncmp(arguments[i], "out=", 4) == 0) output = fopen(arguments[i] + 4, "w");
  }
  if (output == NULL || mark_count == 0) return -1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
  qemu_plugin_register_atexit_cb(id, finish, NULL);
  return 0;
}
