/** LayersModel: Keras layers, sequential, functional or nested, as nodes of a float graph. */
import { ModelFormatError, type Origin } from '../../../errors.js';
import type { TensorId } from '../../../graph/float.js';
import type { ConstantArray } from '../../constant-array.js';
import type { ImportContext } from '../../import-context.js';
import type { JsonObject } from '../json.js';
import { activationLayers } from './activations.js';
import { LayerCall, type LayerImporter } from './call.js';
import { layersOf, type Layer, type LayerGraph } from './topology.js';
import { linearLayers } from './linear.js';
import { shapeLayers } from './shape.js';

const importers: Readonly<Record<string, LayerImporter>> = { ...linearLayers, ...activationLayers, ...shapeLayers };

/** Nearest supported forms of layers that are not imported. */
const NEAREST: Readonly<Record<string, string>> = {
  PReLU: 'LeakyReLU',
  ThresholdedReLU: 'ReLU',
  DepthwiseConv1D: 'DepthwiseConv2D on a Reshape',
  SeparableConv1D: 'SeparableConv2D on a Reshape',
  Conv1DTranspose: 'Conv2DTranspose on a Reshape',
  UpSampling1D: 'UpSampling2D on a Reshape',
  Resizing: 'UpSampling2D',
};

/** Null = the value of a layer that cannot be imported. */
type Value = TensorId | null;

/** Names of the layers that are imported. */
export function kerasLayers(): readonly string[] {
  return Object.keys(importers);
}

/** Adds the model's nodes, inputs and outputs to `context`. */
export function importLayersModel(context: ImportContext, topology: JsonObject, weights: ReadonlyMap<string, ConstantArray>): void {
  const model = layersOf(topology.has('model_config') ? topology.object('model_config') : topology);
  const walk = new Walk(context, weights, '');
  const inputs = model.inputs.map((input) => {
    const shape = input.shape.map((d, axis) => (axis === 0 ? 1 : d));
    if (shape.some((d) => d < 1)) throw new ModelFormatError(`${context.origin('', '').file}: input '${input.name}' has the shape [${input.shape.join(', ')}]`, { hint: 'all axes but the batch must have a fixed length' });
    return context.input(input.name, shape, input.type === 'int32' ? 'int32' : 'float32', { batchAxis: 0 }).tensor;
  });
  const outputs = walk.run(model, inputs);
  outputs.forEach((tensor, i) => {
    const name = model.outputs[i]!.layer;
    const port = model.outputs.findIndex((o) => o.layer === name) === i ? name : `${name}_${i}`;
    if (tensor !== null) context.output(port, context.activation(port, tensor, 0));
  });
}

class Walk {
  constructor(
    private readonly context: ImportContext,
    private readonly weights: ReadonlyMap<string, ConstantArray>,
    /** Names of the models around this one, each followed by a slash. */
    private readonly prefix: string,
  ) {}

  /** Outputs of a model for the given inputs. */
  run(model: LayerGraph, inputs: readonly Value[]): readonly Value[] {
    const values = new Map<string, Value>();
    const open = new Set<string>();
    model.inputs.forEach((input, i) => values.set(`${input.name}/0/0`, inputs[i] ?? null));
    const layers = new Map(model.layers.map((l) => [l.name, l]));
    const valueOf = (layerName: string, call: number, index: number): Value => {
      const key = `${layerName}/${call}/${index}`;
      if (values.has(key)) return values.get(key)!;
      const layer = layers.get(layerName);
      const sources = layer?.calls[call - layer.firstCall];
      if (!layer || !sources || open.has(key)) {
        const problem = open.has(key) ? 'is part of a cycle' : 'is used, but not defined';
        throw new ModelFormatError(`${this.context.origin('', '').file}: layer '${this.prefix}${layerName}' ${problem}`);
      }
      open.add(key);
      const results = this.layer(layer, sources.map((s) => valueOf(s.layer, s.call, s.index)));
      open.delete(key);
      results.forEach((tensor, i) => values.set(`${layerName}/${call}/${i}`, tensor));
      return values.get(key) ?? null;
    };
    return model.outputs.map((o) => valueOf(o.layer, o.call, o.index));
  }

  private layer(layer: Layer, inputs: readonly Value[]): readonly Value[] {
    const origin = this.context.origin(`${this.prefix}${layer.name}`, layer.type);
    if (layer.model) return new Walk(this.context, this.weights, `${this.prefix}${layer.name}/`).run(layer.model, inputs);
    if (inputs.includes(null)) return [null];
    const importer = importers[layer.type];
    if (!importer) {
      this.context.report(origin, 'this layer is not imported', NEAREST[layer.type] ?? 'the layers listed in docs/tensorflow-operators.md');
      return [null];
    }
    return [this.attempt(importer, origin, layer, inputs as readonly TensorId[])];
  }

  private attempt(importer: LayerImporter, origin: Origin, layer: Layer, inputs: readonly TensorId[]): Value {
    let result: Value = null;
    this.context.attempt(origin, () => {
      result = importer(new LayerCall(this.context, origin, layer.config, inputs, (name) => this.weight(layer.name, name)));
    });
    return result;
  }

  /** `layer/weight`, or with scopes of the training program in front or between. */
  private weight(layer: string, name: string): ConstantArray | undefined {
    const exact = this.weights.get(`${layer}/${name}`) ?? this.weights.get(`${this.prefix}${layer}/${name}`);
    if (exact) return exact;
    const matches = [...this.weights.keys()].filter((key) => {
      const parts = key.split('/');
      return parts.at(-1) === name && parts.slice(0, -1).includes(layer);
    });
    return matches.length === 1 ? this.weights.get(matches[0]!) : undefined;
  }
}
