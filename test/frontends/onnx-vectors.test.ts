/** ONNX's own operator vectors come out as docs/onnx-operators.md says, and none imports with another result. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { onnxOperatorsPage, runVectorSets } from '../../scripts/onnx-vectors.js';
import { leftOut, repositoryRoot } from '../support/bench.js';
import { vectorsPresent } from './onnx-vectors.js';

const vectors = suite('ONNX operator vectors');

if (vectorsPresent()) {
  vectors('no case imports with another result', async () => {
    const differing = (await runVectorSets()).flatMap(({ results }) => results.filter((r) => r.outcome === 'differs').map((r) => r.name));
    assert.equal(differing, []);
  });

  vectors('docs/onnx-operators.md says how the cases come out', async () => {
    const page = await onnxOperatorsPage();
    const committed = readFileSync(join(repositoryRoot(), 'docs/onnx-operators.md'), 'utf8');
    assert.is(page, committed, 'run `npx tsx scripts/onnx-vectors.ts` and review what changed');
  });
} else {
  leftOut(2, 'ONNX operator vectors (the package libonnx-testdata is absent)');
}
vectors.run();
