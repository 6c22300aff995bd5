/**
 * npm run new-op NAME: the skeleton of an operator in all its places. What it writes works from the start (an operator
 * that copies codes, float side to firmware), so that every edit can be checked. See docs/add-an-operator.md.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../src/package-root.js';

function definition(name: string, identifier: string): string {
  return `/** What ${name} computes, in one line. */
import { elementCount } from '../graph/float.js';
import { defineOperator } from './definition.js';
import { commonType, expectInputs, sampled } from './float-tensors.js';
import { expectCopy, expectShape, nodeTensors } from './integer-checks.js';
import { cType, typeName } from './views.js';

export const ${identifier} = defineOperator({
  name: '${name}',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      return [inputs[0]!.shape];
    },
    outputType: (_node, inputs) => commonType(inputs),
    evaluate: (_node, context) => [sampled(context, 0).clone()],
    scaleRule: () => ({ kind: 'same', inputs: [0] }),
    lower(node, context) {
      const input = context.integer(node.inputs[0]!).id;
      context.emit({ op: '${name}', inputs: [input], outputs: [context.output(node.outputs[0]!).id], attributes: {}, from: node });
    },
  },
  integer: {
    verify(node, graph) {
      const { inputs, output } = nodeTensors(node, graph, 1);
      expectShape(node, output, inputs[0]!.shape);
      expectCopy(node, inputs[0]!, output);
    },
    kernels: [
      {
        family: 'portable',
        when: () => true,
        instantiate({ graph, group: [node] }) {
          const { inputs, output } = nodeTensors(node!, graph, 1);
          return {
            family: 'portable',
            template: '${name}',
            stem: \`${name.replaceAll('-', '_')}_\${typeName(output.type)}\`,
            view: { type: cType(output.type), count: elementCount(output.shape) },
            arguments: [{ kind: 'input', tensor: inputs[0]!.id }, { kind: 'output', tensor: output.id }],
            scratchBytes: 0,
            scalars: [],
            inPlace: [0],
          };
        },
      },
    ],
  },
});
`;
}

function simulatorKernel(name: string, identifier: string): string {
  return `/** ${name}: codes of the input, copied. */
import type { SimKernel } from '../kernel.js';

export const ${identifier}: SimKernel = () => ([input], [output]) => {
  output!.set(input!);
};
`;
}

function template(name: string): string {
  return `/* ${name}: one line on what it does. */
static PTQ_NOINLINE void {{name}}(const {{type}} *input, {{type}} *output) {
  for (int32_t i = 0; i < {{count}}; i++) {
    output[i] = input[i];
  }
}
`;
}

function test(name: string): string {
  return `import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { HandGraph, seededCodes } from '../support/hand-graph.js';

const test = suite('operators/${name}');

const graph = new HandGraph().activation('x', [3, 5, 7]).activation('y', [3, 5, 7]).node('${name}', ['x'], ['y']).build(['x'], ['y']);
const input = seededCodes(new Int8Array(105), -128, 127);

test('the simulator computes what the definition says', () => {
  const [output] = createSimulator(graph).run([input]);
  assert.equal([...output!], [...input]);
});

test('the firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator([{ name: '${name}', graph, inputs: [[input]] }]);
});

test.run();
`;
}

/** Inserts \`line\` into a file before the first line that matches. */
function insertBefore(path: string, marker: RegExp, line: string): void {
  const lines = readFileSync(path, 'utf8').split('\n');
  const at = lines.findIndex((text) => marker.test(text));
  if (at < 0) throw new Error(`${path}: no line matches ${marker.source}`);
  lines.splice(at, 0, line);
  writeFileSync(path, lines.join('\n'));
}

function addToList(path: string, importLine: string, entry: string): void {
  insertBefore(path, /^\];|^\};/, entry);
  insertBefore(path, /^$/, importLine);
}

const name = process.argv[2] ?? '';
const root = packageRoot();
if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
  console.error('usage: npm run new-op NAME   (kebab-case: row-sum)');
  process.exit(2);
}
const identifier = name.replace(/-([a-z0-9])/g, (_, c: string) => c.toUpperCase());
const files: readonly (readonly [string, string])[] = [
  [`src/operators/${name}.ts`, definition(name, identifier)],
  [`sim/kernels/${name}.ts`, simulatorKernel(name, identifier)],
  [`templates/c/${name}.hbs`, template(name)],
  [`test/operators/${name}.test.ts`, test(name)],
];
const taken = files.map(([path]) => path).filter((path) => existsSync(join(root, path)));
if (taken.length > 0) {
  console.error(`already there: ${taken.join(', ')}`);
  process.exit(2);
}
for (const [path, text] of files) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
addToList(join(root, 'src/operators/index.ts'), `import { ${identifier} } from './${name}.js';`, `  ${identifier},`);
addToList(join(root, 'sim/kernels/index.ts'), `import { ${identifier} } from './${name}.js';`, name === identifier ? `  ${name},` : `  '${name}': ${identifier},`);
console.log(`${files.map(([path]) => `wrote ${path}`).join('\n')}\nadded to src/operators/index.ts and sim/kernels/index.ts`);
console.log(`next: docs/operators.md, then node --import tsx test/operators/${name}.test.ts`);
