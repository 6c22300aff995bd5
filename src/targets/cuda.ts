import type { Target } from './target.js';

/** NVIDIA GPUs from sm_75 on. Without one, kernels are compiled for every architecture and executed on this machine by an emulation. */
export const cuda: Target = {
  id: 'cuda',
  title: 'NVIDIA GPU (CUDA, sm_75 and later)',
  language: 'cuda',
  isa: 'ptx',
  features: {
    dsp: false,
    mve: false,
    hardwareMultiplier: true,
    multiplyHigh: true,
    fpu: true,
    dualIssue: false,
    unalignedAccess: false,
    manyRegisters: true,
    manyThreads: true,
  },
  toolchain: 'nvcc',
  flags: [],
  optimization: '-O2',
  memory: { flashBytes: 16 * 2 ** 30, ramBytes: 16 * 2 ** 30 },
  linkerScript: null,
  startup: null,
  alignment: 16,
  runner: { kind: 'cuda-emulation', architectures: ['sm_75', 'sm_80', 'sm_90a'] },
  families: ['cuda', 'portable'],
  disassembler: null,
};
