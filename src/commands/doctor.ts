/** `ptq-gen doctor`: which tools were found, their versions, and the exact install command for each missing one. */
import { EXIT } from '../errors.js';
import { CMSIS_NN } from '../operators/cmsis-nn/library.js';
import { table } from '../report/terminal.js';
import { availableTargets, checkoutOf, discoverTools, findGpu, findNvcc, findProgram, type FoundTool, installCommand, missingTools, versionOf } from '../toolchains/index.js';
import { targets } from '../targets/index.js';

/** Exit code 0 where every target can be built and run, else 3. */
export async function doctorCommand(): Promise<number> {
  const tools = await discoverTools();
  const rows = [['node', process.version.slice(1), 'the tool itself', process.execPath], ...tools.map(row)];
  const missing = tools.filter((tool) => tool.path === null);
  const ready = availableTargets();
  const lines = [
    table(['tool', 'version', 'for', 'found at, or how to install it'], [...rows, await nvccRow(), await gpuRow(), libraryRow()], []),
    '',
    `ready: ${ready.map((target) => target.id).join(', ') || 'no target'}`,
    ...targets.filter((target) => !ready.includes(target)).map((target) => `not ready: ${target.id} needs ${missingTools(target).map((tool) => tool.command).join(', ')}`),
    ...(missing.length > 0 ? ['', `to install all that is missing: ${installCommand(missing)}`] : []),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return missing.length === 0 ? EXIT.ok : EXIT.toolchainMissing;
}

/** Without it kernels still run in the emulation, but are neither compiled for a GPU nor proven: no target is left out. */
async function nvccRow(): Promise<readonly string[]> {
  const nvcc = findNvcc();
  const purpose = 'kernels of GPUs, and proofs of them';
  if (nvcc === null) return ['nvcc', 'optional', purpose, 'install the CUDA toolkit (12 or later), or set CUDA_HOME'];
  return ['nvcc', (await versionOf(nvcc)) ?? 'unknown', purpose, findProgram(nvcc) ?? nvcc];
}

async function gpuRow(): Promise<readonly string[]> {
  const gpu = await findGpu();
  return ['GPU', gpu?.architecture ?? 'optional', 'running kernels of GPUs', gpu?.name ?? 'none was found: kernels run in an emulation'];
}

/** The user's own checkout, for --kernels cmsis-nn alone: its absence leaves no target out. */
function libraryRow(): readonly string[] {
  const { name, variable, includes } = CMSIS_NN;
  const purpose = `--kernels ${name} only`;
  if (!process.env[variable]) return [name, 'optional', purpose, `set ${variable}, or give --${name} DIR: a checkout of Arm's library`];
  try {
    return [name, 'found', purpose, checkoutOf({ name, variable, includes })];
  } catch (error) {
    return [name, 'unusable', purpose, `${variable}: ${(error as Error).message}`];
  }
}

function row(tool: FoundTool): readonly string[] {
  return [tool.command, tool.version ?? (tool.path === null ? 'missing' : 'unknown'), tool.purpose, tool.path ?? installCommand([tool])];
}
