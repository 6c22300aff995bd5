import type { Target } from './target.js';

/** Code in the 512 KB of tightly coupled memory, constants in external memory. The vector registers need the hard-float calling convention. */
export const cortexM55: Target = {
  id: 'cortex-m55',
  title: 'Arm Cortex-M55 (Armv8.1-M, Helium)',
  language: 'c',
  isa: 'thumb',
  features: {
    dsp: true,
    mve: true,
    hardwareMultiplier: true,
    multiplyHigh: true,
    fpu: true,
    dualIssue: false,
    unalignedAccess: true,
  },
  toolchain: 'gcc-arm-none-eabi',
  flags: ['-mcpu=cortex-m55', '-mthumb', '-mfloat-abi=hard'],
  optimization: '-O2',
  memory: { flashBytes: 512 * 1024 + 16 * 1024 * 1024, ramBytes: 4 * 1024 * 1024 },
  linkerScript: 'linker/an547.ld',
  startup: 'start-cortex-m.c',
  alignment: 16,
  runner: { kind: 'qemu', command: 'qemu-system-arm', machine: 'mps3-an547', args: [] },
  families: ['mve', 'dsp', 'portable'],
  disassembler: {
    command: 'llvm-objdump',
    args: ['--triple=thumbv8.1m.main-none-eabi', '--mattr=+mve.fp,+fp-armv8d16,+lob'],
  },
};
