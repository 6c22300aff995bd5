import type { Target } from './target.js';

/** 32-bit RISC-V with multiplication and compressed instructions, bare metal in machine mode. Unaligned loads may trap on real cores. */
export const rv32imc: Target = {
  id: 'rv32imc',
  title: 'RISC-V RV32IMC',
  language: 'c',
  isa: 'riscv32',
  features: {
    dsp: false,
    mve: false,
    hardwareMultiplier: true,
    multiplyHigh: true,
    fpu: false,
    dualIssue: false,
    unalignedAccess: false,
    riscv: true,
    manyRegisters: true,
  },
  toolchain: 'gcc-riscv64-unknown-elf',
  flags: ['-march=rv32imc', '-mabi=ilp32'],
  optimization: '-O2',
  memory: { flashBytes: 16 * 1024 * 1024, ramBytes: 16 * 1024 * 1024 },
  linkerScript: 'linker/virt.ld',
  startup: 'start-riscv.S',
  alignment: 4,
  runner: { kind: 'qemu', command: 'qemu-system-riscv32', machine: 'virt', args: ['-cpu', 'rv32', '-bios', 'none'] },
  families: ['portable'],
  disassembler: { command: 'riscv64-unknown-elf-objdump', args: [] },
};
