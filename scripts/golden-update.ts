/** Writes the committed, reviewed projects again: `npm run golden:update`. A test compares them byte by byte. */
import { goldenProjects } from '../test/support/golden-projects.js';
import { silentProgress } from '../src/progress.js';
import { runRoad } from '../src/pipeline.js';

for (const options of goldenProjects()) {
  for (const { directory } of await runRoad(options, silentProgress)) console.log(directory);
}
