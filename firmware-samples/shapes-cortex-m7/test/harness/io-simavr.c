/* An AVR in simavr: the vectors lie in its EEPROM, the log leaves through a register that the emulator prints. */
#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include "harness.h"

/* simavr looks for such entries in this section: number 11 names the register of its console. */
struct entry {
  uint8_t tag;
  uint8_t bytes;
  volatile uint8_t *address;
} __attribute__((packed));
const struct entry ptq_console __attribute__((section(".mmcu"), used)) = {11, sizeof(uint8_t *), &GPIOR0};

/* Number 14 a register whose writes it records, with the time of each: 1 while a model runs. */
struct recorded {
  uint8_t tag;
  uint8_t bytes;
  uint8_t mask;
  volatile uint8_t *address;
  char name[4];
} __attribute__((packed));
const struct recorded ptq_running __attribute__((section(".mmcu"), used)) = {14, sizeof(struct recorded) - 2u, 255, &GPIOR1, "run"};
const struct {
  uint8_t tag;
  uint8_t bytes;
  char name[11];
} ptq_record __attribute__((section(".mmcu"), used)) = {12, 11, "cycles.vcd"};

void ptq_io_running(uint8_t running) { GPIOR1 = running; }

static uint16_t position;

int ptq_io_open(void) {
  position = 0;
  return 0;
}

size_t ptq_io_read(void *destination, size_t bytes) {
  uint8_t *byte = (uint8_t *)destination;
  size_t count = 0;
  for (; count < bytes && position <= E2END; count++) byte[count] = eeprom_read_byte((const uint8_t *)position++);
  return count;
}

/* The console prints a line when it sees its carriage return. */
void ptq_io_write(const char *text, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) GPIOR0 = (uint8_t)(text[i] == '\n' ? '\r' : text[i]);
}

void ptq_io_close(void) {}

/* The C library calls it with what main returned. The emulator ends when a core sleeps that nothing can wake. */
void exit(int status) __attribute__((noreturn));
void exit(int status) {
  static const PTQ_TABLE char text[] = "exit ";
  for (size_t i = 0; i + 1u < sizeof text; i++) GPIOR0 = (uint8_t)text[i];
  GPIOR0 = (uint8_t)('0' + status);
  GPIOR0 = '\r';
  cli();
  sleep_enable();
  for (;;) sleep_cpu();
}
