import type { Target } from './target.js';

/** The machine the tool runs on: the fastest check, and the one that runs under the sanitizers. */
export const host: Target = {
  id: 'host',
  title: 'This machine (gcc)',
  language: 'c',
  isa: 'native',
  features: {
    dsp: false,
    mve: false,
    hardwareMultiplier: true,
    multiplyHigh: true,
    fpu: true,
    dualIssue: true,
    unalignedAccess: true,
    manyRegisters: true,
  },
  toolchain: 'gcc-host',
  flags: [],
  optimization: '-O2',
  memory: { flashBytes: 1024 * 1024 * 1024, ramBytes: 1024 * 1024 * 1024 },
  linkerScript: null,
  startup: null,
  alignment: 8,
  runner: { kind: 'host' },
  families: ['portable'],
  disassembler: { command: 'objdump', args: [] },
};
