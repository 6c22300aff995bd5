/**
 * npm run try -- [MODEL] --target T [options]: the road straight from the sources, every stage dumped to
 * build/<model>/NN-<stage>.txt, without a build step. Two runs can be compared with diff -r.
 */
import { main } from '../src/cli.js';

await main([...process.argv, ...(process.argv.includes('--dump') ? [] : ['--dump'])]);
