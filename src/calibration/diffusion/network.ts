/** A noise-estimating network as a sampler calls it: an image input, a time input, the noise as output. */
import { CalibrationError } from '../../errors.js';
import { elementCount, tensorOf, type FloatGraph } from '../../graph/float.js';
import { samplePorts } from '../data/layout.js';
import { loadPortSamples } from '../data/samples.js';
import type { FloatExecutor, Samples } from '../executor.js';
import type { Diffusion } from './config.js';
import type { Denoiser } from './sampler.js';

/** Inputs for `count` images at the steps of each. */
export type DiffusionInputs = (images: Float32Array, steps: readonly number[]) => Samples;

export interface DiffusionNetwork {
  /** Elements of an image. */
  readonly imageElements: number;
  readonly inputs: DiffusionInputs;
}

/** Checks names and shapes, and reads the table of times. Throws CalibrationError. */
export async function diffusionNetwork(graph: FloatGraph, { image, time, timeTable, alphaBar }: Diffusion): Promise<DiffusionNetwork> {
  const ports = new Map(graph.inputs.map((port) => [port.name, port]));
  const names = [...ports.keys()].map((name) => `'${name}'`).join(', ');
  const hint = `the inputs of '${graph.name}' are ${names}`;
  for (const name of [image, time]) if (!ports.has(name)) throw new CalibrationError(`--diffusion: the model has no input '${name}'`, { hint });
  if (ports.size > 2 || image === time) throw new CalibrationError(`--diffusion: the sampler gives an image and a time, and '${graph.name}' takes ${ports.size} inputs`, { hint });
  const imageElements = elementsOf(graph, image);
  const output = graph.outputs[0]!;
  if (elementCount(tensorOf(graph, output.tensor).shape) !== imageElements) throw new CalibrationError(`--diffusion: the output '${output.name}' is not the noise of '${image}': its shape is another`);
  const rows = await timeRows(graph, time, timeTable, alphaBar.length);
  return { imageElements, inputs: (images, steps) => new Map([[image, images], [time, rows(steps)]]) };
}

function elementsOf(graph: FloatGraph, name: string): number {
  return elementCount(tensorOf(graph, graph.inputs.find((port) => port.name === name)!.tensor).shape);
}

/** The values of the time input at given steps. */
async function timeRows(graph: FloatGraph, name: string, timeTable: string | null, steps: number): Promise<(list: readonly number[]) => Float32Array | Int32Array> {
  const elements = elementsOf(graph, name);
  const port = samplePorts(graph).find((one) => one.name === name)!;
  if (timeTable === null) {
    if (elements > 1) throw new CalibrationError(`--diffusion: the input '${name}' takes ${elements} values a step, not the step itself`, { hint: 'give a "timeTable": an .npy with one row a step' });
    return (list) => (port.type === 'float32' ? Float32Array.from(list) : Int32Array.from(list));
  }
  const table = await loadPortSamples(`${name}=${timeTable}`, [port]);
  if (table.count !== steps) throw new CalibrationError(`--diffusion: ${timeTable} has ${table.count} rows for ${steps} steps`);
  const values = table.inputs.get(name)!;
  return (list) => {
    const rows = new (values.constructor as Float32ArrayConstructor)(list.length * elements);
    list.forEach((t, i) => rows.set(values.subarray(t * elements, (t + 1) * elements), i * elements));
    return rows;
  };
}

/** The float network in the sampler's loop. */
export function floatDenoiser(executor: FloatExecutor, { inputs }: DiffusionNetwork): Denoiser {
  const output = executor.graph.outputs[0]!.tensor;
  return async (images, t, count) => (await executor.run(inputs(images, new Array<number>(count).fill(t)), count)).get(output)!;
}
