/** A target is data. Code tests `target.features.dsp`, never `target.id`. Adding a chip is one file. */

export interface TargetFeatures {
  /** Armv7E-M / Armv8-M DSP: SMLAD, SXTB16, SSAT, SMMLAR. */
  readonly dsp: boolean;
  /** Helium. */
  readonly mve: boolean;
  /** A multiply instruction exists. */
  readonly hardwareMultiplier: boolean;
  /** The high half of a 32x32 product in one instruction (SMULL/SMMUL, MULH). */
  readonly multiplyHigh: boolean;
  readonly fpu: boolean;
  /** Issues a load beside a multiply-accumulate. */
  readonly dualIssue: boolean;
  /** Loads of 16 and 32 bits may be unaligned. */
  readonly unalignedAccess: boolean;
  /** Most instructions reach eight registers only (Armv6-M); unless said, all of them are equal. */
  readonly lowRegisters?: boolean;
  /** Some thirty registers instead of some sixteen. */
  readonly manyRegisters?: boolean;
  /** A kernel runs on many threads, for several samples at once: memory may be shared element by element only. */
  readonly manyThreads?: boolean;
  /** Instructions of RISC-V: kernels may say which. */
  readonly riscv?: boolean;
  /** Flash is read by other instructions than memory: constants are qualified, so that none is copied into memory. */
  readonly separateFlash?: boolean;
}

/** Cycles of a core that issues in order without caches and wait states; its reference manual gives them. Anything else takes one. */
export interface CycleModel {
  readonly load: number;
  readonly store: number;
  /** Load, store, push and pop of several registers: this, and one more for each register. */
  readonly multipleTransfer: number;
  readonly multiply: number;
  /** The same where the chip's maker chose the small multiplier. */
  readonly slowMultiply: number;
  /** A branch that is taken, also one through a register. */
  readonly takenBranch: number;
  readonly call: number;
  /** What a pop that returns takes beyond its registers. */
  readonly popReturn: number;
}

export type ToolchainId = 'gcc-host' | 'gcc-arm-none-eabi' | 'gcc-riscv64-unknown-elf' | 'gcc-avr' | 'nvcc';

export type Runner =
  | { readonly kind: 'host' }
  | {
      /** Kernels compiled for this machine, every thread of a block emulated. */
      readonly kind: 'cuda-emulation';
      /** What device code is compiled for and inspected, where the toolkit is there. */
      readonly architectures: readonly string[];
    }
  | {
      readonly kind: 'qemu';
      /** qemu-system-arm or qemu-system-riscv32. */
      readonly command: string;
      readonly machine: string;
      readonly args: readonly string[];
    }
  | {
      readonly kind: 'simavr';
      readonly command: string;
      /** The device. */
      readonly machine: string;
      readonly args: readonly string[];
      /** Clock of the core: the emulator records times. */
      readonly hertz: number;
      /** EEPROM, where a run finds its vectors. */
      readonly vectorBytes: number;
    };

export interface Target {
  readonly id: string;
  readonly title: string;
  readonly language: 'c' | 'cuda';
  readonly isa: 'native' | 'thumb' | 'riscv32' | 'avr' | 'ptx';
  readonly features: TargetFeatures;
  readonly toolchain: ToolchainId;
  /** Flags for compiling the kernels and linking. */
  readonly flags: readonly string[];
  readonly optimization: string;
  readonly memory: { readonly flashBytes: number; readonly ramBytes: number };
  /** For an estimate from the executed instructions; only simple cores have one. */
  readonly cycles?: CycleModel;
  /** Linker script below templates/c/project/harness/ (boards), null where the compiler brings its own. */
  readonly linkerScript: string | null;
  /** Start-up source below templates/c/project/harness/, null where the compiler brings its own. */
  readonly startup: string | null;
  readonly alignment: number;
  readonly runner: Runner;
  /** Kernel families in order of preference; the last is portable. */
  readonly families: readonly string[];
  /** The disassembler that knows this core's instructions, with the arguments it needs for that; null: the compiler's own output is inspected (PTX, cubin). */
  readonly disassembler: { readonly command: string; readonly args: readonly string[] } | null;
}
