import type { Target } from './target.js';

/** 32-bit RISC-V of sixteen registers without multiplication; the emulator's core is told to trap where something multiplies. */
export const rv32ec: Target = {
  id: 'rv32ec',
  title: 'RISC-V RV32EC, no multiplication',
  language: 'c',
  isa: 'riscv32',
  features: {
    dsp: false,
    mve: false,
    hardwareMultiplier: false,
    multiplyHigh: false,
    fpu: false,
    dualIssue: false,
    unalignedAccess: false,
    riscv: true,
  },
  toolchain: 'gcc-riscv64-unknown-elf',
  flags: ['-march=rv32ec', '-mabi=ilp32e'],
  optimization: '-O2',
  memory: { flashBytes: 16 * 1024 * 1024, ramBytes: 16 * 1024 * 1024 },
  linkerScript: 'linker/virt.ld',
  startup: 'start-riscv.S',
  alignment: 4,
  runner: { kind: 'qemu', command: 'qemu-system-riscv32', machine: 'virt', args: ['-cpu', 'rv32,m=false', '-bios', 'none'] },
  families: ['portable'],
  disassembler: { command: 'riscv64-unknown-elf-objdump', args: [] },
};
