/** The glue between generated CUDA models and their harness: one C++ file with a descriptor of every model. */
import type { ProjectManifest } from '../emit/manifest.js';
import { tensorOf } from './harness.js';

/** C++ text of `models.cpp`, models in this order. */
export function renderCudaModels(manifests: readonly ProjectManifest[]): string {
  return [
    '/* Generated: what the harness needs to know about the models. */',
    '#include "harness.hpp"',
    '',
    ...manifests.map((manifest) => `#include "${manifest.modelName}.h"`),
    '',
    ...manifests.map(renderModel),
    'const PtqModel ptq_models[] = {',
    ...manifests.map((manifest) => `    ${renderDescriptor(manifest)},`),
    '};',
    `const size_t ptq_model_count = ${manifests.length};`,
    '',
    '#ifdef PTQ_TRACE',
    ...manifests.map(renderTraceHook),
    '#endif',
    '',
  ].join('\n');
}

function renderModel(manifest: ProjectManifest): string {
  const name = manifest.modelName;
  const table = (kind: string, rows: readonly string[]): string => `static const PtqTensor ${name}_${kind}[] = {\n${rows.map((row) => `    ${row},\n`).join('')}};`;
  const row = ({ offset, bytes, step }: ProjectManifest['tensors'][number]): string => `{${offset}, ${bytes}, ${step}}`;
  const ports = (list: ProjectManifest['inputs']): readonly string[] => list.map((port) => row(tensorOf(manifest, port.tensor)));
  const pointers = [...manifest.inputs.map((port, i) => pointer(manifest, port.tensor, 'inputs', i, 'const ')), ...manifest.outputs.map((port, i) => pointer(manifest, port.tensor, 'outputs', i, ''))];
  return [
    table('tensors', manifest.tensors.map(row)),
    table('inputs', ports(manifest.inputs)),
    table('outputs', ports(manifest.outputs)),
    `static int ${name}_create_any(void **model, int32_t max_batch) {`,
    `  return ${name}_create(reinterpret_cast<${name} **>(model), max_batch);`,
    '}',
    `static int ${name}_run_any(void *model, int32_t batch, void *const *inputs, void *const *outputs, cudaStream_t stream) {`,
    `  return ${name}_run(static_cast<${name} *>(model), batch, ${pointers.join(', ')}, stream);`,
    '}',
    `static void ${name}_destroy_any(void *model) {`,
    `  ${name}_destroy(static_cast<${name} *>(model));`,
    '}',
    '',
  ].join('\n');
}

function pointer(manifest: ProjectManifest, id: string, kind: string, index: number, qualifier: string): string {
  const { laneBytes, signed } = tensorOf(manifest, id);
  return `static_cast<${qualifier}${signed ? '' : 'u'}int${8 * laneBytes}_t *>(${kind}[${index}])`;
}

function renderDescriptor(manifest: ProjectManifest): string {
  const name = manifest.modelName;
  const list = (kind: string, count: number): string => `${name}_${kind}, ${count}`;
  return (
    `{"${name}", ${name}_create_any, ${name}_run_any, ${name}_destroy_any, ${manifest.hasStates === true}, ` +
    `${list('tensors', manifest.tensors.length)}, ${list('inputs', manifest.inputs.length)}, ${list('outputs', manifest.outputs.length)}}`
  );
}

function renderTraceHook({ modelName }: ProjectManifest, index: number): string {
  return [
    `extern "C" void ${modelName}_trace(int32_t step, const uint8_t *arena, int32_t max_batch, int32_t batch, cudaStream_t stream);`,
    `extern "C" void ${modelName}_trace(int32_t step, const uint8_t *arena, int32_t max_batch, int32_t batch, cudaStream_t stream) {`,
    `  ptq_observe(&ptq_models[${index}], step, arena, max_batch, batch, stream);`,
    '}',
  ].join('\n');
}
