/** Puts the test harness into a project, so that an engineer can build and run it without this tool. */
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectManifest } from '../emit/manifest.js';
import { renderModels } from './harness.js';
import { harnessFolder } from './paths.js';

/** Writes `test/harness/`, `test/models.c` and `test/README.md`. */
export async function writeHarness(directory: string, manifest: ProjectManifest): Promise<void> {
  const folder = join(directory, 'test');
  await cp(harnessFolder, join(folder, 'harness'), {
    recursive: true,
    filter: (path) => !path.endsWith('instruction-counter.c'),
  });
  await writeFile(join(folder, 'models.c'), renderModels([manifest]));
  await writeFile(join(folder, 'README.md'), readme(manifest));
}

function readme({ modelName, sources, external }: ProjectManifest): string {
  const checkout = external ? `$${external.variable}` : '';
  const model = [...sources.map((source) => `../${source}`), ...(external?.sources ?? []).map((source) => `${checkout}/${source}`)].join(' ');
  const includes = (external?.includes ?? []).map((folder) => ` -isystem ${checkout}/${folder}`).join('');
  return `# Test of ${modelName}

\`ptq-gen verify\` on the folder above builds and runs this, on an emulator or on a board, and compares every tensor.
By hand, on this machine:

\`\`\`sh
gcc -std=gnu11 -O2 -DPTQ_HOST -DPTQ_TRACE -I.. -Iharness${includes} models.c harness/harness.c harness/io-host.c ${model} -o program
./program   # reads vectors.bin, writes output.log
\`\`\`

- \`vectors.bin\`: the inputs; \`vectors.json\`: where each came from; \`model.ptq.json\`: the integers that decide every bit.
- \`models.c\`: where inputs, outputs and tensors lie in the arena.
- \`harness/\`: the main loop and its output's format (\`harness.c\`), input and output through files, semihosting or a
  board's UART, start-up code and linker scripts of the emulated boards.
`;
}
