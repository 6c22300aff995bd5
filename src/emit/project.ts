/** Schedule → files of a C project that an engineer can drop into a firmware tree. The same schedule gives the same bytes. */
import { type IntegerNode, integerTensor, laneBytes, type TensorId } from '../graph/integer.js';
import type { KernelArgument } from '../operators/kernel.js';
import { arenaAlignment } from '../schedule/memory.js';
import { tensorBytes } from '../schedule/lifetimes.js';
import { packedTensors } from '../schedule/strips/packed-rows.js';
import type { Schedule, Step } from '../schedule/schedule.js';
import { toolVersion } from '../version.js';
import { grouped, wrapList } from './c-text.js';
import { ConstantPool } from './constants.js';
import { graphDigest } from './digest.js';
import { externalOf, type ExternalView } from './external.js';
import { liesInFlash } from './flash.js';
import { type KernelFunctions, renderKernels } from './kernels.js';
import type { ManifestExternal, ManifestTensor, ProjectManifest } from './manifest.js';
import { commentText, modelIdentifier, UniqueNames } from './names.js';
import { type PortView, portViews } from './ports.js';
import { renderTemplate } from './render.js';
import { translateScalars } from './scalars.js';
import { stateViews } from './states.js';
import { stripFunctions } from './strips.js';

export interface EmitOptions {
  /** Recorded in the generated headers; paths in it are cut to their last part. */
  readonly commandLine: string;
  /** Also emit <model>_infer, which copies from and to the caller's buffers. */
  readonly wrapper?: boolean;
}

export interface GeneratedProject {
  /** C identifier: prefix of every symbol, stem of every file. */
  readonly modelName: string;
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  readonly manifest: ProjectManifest;
}

export function emitCProject(schedule: Schedule, options: EmitOptions): GeneratedProject {
  const model = modelIdentifier(schedule.graph.name);
  const digest = graphDigest(schedule.graph);
  const names = symbolNames(schedule, model);
  const rendered = renderKernels(model, schedule.steps, names, schedule.target.features.separateFlash);
  const pool = new ConstantPool(model, names);
  const kernels = { ...rendered, functions: [...rendered.functions, ...stripFunctions(schedule, rendered, (caller, argument) => argumentText(schedule, caller, argument, pool))] };
  const calls = schedule.steps.map((step) => stepView(schedule, step, kernels.nameOfStep[step.index]!, pool));
  const constants = pool.list();
  const external = externalOf(schedule);
  const view = {
    ...projectView(schedule, model, digest, options),
    ...kernelView(kernels, schedule),
    ...externalView(external),
    calls,
    constants,
    hasConstants: constants.length > 0,
    constantBytes: grouped(pool.bytes()),
  };
  const sources = [`${model}.c`, ...(constants.length > 0 ? [`${model}_weights.c`] : [])];
  const manifest = { ...manifestOf(schedule, model, digest, kernels, sources), ...(external && { external: manifestExternal(external) }) };
  return { modelName: model, files: renderFiles(model, view, constants.length > 0, manifest), manifest };
}

/** One name space for all symbols; those of the interface are taken first. */
export function symbolNames(schedule: Schedule, model: string): UniqueNames {
  const names = new UniqueNames();
  for (const name of ['run', 'reset', 'infer', 'trace', 'require', 'keep_states', 'create', 'destroy', 'constants', 'launch', 'status', 'enqueue', 'record', 'upload', 'forget', 'arena']) names.claim(`${model}_${name}`);
  for (const port of portViews(schedule, 'inputs')) names.claim(`${model}_input_${port.identifier}`);
  for (const port of portViews(schedule, 'outputs')) names.claim(`${model}_output_${port.identifier}`);
  return names;
}

function renderFiles(model: string, view: object, hasConstants: boolean, manifest: ProjectManifest): ReadonlyMap<string, string> {
  const files: (readonly [string, string])[] = [
    [`${model}.h`, 'model.h'],
    [`${model}.c`, 'model.c'],
    ...(hasConstants ? ([[`${model}_weights.h`, 'weights.h'], [`${model}_weights.c`, 'weights.c']] as const) : []),
    ['ptq_arith.h', 'ptq_arith.h'],
    ['CMakeLists.txt', 'CMakeLists.txt'],
    ['README.md', 'README.md'],
  ];
  const rendered = files.map(([path, template]) => [path, renderTemplate(`project/${template}`, { ...view, template: `templates/c/project/${template}.hbs` })] as const);
  return new Map([...rendered, ['test/manifest.json', `${JSON.stringify(manifest, null, 2)}\n`]]);
}

