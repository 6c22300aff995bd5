import type { Target } from './target.js';

/** Runs on the Cortex-M3 board as cortex-m0 does. */
export const cortexM0plus: Target = {
  id: 'cortex-m0plus',
  title: 'Arm Cortex-M0+ (Armv6-M)',
  language: 'c',
  isa: 'thumb',
  features: {
    dsp: false,
    mve: false,
    hardwareMultiplier: true,
    multiplyHigh: false,
    fpu: false,
    dualIssue: false,
    unalignedAccess: false,
    lowRegisters: true,
  },
  toolchain: 'gcc-arm-none-eabi',
  flags: ['-mcpu=cortex-m0plus', '-mthumb', '-mfloat-abi=soft'],
  optimization: '-O2',
  memory: { flashBytes: 4 * 1024 * 1024, ramBytes: 4 * 1024 * 1024 },
  // Cortex-M0+ Technical Reference Manual, instruction set summary; both multipliers, no wait states
  cycles: { load: 2, store: 2, multipleTransfer: 1, multiply: 1, slowMultiply: 32, takenBranch: 2, call: 3, popReturn: 3 },
  linkerScript: 'linker/mps2.ld',
  startup: 'start-cortex-m.c',
  alignment: 4,
  runner: { kind: 'qemu', command: 'qemu-system-arm', machine: 'mps2-an385', args: [] },
  families: ['portable'],
  disassembler: { command: 'arm-none-eabi-objdump', args: [] },
};
