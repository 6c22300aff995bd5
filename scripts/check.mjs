/** npm run check: types, lint and structure, side by side, in a few seconds. `--structure` runs the last alone. */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkImports } from './check/imports.mjs';
import { checkNeighbours, checkTargetTable, checkTemplates } from './check/neighbours.mjs';
import { checkLengths, checkSuites } from './check/files.mjs';
import { readSources } from './check/sources.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Runs a tool of node_modules; resolves to its name, exit code, output and seconds. */
function tool(name, args) {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(join(root, 'node_modules/.bin', name), args, { cwd: root, env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? '1' : '0' } });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.on('error', (error) => resolve({ name, code: 1, output: String(error), seconds: 0 }));
    child.on('close', (code) => resolve({ name, code, output, seconds: (performance.now() - started) / 1000 }));
  });
}

function structure() {
  const started = performance.now();
  const sources = readSources(root);
  const checks = [checkImports, checkNeighbours, checkTemplates, checkTargetTable, checkSuites];
  const problems = checks.flatMap((check) => check(sources, root));
  return { name: 'structure', code: problems.length > 0 ? 1 : 0, output: problems.join('\n'), notes: checkLengths(sources), seconds: (performance.now() - started) / 1000 };
}

const tools = process.argv.includes('--structure') ? [] : [tool('tsc', ['-p', 'tsconfig.json', '--pretty', 'false']), tool('biome', ['lint', '--error-on-warnings', '--max-diagnostics=50'])];
const results = await Promise.all([...tools, structure()]);
for (const { name, code, output, notes, seconds } of results) {
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`);
  if (code !== 0) console.log(output.trim().replace(/^/gm, '  '));
  for (const note of notes ?? []) console.log(`  note: ${note}`);
}
process.exitCode = results.some((r) => r.code !== 0) ? 1 : 0;
