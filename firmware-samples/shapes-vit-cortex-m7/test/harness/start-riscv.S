/* Reset, trap and semihosting of a bare RISC-V machine. -march stays without _zicsr (it breaks GCC 12's choice of libgcc). */
.option arch, +zicsr

.section .text.start
.globl ptq_reset
ptq_reset:
  la sp, ptq_stack_top
  la t0, trap
  csrw mtvec, t0
  la t0, ptq_bss_start
  la t1, ptq_bss_end
1:
  bgeu t0, t1, 2f
  sw x0, 0(t0)
  addi t0, t0, 4
  j 1b
2:
  call main
  j leave

.align 2
trap:
  la a1, trap_text
  li a0, 4
  call semihosting_call
  li a0, 98

/* SYS_EXIT_EXTENDED with the code in a0. */
leave:
  addi sp, sp, -16
  li t0, 0x20026
  sw t0, 0(sp)
  sw a0, 4(sp)
  li a0, 0x20
  mv a1, sp
  call semihosting_call
  j leave

.section .text.semihosting
.globl semihosting_call
.balign 16
.option norvc
semihosting_call:
  slli x0, x0, 0x1f
  ebreak
  srai x0, x0, 7
  ret

.section .rodata
trap_text:
  .asciz "trap\n"