export function projectView(schedule: Schedule, model: string, digest: string, options: EmitOptions): object {
  const { graph, target, arena } = schedule;
  const inputs = portViews(schedule, 'inputs');
  const outputs = portViews(schedule, 'outputs');
  return {
    model,
    macro: model.toUpperCase(),
    version: `ptq-gen ${toolVersion()}`,
    commandLine: commentText(withoutPaths(options.commandLine)),
    digest,
    modelName: commentText(graph.name),
    method: `${graph.provenance.bits}, ${graph.provenance.arith}, ${graph.provenance.method}`,
    target: target.id,
    targetTitle: target.title,
    arenaBytes: arena.bytes,
    arenaBytesText: grouped(arena.bytes),
    liveSetBytesText: grouped(arena.liveSetBytes),
    heuristic: arena.heuristic,
    arenaAlignment: arenaAlignment(target),
    keepInput: schedule.options.keepInput,
    optimization: optimizationOf(schedule),
    inputs,
    outputs,
    hasSteps: schedule.steps.length > 0,
    states: stateViews(schedule),
    hasStates: graph.states.length > 0,
    wrapper: options.wrapper === true,
    wrapperParameters: wrapperParameters(inputs, outputs),
  };
}

function optimizationOf({ options, target }: Schedule): string {
  return options.optimize === 'flash' ? '-Os' : target.optimization;
}

function wrapperParameters(inputs: readonly PortView[], outputs: readonly PortView[]): string {
  const list = [...inputs.map((p) => `const ${p.type} *input_${p.identifier}`), ...outputs.map((p) => `${p.type} *output_${p.identifier}`)];
  return list.map((p) => `, ${p}`).join('');
}

