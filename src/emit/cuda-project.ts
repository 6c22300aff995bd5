/** Schedule → files of a CUDA project: kernels and host interface in one .cu file, constants in C, a CMake project, a program that reads and writes .npy. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { elementCount } from '../graph/float.js';
import { integerTensor, laneBytes } from '../graph/integer.js';
import { packageRoot } from '../package-root.js';
import { tensorBytes } from '../schedule/lifetimes.js';
import type { Schedule, Step } from '../schedule/schedule.js';
import { grouped } from './c-text.js';
import { ConstantPool } from './constants.js';
import { DeviceConstants } from './cuda-constants.js';
import { launchesOf } from './cuda-launches.js';
import { graphDigest } from './digest.js';
import { type KernelFunctions, renderKernels } from './kernels.js';
import { checkLaunchBounds } from './launch-bounds.js';
import { commentText, modelIdentifier } from './names.js';
import { type PortView, portViews } from './ports.js';
import { type EmitOptions, type GeneratedProject, kernelView, manifestOf, markdownCell, projectView, shapes, symbolNames } from './project.js';
import { renderTemplate } from './render.js';

/** Shared memory that every block may have. */
const UNASKED_SHARED_BYTES = 48 * 1024;

export function emitCudaProject(schedule: Schedule, options: EmitOptions): GeneratedProject {
  const model = modelIdentifier(schedule.graph.name);
  const digest = graphDigest(schedule.graph);
  const names = symbolNames(schedule, model);
  const kernels = renderKernels(model, schedule.steps, names);
  const pool = new ConstantPool(model, names);
  const device = new DeviceConstants(pool, model);
  const { statements, wrappers } = launchesOf(schedule, kernels, names, device);
  const isBinary = device.isBinary();
  const constants = isBinary ? device.asOneArray() : pool.list();
  const hasConstants = constants.length > 0;
  const view = {
    ...projectView(schedule, model, digest, options),
    ...kernelView(kernels, schedule),
    ...portsView(schedule),
    wrappers,
    raisedLimits: raisedLimits(schedule, kernels),
    hasWarpgroups: kernels.functions.some(({ code }) => code.includes('ptq_wgmma')),
    calls: schedule.steps.map((step) => callView(schedule, step, kernels, statements[step.index]!)),
    constants,
    hasConstants,
    constantBytes: grouped(pool.bytes()),
    deviceConstants: device.list(),
    deviceConstantBytes: device.bytes(),
    mostSamples: mostSamples(schedule),
    separateFlash: false,
    isBinary,
  };
  const sources = [`${model}.cu`, ...(hasConstants ? [`${model}_weights.c`] : [])];
  const manifest = { ...manifestOf(schedule, model, digest, kernels, sources), ...(schedule.graph.states.length > 0 && { hasStates: true as const }) };
  return { modelName: model, files: renderFiles(model, view, hasConstants, isBinary ? device.image() : null, `${JSON.stringify(manifest, null, 2)}\n`), manifest };
}

function renderFiles(model: string, view: object, hasConstants: boolean, binary: Uint8Array | null, manifest: string): ReadonlyMap<string, string | Uint8Array> {
  const source = binary ? (['weights-binary.c', 'cuda'] as const) : (['weights.c', 'c'] as const);
  const files: (readonly [string, string, 'c' | 'cuda'])[] = [
    [`${model}.h`, 'model.h', 'cuda'],
    [`${model}.cu`, 'model.cu', 'cuda'],
    ...(hasConstants ? ([[`${model}_weights.h`, 'weights.h', 'c'], [`${model}_weights.c`, ...source]] as const) : []),
    ['ptq_arith.h', 'ptq_arith.h', 'cuda'],
    ['main.cpp', 'main.cpp', 'cuda'],
    ['CMakeLists.txt', 'CMakeLists.txt', 'cuda'],
    ['README.md', 'README.md', 'cuda'],
  ];
  const rendered = files.map(([path, template, language]) => [path, renderTemplate(`project/${template}`, { ...view, template: `templates/${language}/project/${template}.hbs` }, language)] as const);
  for (const [path, text] of rendered) if (path.endsWith('.cu')) checkLaunchBounds(text, path);
  const wrappers = ['ptq_cuda.h', 'ptq_wgmma.h'].map((name) => [name, readFileSync(join(packageRoot(), 'templates/cuda/project', name), 'utf8')] as const);
  const written: (readonly [string, string | Uint8Array])[] = [...rendered, ...wrappers, ['test/manifest.json', manifest]];
  return new Map(binary ? [...written, [`${model}_weights.bin`, binary]] : written);
}

/** Ports with what the program that reads and writes .npy needs of them. */
function portsView(schedule: Schedule): object {
  const inputs = portViews(schedule, 'inputs');
  const outputs = portViews(schedule, 'outputs');
  const view = (first: number) => (port: PortView, i: number) => ({ ...port, argument: first + i, numpyType: numpyType(port), dimensions: port.shape === '1' ? '' : port.shape.split('x').join(', ') });
  return { inputs: inputs.map(view(1)), outputs: outputs.map(view(1 + inputs.length)), arguments: 1 + inputs.length + outputs.length, firstInputBytes: inputs[0]!.bytes };
}

function numpyType({ type }: PortView): string {
  const [, unsigned, bits] = /^(u?)int(\d+)_t$/.exec(type)!;
  return `${bits === '8' ? '|' : '<'}${unsigned ? 'u' : 'i'}${Number(bits) / 8}`;
}

/** Kernels that may have more shared memory than a block gets unasked. */
function raisedLimits({ steps }: Schedule, { nameOfStep, nameOfVariant }: KernelFunctions): readonly { readonly name: string; readonly bytes: number }[] {
  const launched = steps.flatMap(({ kernel, index }) => [[nameOfStep[index]!, kernel.launch] as const, ...(kernel.variants ?? []).map((variant) => [nameOfVariant.get(variant)!, variant.launch] as const)]);
  const limits = new Map(launched.map(([name, launch]) => [name, launch?.sharedBytes ?? 0]));
  return [...limits].filter(([, bytes]) => bytes > UNASKED_SHARED_BYTES).map(([name, bytes]) => ({ name, bytes }));
}

function callView(schedule: Schedule, step: Step, kernels: KernelFunctions, statement: string): object {
  const nodes = step.nodes.map((node) => `${node.op} '${node.origin.nodeName}'`).join(' + ');
  return {
    index: step.index,
    comment: commentText(`${step.index}: ${nodes}, ${shapes(schedule, step.nodes[0]!.inputs)} -> ${shapes(schedule, step.nodes.at(-1)!.outputs)}`),
    statement,
    layer: markdownCell(step.nodes.map((n) => n.origin.nodeName).join(' + ')),
    op: step.nodes.map((n) => n.op).join(' + '),
    kernel: kernels.nameOfStep[step.index]!,
    outputShape: shapes(schedule, step.nodes.at(-1)!.outputs),
    parallel: step.kernel.launch ? 'every element' : 'every sample',
  };
}

/** Threads count elements in 32 bits: the largest tensor of a batch, and what kernels round up, must stay below 2^31. */
function mostSamples({ graph, steps }: Schedule): number {
  const sizes = [...graph.tensors.values()].filter((t) => !t.constant).map((t) => Math.max(elementCount(t.shape), tensorBytes(graph, t.id) / laneBytes(integerTensor(graph, t.id).type)));
  const scratch = steps.map((step) => step.scratchBytes);
  return Math.max(1, Math.floor(2 ** 30 / Math.max(1, ...sizes, ...scratch)));
}
