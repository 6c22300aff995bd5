/** `ptq-gen verify DIR`: builds, runs and compares a generated project: on the emulator, on a board, or from a captured log. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EXIT, MismatchError, UsageError } from '../errors.js';
import { writeFileWhole } from '../files.js';
import { checkoutsOf } from '../options.js';
import { findTarget } from '../targets/index.js';
import { readManifest } from '../toolchains/index.js';
import { loadVerification, type VerifyResult, verifyLog, verifyProject } from '../verify/index.js';

export interface VerifyCommandOptions {
  /** Default: the target that the project was generated for. */
  readonly target?: string;
  /** Command that runs `{elf}` on a board and prints its log. */
  readonly runner?: string;
  readonly linkerScript?: string;
  readonly boardSource?: readonly string[];
  /** Captured log of a board. */
  readonly log?: string;
  readonly timeout?: number;
  /** Checkout of CMSIS-NN. */
  readonly cmsisNn?: string;
  /** Result as JSON: a file, or - for stdout, which then carries nothing else. */
  readonly json?: string;
}

export async function verifyCommand(folder: string, options: VerifyCommandOptions = {}): Promise<number> {
  if (options.log !== undefined && options.runner !== undefined) throw new UsageError('--log and --runner exclude each other');
  const directory = resolve(folder);
  const { graph, vectors } = await loadVerification(directory);
  const target = findTarget(options.target ?? (await readManifest(directory)).target);
  const inputs = vectors.map((vector) => vector.inputs);
  const result =
    options.log === undefined
      ? await verifyProject(directory, graph, target, inputs, verifyOptions(options))
      : await verifyLog(directory, graph, target, inputs, await readLog(options.log), options.log);
  if (options.json === '-') process.stdout.write(jsonText(result));
  else {
    if (options.json !== undefined) await writeFileWhole(resolve(options.json), jsonText(result));
    process.stdout.write(`${resultText(result)}\n`);
  }
  return result.mismatch === null ? EXIT.ok : EXIT.mismatch;
}

function verifyOptions(options: VerifyCommandOptions): Parameters<typeof verifyProject>[4] {
  return {
    ...(options.runner === undefined ? {} : { runner: options.runner }),
    ...(options.linkerScript === undefined ? {} : { linkerScript: options.linkerScript }),
    ...(options.boardSource === undefined || options.boardSource.length === 0 ? {} : { boardSources: options.boardSource }),
    checkouts: checkoutsOf({ cmsisNn: options.cmsisNn }),
    ...(options.timeout === undefined ? {} : { timeoutMs: 1000 * options.timeout }),
  };
}

async function readLog(file: string): Promise<string> {
  try {
    return await readFile(file, 'latin1');
  } catch (cause) {
    throw new UsageError(`the log ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function jsonText(result: VerifyResult): string {
  const { report, instructions, sizes, stackBytes, proofs, notes, target } = result;
  const counted = instructions && { ...instructions, histogram: Object.fromEntries(instructions.histogram) };
  return `${JSON.stringify({ target, verify: report, instructions: counted, sizes, stackBytes, proofs, notes }, null, 2)}\n`;
}

/** What happened, for people. */
export function resultText(result: VerifyResult): string {
  const { report, mismatch, instructions, sizes, stackBytes, proofs } = result;
  const lines = [
    mismatch
      ? new MismatchError(mismatch).message
      : `${result.target} on ${report.runner}: ${report.vectors} vectors, ${report.tensorsCompared} tensors compared, every bit equal; outputs' CRC-32 ${report.outputCrc32}`,
    ...(instructions ? [`instructions: ${instructions.total} for the first vector, at most ${instructions.worst}`] : []),
    ...(sizes ? [`code ${sizes.codeBytes} bytes, constants ${sizes.constBytes} bytes, stack ${stackBytes === null ? 'without bound' : `at most ${stackBytes} bytes`}`] : []),
    ...(proofs ? [`floating point: ${proofs.noFloat ? 'none' : 'FOUND'}; heap and C library: ${proofs.noHeap ? 'none' : 'FOUND'}`, ...proofs.details] : []),
    ...result.notes.map((note) => `note: ${note}`),
  ];
  return lines.join('\n');
}
