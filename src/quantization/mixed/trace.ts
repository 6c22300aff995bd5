/**
 * Average trace of a layer's Hessian by Hutchinson's estimate (HAWQ-V2, Dong et al., 2020, section 3.2): the mean of v'Hv over
 * random signs v. The loss is the distance from the float network, which is 0 with gradient 0 at the float weights; so v'Hv is
 * the second difference (L(w + ev) + L(w - ev)) / e^2 without a difference of nearly equal numbers, and no operator needs a
 * gradient.
 */
import { SeededRandom } from '../../tensor/random.js';

/** Step of every weight, as a fraction of the weights' root mean square. */
const STEP = 1e-3;

export interface TraceOptions {
  readonly probes: number;
  readonly seed: number;
}

/** `loss` takes the layer's weights. */
export async function averageTrace(weights: Float32Array, loss: (weights: Float32Array) => Promise<number>, { probes, seed }: TraceOptions): Promise<number> {
  const step = STEP * rootMeanSquare(weights);
  if (step === 0) return 0;
  const random = new SeededRandom(seed);
  let sum = 0;
  for (let probe = 0; probe < probes; probe++) {
    const signs = random.mask(weights.length, 0.5);
    const moved = (by: number) => weights.map((w, i) => w + (signs[i] ? by : -by));
    sum += ((await loss(moved(step))) + (await loss(moved(-step)))) / step ** 2;
  }
  return sum / probes / weights.length;
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / Math.max(1, values.length));
}
