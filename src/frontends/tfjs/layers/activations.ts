/** Activations, as layers and as a layer's `activation` field. */
import type { TensorId } from '../../../graph/float.js';
import { unsupported } from '../../import-context.js';
import type { LayerCall, LayerImporter } from './call.js';

const UNARY: Readonly<Record<string, string>> = {
  sigmoid: 'sigmoid', tanh: 'tanh', swish: 'silu', silu: 'silu', gelu: 'gelu', gelu_new: 'gelu-tanh', softplus: 'softplus', exponential: 'exp', hard_swish: 'hard-swish', hard_silu: 'hard-swish',
};

/** Emits the layer's `activation` behind `tensor`. */
export function withActivation(layer: LayerCall, tensor: TensorId): TensorId {
  const stated = layer.config.raw('activation') ?? 'linear';
  if (typeof stated !== 'string') return unsupported(`activation ${JSON.stringify(stated).slice(0, 60)}`, 'an activation that is named');
  return activation(layer, tensor, stated.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`));
}

function activation(layer: LayerCall, tensor: TensorId, name: string): TensorId {
  const unary = UNARY[name];
  if (unary) return layer.emit('unary', [tensor], { function: unary, alpha: 0, beta: 0 });
  switch (name) {
    case 'linear':
      return tensor;
    case 'relu':
      return layer.emit('clamp', [tensor], { min: 0, max: Infinity });
    case 'relu6':
      return layer.emit('clamp', [tensor], { min: 0, max: 6 });
    case 'elu':
      return layer.emit('unary', [tensor], { function: 'elu', alpha: 1, beta: 0 });
    case 'hard_sigmoid':
      return layer.emit('unary', [tensor], { function: 'hard-sigmoid', alpha: 0.2, beta: 0.5 });
    case 'softmax':
      return layer.emit('softmax', [tensor], { axis: layer.shape(tensor).length - 1, beta: 1 });
    default:
      return unsupported(`activation '${name}'`, 'relu, relu6, elu, sigmoid, tanh, swish, gelu, softplus, hardSigmoid or softmax');
  }
}

/** max_value, negative_slope and threshold of the ReLU layer. */
const relu: LayerImporter = (layer) => {
  const max = layer.config.has('max_value') ? layer.config.number('max_value') : Infinity;
  const slope = layer.config.number('negative_slope', 0);
  if (layer.config.number('threshold', 0) !== 0) unsupported('a ReLU threshold other than 0', 'threshold 0');
  if (slope === 0) return layer.emit('clamp', [layer.x], { min: 0, max });
  const leaky = layer.emit('unary', [layer.x], { function: 'leaky-relu', alpha: slope, beta: 0 });
  return max === Infinity ? leaky : layer.emit('clamp', [leaky], { min: -Infinity, max });
};

const leakyRelu: LayerImporter = (layer) => {
  const alpha = layer.config.number('alpha', layer.config.number('negative_slope', 0.3));
  return layer.emit('unary', [layer.x], { function: 'leaky-relu', alpha, beta: 0 });
};

const softmax: LayerImporter = (layer) => {
  const axis = layer.axis(layer.config.number('axis', -1));
  return layer.emit('softmax', [layer.x], { axis, beta: 1 });
};

export const activationLayers: Readonly<Record<string, LayerImporter>> = {
  Activation: (layer) => withActivation(layer, layer.x),
  ReLU: relu,
  LeakyReLU: leakyRelu,
  ELU: (layer) => layer.emit('unary', [layer.x], { function: 'elu', alpha: layer.config.number('alpha', 1), beta: 0 }),
  Softmax: softmax,
};
