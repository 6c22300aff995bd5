import type { Target } from './target.js';

/** DSP extension; compiled without the floating-point unit: integer code only. */
export const cortexM4: Target = {
  id: 'cortex-m4',
  title: 'Arm Cortex-M4 (Armv7E-M)',
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
  flags: ['-mcpu=cortex-m4', '-mthumb', '-mfloat-abi=soft'],
  optimization: '-O2',
  memory: { flashBytes: 4 * 1024 * 1024, ramBytes: 4 * 1024 * 1024 },
  linkerScript: 'linker/mps2.ld',
  startup: 'start-cortex-m.c',
  alignment: 8,
  runner: { kind: 'qemu', command: 'qemu-system-arm', machine: 'mps2-an386', args: [] },
  families: ['dsp', 'portable'],
  disassembler: { command: 'arm-none-eabi-objdump', args: [] },
};
