import type { Target } from './target.js';

/** Faults on DSP instructions, so that it also shows that no Cortex-M4 code leaks in. */
export const cortexM3: Target = {
  id: 'cortex-m3',
  title: 'Arm Cortex-M3 (Armv7-M)',
  language: 'c',
  isa: 'thumb',
  features: {
    dsp: false,
    mve: false,
    hardwareMultiplier: true,
    multiplyHigh: true,
    fpu: false,
    dualIssue: false,
    unalignedAccess: true,
  },
  toolchain: 'gcc-arm-none-eabi',
  flags: ['-mcpu=cortex-m3', '-mthumb', '-mfloat-abi=soft'],
  optimization: '-O2',
  memory: { flashBytes: 4 * 1024 * 1024, ramBytes: 4 * 1024 * 1024 },
  linkerScript: 'linker/mps2.ld',
  startup: 'start-cortex-m.c',
  alignment: 4,
  runner: { kind: 'qemu', command: 'qemu-system-arm', machine: 'mps2-an385', args: [] },
  families: ['portable'],
  disassembler: { command: 'arm-none-eabi-objdump', args: [] },
};
