/* Vector table and reset of every Cortex-M: enables the coprocessors, sets up .data and .bss, calls main. */
#include "semihosting.h"

extern int main(void);
extern uint32_t ptq_bss_start, ptq_bss_end, ptq_data_start, ptq_data_end, ptq_data_load, ptq_stack_top;

#define COPROCESSOR_ACCESS (*(volatile uint32_t *)0xe000ed88u)
#define CONFIGURATION (*(volatile uint32_t *)0xe000ed14u)
#define UNALIGNED_TRAP 8u

void ptq_reset(void);
void ptq_fault(void);
void ptq_report_fault(const uint32_t *frame);

/* frame: r0 r1 r2 r3 r12 lr pc xpsr, as the processor stacked them. */
__attribute__((used)) void ptq_report_fault(const uint32_t *frame) {
  char text[] = "fault at 0x00000000\n";
  for (uint32_t i = 0; i < 8u; i++) text[18u - i] = "0123456789abcdef"[(frame[6] >> (4u * i)) & 15u];
  (void)semihosting_call(SEMIHOSTING_WRITE_TEXT, text);
  semihosting_exit(99);
}

__attribute__((naked)) void ptq_fault(void) { __asm__ volatile("mrs r0, msp\n ldr r1, =ptq_report_fault\n bx r1\n"); }

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))(uintptr_t)&ptq_stack_top, ptq_reset, ptq_fault, ptq_fault, ptq_fault, ptq_fault, ptq_fault, ptq_fault,
};

__attribute__((noreturn)) void ptq_reset(void) {
#if __ARM_ARCH >= 7 || defined(__ARM_ARCH_8M_MAIN__)
  COPROCESSOR_ACCESS |= 0xfu << 20;
  __asm__ volatile("dsb\n isb" ::: "memory");
#endif
#ifdef __ARM_ARCH_6M__
  /* As every Armv6-M core does; the emulator's larger core must be told. */
  CONFIGURATION |= UNALIGNED_TRAP;
  __asm__ volatile("dsb\n isb" ::: "memory");
#endif
  const uint32_t *load = &ptq_data_load;
  for (uint32_t *word = &ptq_data_start; word < &ptq_data_end;) *word++ = *load++;
  for (uint32_t *word = &ptq_bss_start; word < &ptq_bss_end;) *word++ = 0;
  semihosting_exit(main());
  for (;;) {
  }
}
