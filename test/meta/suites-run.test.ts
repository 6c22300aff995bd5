import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { repositoryRoot } from '../support/bench.js';

const test = suite('every suite runs');

test('a suite without .run() would pass silently', () => {
  const folder = join(repositoryRoot(), 'test');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.test.ts'));
  assert.ok(files.length > 0);
  for (const file of files) {
    const text = readFileSync(join(folder, file), 'utf8');
    const suites = [...text.matchAll(/const (\w+) = suite(<[^>]*>)?\(/g)].map((match) => match[1]);
    assert.ok(suites.length > 0, `${file} has no suite`);
    for (const name of suites) assert.ok(text.includes(`${name}.run();`), `${file}: suite '${name}' is never run`);
  }
});

test.run();
