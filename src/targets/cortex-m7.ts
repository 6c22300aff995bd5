import type { Target } from './target.js';

/** DSP extension, dual issue; compiled without the floating-point unit: integer code only. */
export const cortexM7: Target = {
  id: 'cortex-m7',
  title: 'Arm Cortex-M7 (Armv7E-M)',
  language: 'c',
  isa: 'thumb',
  features: {
    dsp: true,
    mve: false,
    hardwareMultiplier: true,
    multiplyHigh: true,
    fpu: true,
    dualIssue: true,
    unalignedAccess: true,
  },
  toolchain: 'gcc-arm-none-eabi',
  flags: ['-mcpu=cortex-m7', '-mthumb', '-mfloat-abi=soft'],
  optimization: '-O2',
  memory: { flashBytes: 4 * 1024 * 1024, ramBytes: 4 * 1024 * 1024 },
  linkerScript: 'linker/mps2.ld',
  startup: 'start-cortex-m.c',
  alignment: 8,
  runner: { kind: 'qemu', command: 'qemu-system-arm', machine: 'mps2-an500', args: [] },
  families: ['dsp', 'portable'],
  disassembler: { command: 'arm-none-eabi-objdump', args: [] },
};
