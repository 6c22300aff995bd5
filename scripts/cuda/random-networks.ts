/** Networks of the sizes that GPUs are measured with, weights random: the layers and shapes are those of the papers. */
import { RandomNetwork } from './random-network.js';

export interface ImageNetwork {
  readonly onnx: Uint8Array;
  /** Of one sample: [1, channels, height, width]. */
  readonly input: readonly number[];
}

const CLASSES = 1000;

/** ResNet-50 (stride in the 3x3 convolution, batch normalization folded) for square images of `size` pixels, a multiple of 32. */
export function resNet50(size = 224): ImageNetwork {
  const network = new RandomNetwork();
  const relu = (x: string): string => network.add('Relu', [x]);
  let x = relu(network.conv('input', [3, 64, 7, 2], 2));
  x = network.add('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  let channels = 64;
  const bottleneck = (input: string, width: number, stride: number): string => {
    const narrow = relu(network.conv(input, [channels, width, 1, 1], 2));
    const middle = relu(network.conv(narrow, [width, width, 3, stride], 2));
    const wide = network.conv(middle, [width, 4 * width, 1, 1], 0.5);
    const shortcut = channels === 4 * width ? input : network.conv(input, [channels, 4 * width, 1, stride], 1);
    channels = 4 * width;
    return relu(network.add('Add', [wide, shortcut]));
  };
  for (const [stage, blocks] of [3, 4, 6, 3].entries()) {
    for (let block = 0; block < blocks; block++) x = bottleneck(x, 64 << stage, block === 0 && stage > 0 ? 2 : 1);
  }
  x = network.add('Flatten', [network.add('GlobalAveragePool', [x])], { axis: 1 });
  const output = network.dense(x, channels, CLASSES);
  return { onnx: network.onnx([1, 3, size, size], { name: output, shape: [1, CLASSES] }), input: [1, 3, size, size] };
}

const DEIT = { patch: 16, depth: 384, heads: 6, blocks: 12 };

/** DeiT-S without distillation token, for square images of `size` pixels, a multiple of 16: 197 tokens at 224. */
export function deitSmall(size = 224, blocks = DEIT.blocks): ImageNetwork {
  const { patch, depth } = DEIT;
  const network = new RandomNetwork();
  const patches = (size / patch) ** 2;
  const embedded = network.conv('input', [3, depth, patch, patch], 1, 0);
  const rows = network.add('Transpose', [network.add('Reshape', [embedded, network.integers([1, depth, patches])])], { perm: [0, 2, 1] });
  const withClass = network.add('Concat', [network.weights([1, 1, depth], 0.5), rows], { axis: 1 });
  let x = network.add('Add', [withClass, network.weights([1, patches + 1, depth], 0.5)]);
  for (let block = 0; block < blocks; block++) {
    x = network.add('Add', [x, attention(network, norm(network, x), patches + 1)]);
    const wide = gelu(network, network.dense(norm(network, x), depth, 4 * depth));
    x = network.add('Add', [x, network.dense(wide, 4 * depth, depth)]);
  }
  const first = network.add('Slice', [norm(network, x), ...[0, 1, 1].map((value) => network.integers([value]))]);
  const output = network.dense(network.add('Reshape', [first, network.integers([1, depth])]), depth, CLASSES);
  return { onnx: network.onnx([1, 3, size, size], { name: output, shape: [1, CLASSES] }), input: [1, 3, size, size] };
}

function norm(network: RandomNetwork, x: string): string {
  return network.add('LayerNormalization', [x, network.weights([DEIT.depth], 0.1, 1), network.weights([DEIT.depth], 0.1)], { axis: -1, epsilon: { float: 1e-6 } });
}

function gelu(network: RandomNetwork, x: string): string {
  const constant = (value: number): string => network.weights([1], 0, value);
  const erf = network.add('Erf', [network.add('Div', [x, constant(Math.SQRT2)])]);
  return network.add('Mul', [network.add('Mul', [x, network.add('Add', [erf, constant(1)])]), constant(0.5)]);
}

function attention(network: RandomNetwork, x: string, tokens: number): string {
  const { depth, heads } = DEIT;
  const split = (perm: readonly number[]): string => {
    const rows = network.add('Reshape', [network.dense(x, depth, depth), network.integers([1, tokens, heads, depth / heads])]);
    return network.add('Transpose', [rows], { perm });
  };
  const scores = network.add('MatMul', [split([0, 2, 1, 3]), split([0, 2, 3, 1])]);
  const scaled = network.add('Mul', [scores, network.weights([1], 0, 1 / Math.sqrt(depth / heads))]);
  const means = network.add('MatMul', [network.add('Softmax', [scaled], { axis: -1 }), split([0, 2, 1, 3])]);
  const joined = network.add('Reshape', [network.add('Transpose', [means], { perm: [0, 2, 1, 3] }), network.integers([1, tokens, depth])]);
  return network.dense(joined, depth, depth);
}

/** One product of matrices: `rows` x `depth` codes by `columns` x `depth` weights, requantized to 8 bits. */
export function product(rows: number, depth: number, columns: number): ImageNetwork {
  const network = new RandomNetwork();
  const output = network.dense('input', depth, columns);
  return { onnx: network.onnx([1, rows, depth], { name: output, shape: [1, rows, columns] }), input: [1, rows, depth] };
}
