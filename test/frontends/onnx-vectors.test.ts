/** ONNX's own operator vectors come out as docs/onnx-operators.md says, and none imports with another result. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { caseCount, onnxOperatorsPage, runVectorSets } from '../../scripts/onnx-vectors.js';
import { leftOut, repositoryRoot } from '../support/bench.js';
import { vectorsPresent } from './onnx-vectors.js';

const vectors = suite('ONNX operator vectors');

if (vectorsPresent()) {
  const sets = await runVectorSets();

  vectors('no case imports with another result', () => {
    assert.equal(sets.flatMap(({ results }) => results.filter((r) => r.outcome === 'differs').map((r) => r.name)), []);
  });

  const page = onnxOperatorsPage(sets);
  const committed = readFileSync(join(repositoryRoot(), 'docs/onnx-operators.md'), 'utf8');
  // Another release of the package has other cases, about which the committed page says nothing.
  const sameRelease = sets.every((set) => committed.includes(caseCount(set)));
  if (sameRelease) {
    vectors('docs/onnx-operators.md says how the cases come out', () => {
      assert.is(page, committed, 'run `npx tsx scripts/onnx-vectors.ts` and review what changed');
    });
  } else {
    leftOut(1, 'page of the ONNX operator vectors (libonnx-testdata is of another release)');
  }
} else {
  leftOut(2, 'ONNX operator vectors (the package libonnx-testdata is absent)');
}
vectors.run();
