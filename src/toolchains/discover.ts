/** Which compilers and emulators are installed, and how to install the others. */
import { ToolchainMissingError } from '../errors.js';
import type { Target } from '../targets/index.js';
import { targets } from '../targets/index.js';
import { findProgram, runProcess } from './process.js';

export interface Tool {
  readonly command: string;
  /** What it is for, as `doctor` prints it. */
  readonly purpose: string;
  readonly debianPackage: string;
}

export interface FoundTool extends Tool {
  readonly path: string | null;
  readonly version: string | null;
}

const TOOLS: readonly Tool[] = [
  { command: 'gcc', purpose: 'host builds, instruction counter', debianPackage: 'gcc libc6-dev' },
  { command: 'g++', purpose: 'emulation of CUDA kernels', debianPackage: 'g++' },
  { command: 'objdump', purpose: 'proofs of host builds', debianPackage: 'binutils' },
  { command: 'arm-none-eabi-gcc', purpose: 'Cortex-M builds', debianPackage: 'gcc-arm-none-eabi' },
  { command: 'arm-none-eabi-objdump', purpose: 'proofs of Cortex-M builds', debianPackage: 'binutils-arm-none-eabi' },
  { command: 'qemu-system-arm', purpose: 'running Cortex-M builds', debianPackage: 'qemu-system-arm' },
  { command: 'llvm-objdump', purpose: 'proofs of Cortex-M55 builds', debianPackage: 'llvm' },
  { command: 'riscv64-unknown-elf-gcc', purpose: 'RISC-V builds', debianPackage: 'gcc-riscv64-unknown-elf' },
  { command: 'riscv64-unknown-elf-objdump', purpose: 'proofs of RISC-V builds', debianPackage: 'binutils-riscv64-unknown-elf' },
  { command: 'qemu-system-riscv32', purpose: 'running RISC-V builds', debianPackage: 'qemu-system-misc' },
  { command: 'avr-gcc', purpose: 'AVR builds', debianPackage: 'gcc-avr avr-libc' },
  { command: 'avr-objdump', purpose: 'proofs of AVR builds', debianPackage: 'binutils-avr' },
  { command: 'simavr', purpose: 'running AVR builds', debianPackage: 'simavr' },
];

const COMPILERS: Readonly<Record<string, string>> = {
  'gcc-host': 'gcc',
  'gcc-arm-none-eabi': 'arm-none-eabi-gcc',
  'gcc-riscv64-unknown-elf': 'riscv64-unknown-elf-gcc',
  'gcc-avr': 'avr-gcc',
  // kernels that this machine emulates; device code is nvcc's (nvcc.ts)
  nvcc: 'g++',
};

/** The compiler driver of a target: `arm-none-eabi-gcc`. */
export function compilerOf(target: Target): string {
  const command = COMPILERS[target.toolchain];
  if (!command) throw new ToolchainMissingError(`no compiler is known for toolchain '${target.toolchain}' of target '${target.id}'`);
  return command;
}

/** A binutils program beside the compiler: `nm` → `arm-none-eabi-nm`. */
export function binutilsOf(target: Target, tool: string): string {
  return compilerOf(target).replace(/gcc$/, tool);
}

/** Programs that building, running and proving on this target need. */
export function toolsOf(target: Target): readonly Tool[] {
  const { runner, disassembler } = target;
  const commands = new Set([compilerOf(target), ...(disassembler ? [disassembler.command] : []), ...('command' in runner ? [runner.command] : []), ...(runner.kind === 'cuda-emulation' ? ['gcc'] : [])]);
  return TOOLS.filter((tool) => commands.has(tool.command));
}

export function missingTools(target: Target): readonly Tool[] {
  return toolsOf(target).filter((tool) => findProgram(tool.command) === null);
}

/** The Debian command that installs these. */
export function installCommand(tools: readonly Tool[]): string {
  return `sudo apt-get install -y ${[...new Set(tools.map((tool) => tool.debianPackage))].join(' ')}`;
}

/** ToolchainMissingError, with the install command, where a program is missing; the emulator counts only where something runs. */
export function requireTools(target: Target, options: { readonly run: boolean } = { run: true }): void {
  const needed = (tool: Tool): boolean => options.run || !('command' in target.runner) || tool.command !== target.runner.command;
  const missing = missingTools(target).filter(needed);
  if (missing.length === 0) return;
  throw new ToolchainMissingError(`${target.id} needs ${missing.map((tool) => tool.command).join(', ')}, which is not installed`, {
    hint: installCommand(missing),
  });
}

/** Every tool with its path and version; null where it is missing. */
export async function discoverTools(): Promise<readonly FoundTool[]> {
  return Promise.all(
    TOOLS.map(async (tool) => {
      const path = findProgram(tool.command);
      return { ...tool, path, version: path === null ? null : await versionOf(path) };
    }),
  );
}

/** The first number with a dot that `--version` prints; of nvcc, the release. */
export async function versionOf(path: string): Promise<string | null> {
  const { stdout } = await runProcess(path, ['--version'], { timeoutMs: 20_000 });
  return /\d+\.\d+(\.\d+)?/.exec(stdout.replace(/\([^)]*\)/g, ''))?.[0] ?? null;
}

/** Targets of which nothing is missing. */
export function availableTargets(): readonly Target[] {
  return targets.filter((target) => missingTools(target).length === 0);
}
