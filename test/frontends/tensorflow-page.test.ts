/** docs/tensorflow-operators.md lists exactly what is imported. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tfliteOperators } from '../../src/frontends/tflite/index.js';
import { graphOperators } from '../../src/frontends/tfjs/graph/model.js';
import { kerasLayers } from '../../src/frontends/tfjs/layers/model.js';
import { repositoryRoot } from '../support/bench.js';

const test = suite('page of TensorFlow operators');
const page = readFileSync(join(repositoryRoot(), 'docs/tensorflow-operators.md'), 'utf8');

for (const [title, names] of [['TensorFlow Lite', tfliteOperators()], ['TensorFlow.js LayersModel', kerasLayers()], ['TensorFlow.js GraphModel', graphOperators()]] as const) {
  test(title, () => {
    const section = page.split(`\n## ${title}\n`)[1]!.split('\n## ')[0]!;
    const listed = [...section.matchAll(/^\| (\w+) \|/gm)].map((m) => m[1]!).filter((name) => name !== 'operator' && name !== 'layer');
    assert.equal(listed.sort(), [...names].sort());
  });
}

test.run();
