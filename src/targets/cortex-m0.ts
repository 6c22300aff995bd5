import type { Target } from './target.js';

/** No QEMU board runs a Cortex-M0 of this size: Armv6-M is a subset of the Cortex-M3, which is told to trap unaligned accesses as an M0 does. */
export const cortexM0: Target = {
  id: 'cortex-m0',
  title: 'Arm Cortex-M0 (Armv6-M)',
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
  flags: ['-mcpu=cortex-m0', '-mthumb', '-mfloat-abi=soft'],
  optimization: '-O2',
  memory: { flashBytes: 4 * 1024 * 1024, ramBytes: 4 * 1024 * 1024 },
  // Cortex-M0 Technical Reference Manual, instruction set summary; both multipliers, no wait states
  cycles: { load: 2, store: 2, multipleTransfer: 1, multiply: 1, slowMultiply: 32, takenBranch: 3, call: 4, popReturn: 4 },
  linkerScript: 'linker/mps2.ld',
  startup: 'start-cortex-m.c',
  alignment: 4,
  runner: { kind: 'qemu', command: 'qemu-system-arm', machine: 'mps2-an385', args: [] },
  families: ['portable'],
  disassembler: { command: 'arm-none-eabi-objdump', args: [] },
};
