import type { Target } from './target.js';

/** 8-bit core without multiplication, 8 KB of flash, 512 bytes of memory: shift networks that fit. Constants stay in flash. */
export const attiny85: Target = {
  id: 'attiny85',
  title: 'Microchip ATtiny85 (AVR), no multiplication',
  language: 'c',
  isa: 'avr',
  features: {
    dsp: false,
    mve: false,
    hardwareMultiplier: false,
    multiplyHigh: false,
    fpu: false,
    dualIssue: false,
    unalignedAccess: true,
    separateFlash: true,
  },
  toolchain: 'gcc-avr',
  flags: ['-mmcu=attiny85'],
  optimization: '-Os',
  memory: { flashBytes: 8192, ramBytes: 512 },
  linkerScript: null,
  startup: null,
  alignment: 1,
  runner: { kind: 'simavr', command: 'simavr', machine: 'attiny85', args: [], hertz: 8_000_000, vectorBytes: 512 },
  families: ['portable'],
  disassembler: { command: 'avr-objdump', args: [] },
};
