/** A simulator thread: its job comes as worker data, its results lie in shared memory. */
import { workerData } from 'node:worker_threads';
import type { WorkerJob } from './evaluate.js';
import { simulateRange } from './simulate-range.js';

simulateRange(workerData as WorkerJob);
