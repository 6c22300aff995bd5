/** The structure checks find what they are there to find, and the project itself passes them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/package-root.js';

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly { readonly from: string; readonly file: string | null; readonly typeOnly: boolean; readonly line: number }[];
}
type Check = (sources: readonly Source[], root?: string) => readonly string[];

// Plain JavaScript without declarations: the scripts run before anything is built.
const load = async (name: string) => (await import(`${packageRoot()}/scripts/check/${name}.mjs`)) as Record<string, Check> & { readSources: (root: string) => readonly Source[] };

const test = suite('scripts/check');

function importing(path: string, from: string, file: string | null = null, typeOnly = false): Source {
  return { path, text: '', imports: [{ from, file, typeOnly, line: 3 }] };
}

const wrong: readonly (readonly [Source, RegExp])[] = [
  [importing('sim/simulate.ts', 'node:fs'), /sim imports no package/],
  [importing('sim/simulate.ts', '../src/errors.js', 'src/errors.ts'), /sim imports only types/],
  [importing('src/graph/print.ts', '../emit/index.js', 'src/emit/index.ts'), /graph must not import emit/],
  [importing('src/emit/project.ts', '../pipeline.js', 'src/pipeline.ts'), /emit must not import pipeline.ts/],
  [importing('src/errors.ts', './graph/float.js', 'src/graph/float.ts'), /errors.ts must not import graph/],
  [importing('src/verify/index.ts', 'execa'), /'execa' is imported in src\/toolchains\/ alone/],
  [importing('src/emit/project.ts', 'handlebars'), /'handlebars' is imported in src\/emit\/render.ts alone/],
  [importing('src/calibration/executor.ts', '@tensorflow/tfjs-core'), /is imported in src\/tensor\/ alone/],
  [importing('src/emit/project.ts', '../../sim/index.js', 'sim/index.ts'), /emit must not import the simulator/],
  [importing('src/graph/verify.ts', '../../sim/scalar/requantize.js', 'sim/scalar/requantize.ts'), /graph must not import sim\/scalar/],
  [importing('src/emit/index.ts', '../../test/support/bench.js', 'test/support/bench.ts'), /src imports nothing from test/],
];

for (const [source, message] of wrong) {
  test(`${source.path} importing ${source.imports[0]!.from}`, async () => {
    const { checkImports } = await load('imports');
    const problems = checkImports!([source]);
    assert.is(problems.length, 1);
    assert.match(problems[0]!, message);
    assert.match(problems[0]!, `${source.path}:3: `);
  });
}

test('types may be imported where code may not', async () => {
  const { checkImports } = await load('imports');
  assert.equal(checkImports!([importing('sim/simulate.ts', '../src/graph/integer.js', 'src/graph/integer.ts', true), importing('src/emit/x.ts', 'execa', null, true)]), []);
});

test('stages that import each other in a circle', async () => {
  const { checkImports } = await load('imports');
  const problems = checkImports!([importing('src/emit/a.ts', '../schedule/index.js', 'src/schedule/index.ts'), importing('src/schedule/b.ts', '../emit/index.js', 'src/emit/index.ts')]);
  assert.match(problems.join(), /circle: emit → schedule → emit/);
});

test('a suite that is never run', async () => {
  const { checkSuites } = await load('files');
  const text = (end: string) => `const test = suite${'('}'x'); test('a', () => {});${end}`;
  assert.match(checkSuites!([{ path: 'test/x.test.ts', text: text(''), imports: [] }]).join(), /never run: test\.run\(\) is missing/);
  assert.equal(checkSuites!([{ path: 'test/x.test.ts', text: text(' test.run();'), imports: [] }]), []);
});

test('an operator without its neighbours', async () => {
  const { checkNeighbours } = await load('neighbours');
  const text = "export const x = defineOperator({\n  name: 'no-such',\n  integer: {\n";
  const problems = checkNeighbours!([{ path: 'src/operators/no-such.ts', text, imports: [] }], packageRoot()).join('\n');
  for (const part of ['src/operators/index.ts', 'test/operators/no-such.test.ts', 'sim/kernels/no-such.ts', 'templates/c/no-such.hbs']) assert.match(problems, part);
});

test('the project passes', async () => {
  const [sources, imports, neighbours, files] = await Promise.all(['sources', 'imports', 'neighbours', 'files'].map(load));
  const all = sources!.readSources(packageRoot());
  const checks = [imports!.checkImports, neighbours!.checkNeighbours, neighbours!.checkTemplates, neighbours!.checkTargetTable, files!.checkSuites];
  assert.equal(checks.flatMap((check) => check!(all, packageRoot())), []);
});

test.run();
