/**
 * Runs every test file in a process of its own, two at a time, and adds up what they say.
 *
 * `node --import tsx test/run-all.ts [PART…]`: only files whose path contains one of the parts. The last line is exactly
 * `N passed, N failed`; the exit code is 1 where one failed. `LEFT-OUT <cases> <why>` lines of the tests are summed, and so
 * are their cases of generated kernels: too few of them in the whole suite are a failure, where all targets can run.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingTools } from '../src/toolchains/index.js';
import { targets } from '../src/targets/index.js';
import { kernelCasesText, LEAST_KERNEL_CASES, readKernelCases, totalCases } from './support/kernel-cases.js';

const testFolder = dirname(fileURLToPath(import.meta.url));
const repository = dirname(testFolder);
const JOBS = Number(process.env['PTQ_TEST_JOBS'] ?? 2);
const FILE_TIME_LIMIT_MS = 15 * 60_000;

interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  readonly output: string;
}

function testFiles(parts: readonly string[]): readonly string[] {
  const all = readdirSync(testFolder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => join(testFolder, path))
    .sort();
  return parts.length === 0 ? all : all.filter((path) => parts.some((part) => relative(repository, path).includes(part)));
}

function runFile(file: string): Promise<FileResult> {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', file], { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), FILE_TIME_LIMIT_MS);
    child.on('close', (code) => {
      clearTimeout(timer);
      const seconds = (performance.now() - started) / 1000;
      resolve(readResult(file, code, seconds, Buffer.concat(chunks).toString('utf8')));
    });
  });
}

/** A file that ran no suite, or ended badly though every test passed, counts as one failure. */
function readResult(file: string, code: number | null, seconds: number, output: string): FileResult {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal are meant
  const plain = output.replace(/\x1b\[[0-9;]*m/g, '');
  const total = sumOf(plain, /^ {2}Total:\s+(\d+)$/gm);
  const passed = sumOf(plain, /^ {2}Passed:\s+(\d+)$/gm);
  const skipped = sumOf(plain, /^ {2}Skipped:\s+(\d+)$/gm);
  const counted = Math.max(0, total - passed - skipped);
  // a file that ran nothing is suspicious, unless it said what it left out and why
  const bad = code !== 0 || (total === 0 && !/^LEFT-OUT \d+ /m.test(plain));
  return { file: relative(repository, file), passed, failed: bad ? Math.max(1, counted) : counted, seconds, output: plain };
}

function sumOf(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0);
}

function report(result: FileResult): void {
  const { file, passed, failed, seconds } = result;
  console.log(`${failed > 0 ? 'FAIL' : 'ok  '}  ${file}  ${passed} passed${failed > 0 ? `, ${failed} failed` : ''}  (${seconds.toFixed(1)} s)`);
  if (failed > 0) console.log(result.output.replace(/^/gm, '      '));
}

function leftOut(results: readonly FileResult[]): readonly string[] {
  const cases = new Map<string, number>();
  for (const { output } of results) {
    for (const [, count, why] of output.matchAll(/LEFT-OUT (\d+) (.*)$/gm)) cases.set(why!, (cases.get(why!) ?? 0) + Number(count));
  }
  return [...cases].map(([why, count]) => `left out: ${count} ${why}`);
}

const pending = [...testFiles(process.argv.slice(2))];
const results: FileResult[] = [];
await Promise.all(
  Array.from({ length: JOBS }, async () => {
    for (let file = pending.shift(); file !== undefined; file = pending.shift()) {
      const result = await runFile(file);
      results.push(result);
      report(result);
    }
  }),
);
/** Counts as one more test of the whole suite. */
function countKernelCases(parts: readonly string[]): Pick<FileResult, 'passed' | 'failed'> {
  const cases = readKernelCases(results.map((result) => result.output));
  if (cases.size > 0) console.log(kernelCasesText(cases));
  if (parts.length > 0 || targets.some((target) => target.language === 'c' && missingTools(target).length > 0)) return { passed: 0, failed: 0 };
  const enough = totalCases(cases) >= LEAST_KERNEL_CASES;
  if (!enough) console.log(`FAIL  ${totalCases(cases)} cases of kernels, at least ${LEAST_KERNEL_CASES} are asked for`);
  return enough ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

for (const line of leftOut(results)) console.log(line);
const kernels = countKernelCases(process.argv.slice(2));
const sum = (key: 'passed' | 'failed'): number => results.reduce((total, result) => total + result[key], kernels[key]);
if (results.length === 0) console.log('no test file was found');
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exitCode = sum('failed') > 0 || results.length === 0 ? 1 : 0;
