/** The generated projects that are committed: what npm run golden:update writes and test/golden-projects.test.ts compares. */
import { join } from 'node:path';
import { resolveOptions, sampleConfig, type RoadOptions } from '../../src/options.js';
import { repositoryRoot } from './bench.js';

export function goldenProjects(root = join(repositoryRoot(), 'firmware-samples')): readonly RoadOptions[] {
  return [resolveOptions({ target: 'cortex-m7', vectors: 8, build: false, run: false, out: join(root, 'shapes-cortex-m7') }, sampleConfig())];
}
