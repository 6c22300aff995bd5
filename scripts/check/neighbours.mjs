/** A basename is an address: definition, simulator kernel, template and test of an operator stand under one name. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { listFiles } from './sources.mjs';

export function checkNeighbours(sources, root) {
  const problems = [];
  const index = sources.find((s) => s.path === 'src/operators/index.ts');
  const kernels = sources.find((s) => s.path === 'sim/kernels/index.ts')?.imports.map((i) => i.file) ?? [];
  for (const { path, text } of sources) {
    if (!/^src\/operators\/[^/]+\.ts$/.test(path) || !/\bdefineOperator\(\{/.test(text)) continue;
    const name = /\bdefineOperator\(\{\s*name: '([^']+)'/.exec(text)?.[1];
    const stem = basename(path, '.ts');
    if (name !== stem) problems.push(`${path}: the operator is called '${name}', its file '${stem}'`);
    if (!index?.imports.some((i) => i.file === path)) problems.push(`${path}: missing in src/operators/index.ts`);
    if (!existsSync(join(root, `test/operators/${stem}.test.ts`))) problems.push(`${path}: missing neighbour test/operators/${stem}.test.ts`);
    if (!/^ {2}integer:/m.test(text)) continue;
    if (!kernels.includes(`sim/kernels/${stem}.ts`)) problems.push(`${path}: has an integer side, but sim/kernels/index.ts does not import sim/kernels/${stem}.ts`);
    if (!/\balias: true/.test(text) && !existsSync(join(root, `templates/c/${stem}.hbs`))) problems.push(`${path}: missing neighbour templates/c/${stem}.hbs`);
  }
  return problems;
}

/** A template that no operator names, or a partial that no template uses, is dead. */
export function checkTemplates(sources, root) {
  const folder = join(root, 'templates/c');
  const files = listFiles(folder).filter((f) => f.endsWith('.hbs'));
  const texts = new Map(files.map((f) => [relative(folder, f).replace(/\.hbs$/, ''), readFileSync(f, 'utf8')]));
  const code = sources.filter((s) => /^src\/(operators|schedule|emit|toolchains)\//.test(s.path)).map((s) => s.text).join('\n');
  // Names that are put together: `dsp/rows-stride${stride}`.
  const patterns = [...code.matchAll(/`([\w-]+\/[\w-]*\$\{[^`]*)`/g)].map((m) => new RegExp(`^${m[1].replace(/\$\{[^}]*\}/g, '[\\w-]+')}$`));
  const problems = [];
  for (const name of texts.keys()) {
    const partial = /^partials\/(.*)$/.exec(name)?.[1];
    const used = partial ? [...texts.values()].some((t) => new RegExp(`\\{\\{#?>\\s*${partial}[\\s~}]`).test(t)) : code.includes(`'${name.replace(/^project\//, '')}'`) || code.includes(`"${name}"`) || patterns.some((pattern) => pattern.test(name));
    if (!used) problems.push(`templates/c/${name}.hbs: nothing uses it`);
  }
  return problems;
}

/** The table of toolchains.md speaks of exactly the targets that exist. */
export function checkTargetTable(sources, root) {
  const file = join(root, 'toolchains.md');
  if (!existsSync(file)) return ['toolchains.md is missing'];
  const targets = sources.filter((s) => /^src\/targets\/[^/]+\.ts$/.test(s.path)).flatMap((s) => [...s.text.matchAll(/^ {2}id: '([^']+)'/gm)].map((m) => m[1]));
  const rows = [...readFileSync(file, 'utf8').matchAll(/^\|\s*`([a-z0-9-]+)`/gm)].map((m) => m[1]);
  const missing = targets.filter((id) => !rows.includes(id)).map((id) => `toolchains.md: no table row begins with \`${id}\`, a target of src/targets`);
  return missing;
}
