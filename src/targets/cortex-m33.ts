import type { Target } from './target.js';

/** Runs in the secure state, at the secure aliases of the memories. */
export const cortexM33: Target = {
  id: 'cortex-m33',
  title: 'Arm Cortex-M33 (Armv8-M Mainline)',
  language: 'c',
  isa: 'thumb',
  features: {
    dsp: true,
    mve: false,
    hardwareMultiplier: true,
    multiplyHigh: true,
    fpu: true,
    dualIssue: false,
    unalignedAccess: true,
  },
  toolchain: 'gcc-arm-none-eabi',
  flags: ['-mcpu=cortex-m33', '-mthumb', '-mfloat-abi=soft'],
  optimization: '-O2',
  memory: { flashBytes: 4 * 1024 * 1024, ramBytes: 4 * 1024 * 1024 },
  linkerScript: 'linker/an505.ld',
  startup: 'start-cortex-m.c',
  alignment: 8,
  runner: { kind: 'qemu', command: 'qemu-system-arm', machine: 'mps2-an505', args: [] },
  families: ['dsp', 'portable'],
  disassembler: { command: 'arm-none-eabi-objdump', args: [] },
};
