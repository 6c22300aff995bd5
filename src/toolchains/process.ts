/** Starts outside programs: always with a time limit, always remembering the exact command line. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';

export interface ProcessResult {
  /** As it could be typed into a shell. */
  readonly command: string;
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly seconds: number;
}

export interface ProcessOptions {
  readonly directory?: string;
  readonly timeoutMs?: number;
  /** Added to this process's own variables. */
  readonly environment?: Readonly<Record<string, string>>;
}

const DEFAULT_TIMEOUT_MS = 120_000;

/** Runs a program to its end; never throws for its exit code. */
export async function runProcess(command: string, args: readonly string[], options: ProcessOptions = {}): Promise<ProcessResult> {
  const started = performance.now();
  const result = await execa(command, args, {
    ...(options.directory === undefined ? {} : { cwd: options.directory }),
    timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    reject: false,
    stdin: 'ignore',
    maxBuffer: 512 * 1024 * 1024,
    // the leak checker needs ptrace, which containers refuse; nothing here allocates anyway
    env: { LC_ALL: 'C', ASAN_OPTIONS: 'detect_leaks=0', ...options.environment },
  });
  return {
    command: commandLine(command, args),
    exitCode: result.exitCode ?? null,
    stdout: result.stdout,
    stderr: result.exitCode === undefined && !result.timedOut ? `${result.stderr}\n${result.shortMessage}`.trim() : result.stderr,
    timedOut: result.timedOut,
    seconds: (performance.now() - started) / 1000,
  };
}

/** Runs a line through the shell: only for commands that the user typed. */
export async function runShell(line: string, options: ProcessOptions = {}): Promise<ProcessResult> {
  return { ...(await runProcess('/bin/sh', ['-c', line], options)), command: line };
}

export function commandLine(command: string, args: readonly string[]): string {
  return [command, ...args].map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}

/** Full path of a program on the search path, or null. */
export function findProgram(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    try {
      const path = join(folder, name);
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder
    }
  }
  return null;
}
