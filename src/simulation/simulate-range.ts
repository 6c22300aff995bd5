/** One thread's share of a batch. */
import { createSimulator } from '../../sim/index.js';
import type { WorkerJob } from './evaluate.js';

/** Fills samples [first, last) of the outputs. */
export function simulateRange({ graph, inputs, outputs, first, last }: WorkerJob): void {
  const simulator = createSimulator(graph);
  const sizes = graph.inputs.map((port) => graph.tensors.get(port.tensor)!.shape.reduce((n, d) => n * d, 1));
  for (let sample = first; sample < last; sample++) {
    const codes = simulator.run(inputs.map((array, i) => array.subarray(sample * sizes[i], (sample + 1) * sizes[i])));
    codes.forEach((output, i) => outputs[i].set(output, sample * output.length));
  }
}
