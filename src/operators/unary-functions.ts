/** The functions of the unary operator: once on tensors (float evaluation), once on doubles (the table of the integer side). */
import { tf } from '../tensor/index.js';

export const unaryFunctions = [
  'sigmoid', 'tanh', 'gelu', 'gelu-tanh', 'silu', 'erf', 'sqrt', 'square', 'abs', 'exp', 'log', 'neg', 'reciprocal',
  'leaky-relu', 'hard-sigmoid', 'hard-swish', 'elu', 'softplus',
] as const;
export type UnaryFunction = (typeof unaryFunctions)[number];

const geluTanhFactor = Math.sqrt(2 / Math.PI);

/** alpha: slope of leaky-relu and hard-sigmoid, scale of elu; beta: offset of hard-sigmoid. */
export function unaryTensor(name: UnaryFunction, x: tf.Tensor, alpha: number, beta: number): tf.Tensor {
  switch (name) {
    case 'sigmoid': return tf.sigmoid(x);
    case 'tanh': return tf.tanh(x);
    case 'gelu': return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
    case 'gelu-tanh': {
      const inner = tf.mul(tf.mul(x, geluTanhFactor), tf.add(tf.mul(tf.square(x), 0.044715), 1));
      return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
    }
    case 'silu': return tf.mul(x, tf.sigmoid(x));
    case 'erf': return tf.erf(x);
    case 'sqrt': return tf.sqrt(x);
    case 'square': return tf.square(x);
    case 'abs': return tf.abs(x);
    case 'exp': return tf.exp(x);
    case 'log': return tf.log(x);
    case 'neg': return tf.neg(x);
    case 'reciprocal': return tf.div(1, x);
    case 'leaky-relu': return tf.leakyRelu(x, alpha);
    case 'hard-sigmoid': return tf.clipByValue(tf.add(tf.mul(x, alpha), beta), 0, 1);
    case 'hard-swish': return tf.mul(x, tf.clipByValue(tf.add(tf.mul(x, 1 / 6), 0.5), 0, 1));
    case 'elu': return tf.add(tf.relu(x), tf.mul(tf.sub(tf.exp(tf.minimum(x, 0)), 1), alpha));
    // max(x, 0) + log(1 + e^−|x|): neither end overflows
    case 'softplus': return tf.add(tf.relu(x), tf.log(tf.add(tf.exp(tf.neg(tf.abs(x))), 1)));
  }
}

/** The same in double precision. Outside a function's domain the result may be NaN or infinite. */
export function unaryScalar(name: UnaryFunction, x: number, alpha: number, beta: number): number {
  switch (name) {
    case 'sigmoid': return sigmoid(x);
    case 'tanh': return Math.tanh(x);
    case 'gelu': return 0.5 * x * (1 + erf(x * Math.SQRT1_2));
    case 'gelu-tanh': return 0.5 * x * (1 + Math.tanh(geluTanhFactor * x * (1 + 0.044715 * x * x)));
    case 'silu': return x * sigmoid(x);
    case 'erf': return erf(x);
    case 'sqrt': return Math.sqrt(x);
    case 'square': return x * x;
    case 'abs': return Math.abs(x);
    case 'exp': return Math.exp(x);
    case 'log': return Math.log(x);
    case 'neg': return -x;
    case 'reciprocal': return 1 / x;
    case 'leaky-relu': return x < 0 ? alpha * x : x;
    case 'hard-sigmoid': return Math.min(1, Math.max(0, alpha * x + beta));
    case 'hard-swish': return x * Math.min(1, Math.max(0, x / 6 + 0.5));
    case 'elu': return x < 0 ? alpha * Math.expm1(x) : x;
    case 'softplus': return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** 2/√π · e^−x² · Σ 2ⁿ x^(2n+1) / (2n+1)!!: all terms positive, so nothing cancels. Beyond |x| = 6 it is ±1 in a double. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
