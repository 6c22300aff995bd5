/** Gradients of functions of single elements, with broadcasting, and of softmax. */
import * as tf from '@tensorflow/tfjs-core';
import { summedTo } from './broadcast.js';

type Backward = (dy: tf.Tensor, saved: tf.Tensor[], attributes: tf.NamedAttrMap) => Record<string, () => tf.Tensor>;

function register(kernelName: string, saves: { readonly inputs?: string[]; readonly output?: boolean }, backward: Backward): void {
  tf.registerGradient({
    kernelName,
    ...(saves.inputs && { inputsToSave: saves.inputs }),
    ...(saves.output && { outputsToSave: [true] }),
    gradFunc: (dy, saved, attributes) => backward(dy as tf.Tensor, saved, attributes),
  });
}

/** y = f(x) with f' from x. */
function fromInput(kernelName: string, derivative: (x: tf.Tensor) => tf.Tensor): void {
  register(kernelName, { inputs: ['x'] }, (dy, [x]) => ({ x: () => tf.mul(dy, derivative(x!)) }));
}

/** y = f(x) with f' from y. */
function fromOutput(kernelName: string, derivative: (y: tf.Tensor) => tf.Tensor): void {
  register(kernelName, { output: true }, (dy, [y]) => ({ x: () => tf.mul(dy, derivative(y!)) }));
}

/** Two operands that may be broadcast; `ofA` and `ofB` are the partial derivatives times dy. */
function binary(kernelName: string, ofA: (dy: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => tf.Tensor, ofB: typeof ofA): void {
  register(kernelName, { inputs: ['a', 'b'] }, (dy, [a, b]) => ({
    a: () => summedTo(ofA(dy, a!, b!), a!.shape),
    b: () => summedTo(ofB(dy, a!, b!), b!.shape),
  }));
}

function where(condition: tf.Tensor): tf.Tensor {
  return tf.cast(condition, 'float32');
}

export function registerElementwiseGradients(): void {
  registerBinary();
  registerUnary();
  register('ClipByValue', { inputs: ['x'] }, (dy, [x], { clipValueMin, clipValueMax }) => ({
    x: () => tf.mul(dy, where(tf.logicalAnd(tf.greaterEqual(x!, clipValueMin as number), tf.lessEqual(x!, clipValueMax as number)))),
  }));
  register('Softmax', { output: true }, (dy, [y], { dim }) => ({
    logits: () => {
      const weighted = tf.mul(dy, y!);
      return tf.sub(weighted, tf.mul(tf.sum(weighted, [dim as number], true), y!));
    },
  }));
  register('Identity', {}, (dy) => ({ x: () => tf.cast(dy, 'float32') }));
  register('Cast', {}, (dy) => ({ x: () => tf.clone(dy) }));
}

function registerBinary(): void {
  const same = (dy: tf.Tensor): tf.Tensor => dy;
  binary('Add', same, same);
  binary('Sub', same, (dy) => tf.neg(dy));
  binary('Multiply', (dy, _a, b) => tf.mul(dy, b), (dy, a) => tf.mul(dy, a));
  binary('RealDiv', (dy, _a, b) => tf.div(dy, b), (dy, a, b) => tf.neg(tf.div(tf.mul(dy, a), tf.square(b))));
  binary('Maximum', (dy, a, b) => tf.mul(dy, where(tf.greaterEqual(a, b))), (dy, a, b) => tf.mul(dy, where(tf.less(a, b))));
  binary('Minimum', (dy, a, b) => tf.mul(dy, where(tf.lessEqual(a, b))), (dy, a, b) => tf.mul(dy, where(tf.greater(a, b))));
  binary('SquaredDifference', (dy, a, b) => tf.mul(dy, tf.mul(2, tf.sub(a, b))), (dy, a, b) => tf.mul(dy, tf.mul(2, tf.sub(b, a))));
  binary('Pow', (dy, a, b) => tf.mul(dy, tf.mul(b, tf.pow(a, tf.sub(b, 1)))), (dy, a, b) => tf.mul(dy, tf.mul(tf.pow(a, b), tf.log(tf.maximum(a, 1e-30)))));
}

function registerUnary(): void {
  fromInput('Relu', (x) => tf.step(x));
  fromInput('Abs', (x) => tf.sign(x));
  fromInput('Square', (x) => tf.mul(2, x));
  fromInput('Log', (x) => tf.reciprocal(x));
  fromInput('Neg', (x) => tf.fill(x.shape, -1));
  fromInput('Erf', (x) => tf.mul(2 / Math.sqrt(Math.PI), tf.exp(tf.neg(tf.square(x)))));
  fromInput('Rsqrt', (x) => tf.div(-0.5, tf.pow(x, 1.5)));
  fromInput('Reciprocal', (x) => tf.div(-1, tf.square(x)));
  fromInput('Relu6', (x) => tf.mul(tf.step(x), where(tf.lessEqual(x, 6))));
  fromInput('Softplus', (x) => tf.sigmoid(x));
  fromOutput('Exp', (y) => y);
  fromOutput('Sigmoid', (y) => tf.mul(y, tf.sub(1, y)));
  fromOutput('Tanh', (y) => tf.sub(1, tf.square(y)));
  fromOutput('Sqrt', (y) => tf.div(0.5, y));
}
