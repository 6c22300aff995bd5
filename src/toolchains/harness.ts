/** The glue between generated models and the harness: one C file with a descriptor of every model. */
import type { ProjectManifest } from '../emit/manifest.js';
import { ShapeError } from '../errors.js';

/** C text of `models.c`: descriptors, arenas and trace hooks of the models, in this order. */
export function renderModels(manifests: readonly ProjectManifest[]): string {
  const arenaBytes = Math.max(...manifests.map((manifest) => manifest.arenaBytes));
  const alignment = Math.max(16, ...manifests.map((manifest) => manifest.arenaAlignment));
  return [
    '/* Generated: what the harness needs to know about the models. */',
    '#include "harness.h"',
    '',
    '#ifdef __AVR__',
    '#define ALIGNED',
    '#else',
    `#define ALIGNED __attribute__((aligned(${alignment})))`,
    '#endif',
    '#ifndef PTQ_HOST',
    '/* One model runs at a time: they share the arena. */',
    `static ALIGNED uint8_t arena[${arenaBytes}u + PTQ_GUARD_BYTES];`,
    '#endif',
    ...manifests.map((manifest) => renderModel(manifest)),
    'const PTQ_TABLE ptq_model ptq_models[] = {',
    ...manifests.map((manifest) => `  ${renderDescriptor(manifest)},`),
    '};',
    `const uint32_t ptq_model_count = ${manifests.length}u;`,
    '#ifdef PTQ_TRACE',
    ...manifests.map(renderTraceHook),
    '#endif',
    '',
  ].join('\n');
}

function renderModel(manifest: ProjectManifest): string {
  const name = manifest.modelName;
  const table = (kind: string, rows: readonly string[]): string =>
    `static const PTQ_TABLE ptq_tensor ${name}_${kind}[] = {\n${rows.map((row) => `  ${row},\n`).join('')}};`;
  const port = (tensorId: string): string => {
    const tensor = tensorOf(manifest, tensorId);
    return `{${tensor.offset}u, ${tensor.bytes}u, ${tensor.step}}`;
  };
  return [
    '',
    `void ${name}_run(void *arena);`,
    '/* Only networks that remember something have it. */',
    `__attribute__((weak)) void ${name}_reset(void *arena);`,
    '#ifdef PTQ_HOST',
    '/* An arena of its own, so that the address sanitizer sees its exact end. */',
    `static ALIGNED uint8_t ${name}_arena[${manifest.arenaBytes}u + PTQ_GUARD_BYTES];`,
    '#else',
    `#define ${name}_arena arena`,
    '#endif',
    `static const PTQ_TABLE char ${name}_name[] = "${name}";`,
    table('tensors', manifest.tensors.map((tensor) => `{${tensor.offset}u, ${tensor.bytes}u, ${tensor.step}}`)),
    table('inputs', manifest.inputs.map((input) => port(input.tensor))),
    table('outputs', manifest.outputs.map((output) => port(output.tensor))),
    '',
  ].join('\n');
}

function renderDescriptor(manifest: ProjectManifest): string {
  const name = manifest.modelName;
  const list = (kind: string, count: number): string => `${name}_${kind}, ${count}u`;
  return (
    `{${name}_name, ${name}_run, ${name}_reset, ${name}_arena, ${manifest.arenaBytes}u, ${list('tensors', manifest.tensors.length)}, ` +
    `${list('inputs', manifest.inputs.length)}, ${list('outputs', manifest.outputs.length)}}`
  );
}

function renderTraceHook(manifest: ProjectManifest, index: number): string {
  const name = `${manifest.modelName}_trace`;
  return [
    '',
    `void ${name}(int32_t step, const void *trace_arena);`,
    `void ${name}(int32_t step, const void *trace_arena) {`,
    '  (void)trace_arena;',
    `  ptq_observe(&ptq_models[${index}], step);`,
    '}',
    ...(manifest.external ? requireHook(manifest.modelName) : []),
  ].join('\n');
}

function requireHook(model: string): readonly string[] {
  return [`void ${model}_require(int32_t holds);`, `void ${model}_require(int32_t holds) {`, '  if (holds == 0) ptq_refuse();', '}'];
}

/** The manifest's tensor of that id. */
export function tensorOf(manifest: ProjectManifest, id: string): ProjectManifest['tensors'][number] {
  const tensor = manifest.tensors.find((candidate) => candidate.id === id);
  if (!tensor) throw new ShapeError(`the manifest of '${manifest.modelName}' has no tensor '${id}'`);
  return tensor;
}

/** C text of compiled-in vectors, for boards. */
export function renderVectors(bytes: Uint8Array): string {
  const rows: string[] = [];
  for (let start = 0; start < bytes.length; start += 24) rows.push(`  ${Array.from(bytes.subarray(start, start + 24)).join(', ')},`);
  return [
    '#include <stdint.h>',
    'extern const uint8_t ptq_vectors[];',
    'extern const uint32_t ptq_vectors_bytes;',
    'const uint8_t ptq_vectors[] = {',
    ...rows,
    '};',
    `const uint32_t ptq_vectors_bytes = ${bytes.length}u;`,
    '',
  ].join('\n');
}
