/** The JSON of Keras models → layers and who feeds whom. Reads Keras 2 and 3 and TensorFlow.js's own form. */
import type { JsonObject } from '../json.js';

/** Output `index` of the layer's call number `call`. */
export interface LayerOutput {
  readonly layer: string;
  readonly call: number;
  readonly index: number;
}

export interface Layer {
  readonly name: string;
  readonly type: string;
  readonly config: JsonObject;
  /** One entry for every time the layer is applied: where its inputs come from. */
  readonly calls: readonly (readonly LayerOutput[])[];
  /** What references call `calls[0]`: 1 for a model, whose call 0 is its own definition. */
  readonly firstCall: number;
  /** Set where the layer is itself a model. */
  readonly model: LayerGraph | null;
}

export interface ModelInput {
  readonly name: string;
  /** Batch axis included; what is open is −1. */
  readonly shape: readonly number[];
  readonly type: string;
}

export interface LayerGraph {
  readonly inputs: readonly ModelInput[];
  readonly layers: readonly Layer[];
  readonly outputs: readonly LayerOutput[];
}

const MODELS = new Set(['Sequential', 'Model', 'Functional']);

/** `model` holds class_name and config. */
export function layersOf(model: JsonObject): LayerGraph {
  return model.text('class_name') === 'Sequential' ? sequential(model) : functional(model.object('config'));
}

/** Every layer feeds the next. The first one states the input's shape, unless it is a model, which knows its own. */
function sequential(model: JsonObject): LayerGraph {
  const entries = Array.isArray(model.raw('config')) ? model.objects('config') : model.object('config').objects('layers');
  const layers = entries.map((entry) => ({ name: nameOf(entry), type: entry.text('class_name'), entry }));
  const stated = layers[0]?.type === 'InputLayer' ? layers.shift()! : undefined;
  const first = layers[0] ?? model.fail('config', 'at least one layer');
  const input = stated ? inputOf(stated.entry) : MODELS.has(first.type) ? layersOf(first.entry).inputs[0]! : inputOf(first.entry);
  const name = stated ? stated.name : `${first.name}_input`;
  let previous: LayerOutput = { layer: name, call: 0, index: 0 };
  const chained = layers.map(({ name: own, type, entry }): Layer => {
    const layer = { name: own, type, config: configOf(entry), calls: [[previous]], ...inner(entry) };
    previous = { layer: own, call: layer.firstCall, index: 0 };
    return layer;
  });
  return { inputs: [{ ...input, name }], layers: chained, outputs: [previous] };
}

function functional(config: JsonObject): LayerGraph {
  const entries = config.objects('layers');
  const byName = new Map(entries.map((entry) => [nameOf(entry), entry]));
  const inputs = outputsOf(config, 'input_layers').map((o): ModelInput => inputOf(byName.get(o.layer) ?? config.fail('input_layers', 'names of layers')));
  const layers = entries
    .filter((entry) => entry.text('class_name') !== 'InputLayer')
    .map((entry): Layer => {
      const type = entry.text('class_name');
      return { name: nameOf(entry), type, config: configOf(entry), calls: callsOf(entry), ...inner(entry) };
    });
  return { inputs, layers, outputs: outputsOf(config, 'output_layers') };
}

function inner(entry: JsonObject): Pick<Layer, 'model' | 'firstCall'> {
  const isModel = MODELS.has(entry.text('class_name'));
  return { model: isModel ? layersOf(entry) : null, firstCall: isModel ? 1 : 0 };
}

/** The layer's config; a nested model in the old form has a list there, which no importer reads. */
function configOf(entry: JsonObject): JsonObject {
  return Array.isArray(entry.raw('config')) ? entry : entry.object('config');
}

function nameOf(entry: JsonObject): string {
  return entry.has('name') ? entry.text('name') : configOf(entry).text('name', entry.text('class_name').toLowerCase());
}

function inputOf(entry: JsonObject): ModelInput {
  const config = entry.object('config');
  const key = config.has('batch_shape') ? 'batch_shape' : 'batch_input_shape';
  const shape = config.list(key).map((d) => (d === null ? -1 : typeof d === 'number' ? d : config.fail(key, 'lengths of axes')));
  if (shape.length === 0) config.fail(key, 'the shape of the input');
  return { name: nameOf(entry), shape, type: typeof config.raw('dtype') === 'string' ? config.text('dtype') : 'float32' };
}

/** `[name, call, index]`, or a list of those. */
function outputsOf(config: JsonObject, key: string): LayerOutput[] {
  const list = config.list(key);
  const several = list.length > 0 && Array.isArray(list[0]) ? list : [list];
  return several.map((entry) => outputOf(entry) ?? config.fail(key, 'entries [layer, call, output]'));
}

function outputOf(entry: unknown): LayerOutput | null {
  if (!Array.isArray(entry)) return null;
  const [layer, call, index] = entry as unknown[];
  return typeof layer === 'string' && typeof call === 'number' && typeof index === 'number' ? { layer, call, index } : null;
}

/** Keras 2: a list of [layer, call, output, arguments] a call. Keras 3: the same inside `args[…].config.keras_history`. */
function callsOf(entry: JsonObject): readonly (readonly LayerOutput[])[] {
  return entry.list('inbound_nodes').map((call) => {
    const found = histories(call);
    return found.length > 0 ? found : entry.fail('inbound_nodes', 'references to layers');
  });
}

function histories(value: unknown): LayerOutput[] {
  const own = outputOf(value);
  if (own) return [own];
  if (Array.isArray(value)) return value.flatMap(histories);
  if (value === null || typeof value !== 'object') return [];
  const fields = value as { readonly [key: string]: unknown };
  if ('keras_history' in fields) return histories(fields['keras_history']);
  return histories(fields['args'] ?? fields['config'] ?? []);
}
