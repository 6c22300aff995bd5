/** Puts the test harness into a project, so that an engineer can build and run it without this tool. */
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProjectManifest } from '../emit/manifest.js';
import { findTarget } from '../targets/index.js';
import { renderCudaModels } from './cuda-harness.js';
import { renderModels } from './harness.js';
import { cudaHarnessFolder, harnessFolder } from './paths.js';

/** Writes `test/harness/`, `test/models.c` and `test/README.md`. */
export async function writeHarness(directory: string, manifest: ProjectManifest): Promise<void> {
  const folder = join(directory, 'test');
  if (findTarget(manifest.target).language === 'cuda') return writeCudaHarness(folder, manifest);
  await cp(harnessFolder, join(folder, 'harness'), {
    recursive: true,
    filter: (path) => !path.endsWith('instruction-counter.c'),
  });
  await writeFile(join(folder, 'models.c'), renderModels([manifest]));
  await writeFile(join(folder, 'README.md'), readme(manifest));
}

/** The same for CUDA: `models.cpp`, main loop and emulation. */
async function writeCudaHarness(folder: string, manifest: ProjectManifest): Promise<void> {
  await cp(cudaHarnessFolder, join(folder, 'harness'), { recursive: true });
  await writeFile(join(folder, 'models.cpp'), renderCudaModels([manifest]));
  await writeFile(join(folder, 'README.md'), cudaReadme(manifest));
}

function cudaReadme({ modelName, sources }: ProjectManifest): string {
  const constants = sources.filter((source) => source.endsWith('.c')).map((source) => `../${source}`);
  return `# Test of ${modelName}

\`ptq-gen verify\` on the folder above builds and runs this and compares every tensor. By hand, on this machine, every thread of
every block emulated:

\`\`\`sh
${constants.length > 0 ? `gcc -c ${constants.join(' ')}
` : ''}g++ -std=c++17 -O2 -DPTQ_CUDA_EMULATION -DPTQ_TRACE -I.. -Iharness -x c++ ../${modelName}.cu models.cpp harness/harness.cpp${constants.length > 0 ? ` -x none ${modelName}_weights.o` : ''} -o program
./program   # reads vectors.bin, writes output.log
\`\`\`

On a GPU: \`nvcc -std=c++17 -arch=native -DPTQ_TRACE -I.. -Iharness ../${modelName}.cu models.cpp harness/harness.cpp ${constants.join(' ')} -o program\`.
PTQ_BATCH sets the samples of a batch, PTQ_CUDA_ORDER the order in which the emulation runs the threads of a block.
`;
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
