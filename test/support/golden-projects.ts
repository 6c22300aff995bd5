/** The generated projects that are committed: what npm run golden:update writes and test/golden-projects.test.ts compares. */
import { join } from 'node:path';
import { CONFIG_FILE, resolveOptions, type RoadOptions } from '../../src/options.js';
import { repositoryRoot } from './bench.js';

const SAMPLES = join(repositoryRoot(), 'firmware-samples');

/** Folders with a model, its data and a config file. */
export const sampleNames: readonly string[] = ['shapes', 'shapes-vit'];

export function sampleConfigOf(name: string): string {
  return join(SAMPLES, name, CONFIG_FILE);
}

export function goldenProjects(root = SAMPLES): readonly RoadOptions[] {
  return sampleNames.map((name) => resolveOptions({ target: 'cortex-m7', vectors: 8, build: false, run: false, out: join(root, `${name}-cortex-m7`) }, sampleConfigOf(name)));
}