export function kernelView(kernels: KernelFunctions, schedule: Schedule): object {
  const texts = [...kernels.functions.map((f) => f.code), ...kernels.support];
  const scalars = translateScalars(kernels.scalars, schedule.target.language, !schedule.target.features.multiplyHigh);
  return {
    kernels: kernels.functions.map((f) => ({ description: f.description, code: f.code, template: `templates/${f.template}`, steps: f.steps.join(', '), several: f.steps.length > 1 })),
    support: kernels.support,
    scalars,
    hasScalars: scalars !== '',
    hidesSums: texts.some((text) => /ptq_apart/i.test(text)),
    avoidsProducts: schedule.graph.provenance.arith === 'shift' && optimizationOf(schedule) === '-Os',
    separateFlash: schedule.target.features.separateFlash === true,
    usesString: schedule.graph.states.length > 0 || texts.some((t) => /\bmem(cpy|set|move)\(/.test(t)),
  };
}

function externalView(external: ExternalView | null): object {
  return { hasExternal: external !== null, ...(external && { external: { ...external, title: external.name.toUpperCase(), target: external.name.replaceAll('-', '_') } }) };
}

function manifestExternal({ name, variable, includes, sources }: ExternalView): ManifestExternal {
  return { name, variable, includes, sources };
}

function stepView(schedule: Schedule, step: Step, name: string, pool: ConstantPool): object {
  const args = step.strips ? ['arena'] : step.kernel.arguments.map((argument) => argumentText(schedule, step, argument, pool));
  const nodes = step.nodes.map((node) => `${node.op} '${node.origin.nodeName}'`).join(' + ');
  const last = step.nodes.at(-1)!;
  return {
    index: step.index,
    comment: commentText(`${step.index}: ${nodes}, ${shapes(schedule, step.nodes[0]!.inputs)} -> ${shapes(schedule, last.outputs)}`),
    statement: wrapList(name, args, '  ', ';'),
    layer: markdownCell(step.nodes.map((n) => n.origin.nodeName).join(' + ')),
    op: step.nodes.map((n) => n.op).join(' + '),
    kernel: name,
    outputShape: shapes(schedule, last.outputs),
    offset: grouped(schedule.arena.offsets.get(step.writes[0] ?? '') ?? 0),
  };
}

export function markdownCell(text: string): string {
  return commentText(text).replaceAll('|', '\\|');
}

/** Shapes of the activations among the tensors. */
export function shapes(schedule: Schedule, ids: readonly TensorId[]): string {
  const activations = ids.map((id) => integerTensor(schedule.graph, id)).filter((t) => !t.constant);
  return activations.map((t) => t.shape.join('x') || '1').join(', ');
}

/** Whose arguments they are: a step, or one node of a step that runs in strips. */
type Caller = Pick<Step, 'index' | 'nodes'>;

function argumentText(schedule: Schedule, step: Caller, argument: KernelArgument, pool: ConstantPool): string {
  const { arena, graph } = schedule;
  switch (argument.kind) {
    case 'scratch':
      return `ptq_at(arena, ${arena.scratchOffsets[step.index]})`;
    case 'constant':
      return pool.add(constantStem(step, argument.name), argument.data, {
        alignment: argument.alignment ?? minimumAlignment(schedule),
        user: `${userOf(step)}: ${argument.name}`,
        inFlash: schedule.target.features.separateFlash === true && liesInFlash(argument),
      });
    default: {
      const root = schedule.aliases.get(argument.tensor) ?? argument.tensor;
      const constant = integerTensor(graph, root).constant;
      if (constant) return pool.add(`${step.nodes[0]!.op}_${step.index}_constant`, constant.data, { alignment: minimumAlignment(schedule), user: `${userOf(step)}: ${integerTensor(graph, root).name}`, inFlash: false });
      return `ptq_at(arena, ${arena.offsets.get(argument.tensor) ?? arena.offsets.get(root)})`;
    }
  }
}

/** Cores that load several lanes at once want constants aligned as activations are. */
function minimumAlignment(schedule: Schedule): number {
  return schedule.target.features.dsp || schedule.target.features.mve ? arenaAlignment(schedule.target) : 1;
}

export function constantStem(step: Caller, name: string): string {
  return `${step.nodes[0]!.op}_${step.index}_${name}`;
}

export function userOf(step: Caller): string {
  const nodes: readonly IntegerNode[] = step.nodes;
  return nodes.map((n) => n.origin.nodeName).join(' + ');
}

/** Absolute and relative paths of the command line shrink to their last part: generated files name no machine. */
function withoutPaths(commandLine: string): string {
  return commandLine.replace(/[^\s=,'"]*\/([^\s/=,'"]*)/g, (text, last: string) => (/^\d+\/\d+$/.test(text) ? text : last));
}

export function manifestOf(schedule: Schedule, modelName: string, digest: string, kernels: KernelFunctions, sources: readonly string[]): ProjectManifest {
  const { graph, target, arena } = schedule;
  const { layouts: _, ...fusion } = schedule.options;
  return {
    schemaVersion: 1,
    modelName,
    digest,
    target: target.id,
    arenaBytes: arena.bytes,
    arenaAlignment: arenaAlignment(target),
    steps: schedule.steps.map((s) => ({ index: s.index, nodes: s.nodes.map((n) => n.id), kernel: kernels.nameOfStep[s.index]! })),
    tensors: manifestTensors(schedule),
    inputs: graph.inputs.map(({ name, tensor }) => ({ name, tensor })),
    outputs: graph.outputs.map(({ name, tensor }) => ({ name, tensor })),
    sources,
    ...(schedule.options.optimize === 'flash' && { smallCode: true as const }),
    ...(schedule.graph.provenance.arith === 'shift' && { withoutMultiplication: true as const }),
    ...(schedule.unobserved.length > 0 && { fusion }),
  };
}

/** Inputs first, then in the order of the steps that write them; aliases beside their roots. */
function manifestTensors(schedule: Schedule): readonly ManifestTensor[] {
  const { graph, aliases, arena } = schedule;
  const written = new Map<TensorId, number>();
  for (const id of arena.lifetimes.keys()) if (arena.lifetimes.get(id)!.first === -1) written.set(id, -1);
  for (const step of schedule.steps) for (const id of step.writes) written.set(id, step.index);
  for (const [alias, root] of aliases) if (written.has(root)) written.set(alias, written.get(root)!);
  // Codes of packed tensors are seen with fusion off.
  for (const id of packedTensors(schedule.steps).keys()) written.delete(id);
  const list = [...written].map(([id, step]) => {
    const { type } = integerTensor(graph, id);
    return { id, offset: arena.offsets.get(id)!, bytes: tensorBytes(graph, id), laneBytes: laneBytes(type), signed: type.signed, step };
  });
  return list.sort((a, b) => a.step - b.step);
}
