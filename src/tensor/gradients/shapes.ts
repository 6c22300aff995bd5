/** Gradients of kernels that move, repeat or reduce elements. */
import * as tf from '@tensorflow/tfjs-core';

export function registerShapeGradients(): void {
  registerMoves();
  registerReductions();
  registerPools();
}

function registerMoves(): void {
  for (const [kernelName, input] of [['Reshape', 'x'], ['ExpandDims', 'input']] as const) {
    tf.registerGradient({ kernelName, inputsToSave: [input], gradFunc: (dy, [x]) => ({ [input]: () => tf.reshape(dy as tf.Tensor, x!.shape) }) });
  }
  tf.registerGradient({ kernelName: 'Transpose', gradFunc: (dy, _saved, { perm }) => ({ x: () => tf.transpose(dy as tf.Tensor, inverse(perm as unknown as number[])) }) });
  tf.registerGradient({ kernelName: 'Reverse', gradFunc: (dy, _saved, { dims }) => ({ x: () => tf.reverse(dy as tf.Tensor, dims as unknown as number[]) }) });
  tf.registerGradient({
    kernelName: 'PadV2',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { paddings }) => ({ x: () => tf.slice(dy as tf.Tensor, (paddings as unknown as [number, number][]).map((p) => p[0]), x!.shape) }),
  });
  tf.registerGradient({
    kernelName: 'Slice',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { begin, size }) => ({ x: () => paddedBack(dy as tf.Tensor, x!, begin, size) }),
  });
  tf.registerGradient({
    kernelName: 'Concat',
    saveAllInputs: true,
    gradFunc: (dy, saved, { axis }) => {
      const along = tf.util.parseAxisParam(axis as number, saved[0]!.shape)[0]!;
      const parts = tf.split(dy as tf.Tensor, saved.map((part) => part.shape[along]!), along);
      return Object.fromEntries(parts.map((part, i) => [i, () => part]));
    },
  });
  tf.registerGradient({ kernelName: 'SplitV', gradFunc: (dy, _saved, { axis }) => ({ x: () => tf.concat(dy as tf.Tensor[], axis as number) }) });
  tf.registerGradient({ kernelName: 'AddN', saveAllInputs: true, gradFunc: (dy, saved) => Object.fromEntries(saved.map((_, i) => [i, () => tf.clone(dy as tf.Tensor)])) });
  tf.registerGradient({ kernelName: 'Tile', inputsToSave: ['x'], gradFunc: (dy, [x], { reps }) => ({ x: () => untiled(dy as tf.Tensor, x!.shape, reps as unknown as number[]) }) });
}

function inverse(permutation: readonly number[]): number[] {
  const order = permutation.map(() => 0);
  permutation.forEach((from, to) => {
    order[from] = to;
  });
  return order;
}

function paddedBack(dy: tf.Tensor, x: tf.Tensor, begin: unknown, size: unknown): tf.Tensor {
  const [from, lengths] = tf.slice_util.parseSliceParams(x, begin as number[], size as number[]);
  return tf.pad(dy, x.shape.map((whole, axis) => [from![axis]!, whole - from![axis]! - lengths![axis]!] as [number, number]));
}

/** Copies lie side by side along each axis. */
function untiled(dy: tf.Tensor, shape: readonly number[], reps: readonly number[]): tf.Tensor {
  const apart = tf.reshape(dy, shape.flatMap((size, axis) => [reps[axis]!, size]));
  return tf.reshape(tf.sum(apart, shape.map((_, axis) => 2 * axis)), [...shape]);
}

function registerReductions(): void {
  for (const kernelName of ['Sum', 'Mean'] as const) {
    tf.registerGradient({
      kernelName,
      inputsToSave: ['x'],
      gradFunc: (dy, [x], { axis }) => ({
        x: () => {
          const { kept, count } = reduced(x!.shape, axis);
          const spread = tf.mul(tf.reshape(dy as tf.Tensor, kept), tf.ones(x!.shape));
          return kernelName === 'Sum' ? spread : tf.div(spread, count);
        },
      }),
    });
  }
  tf.registerGradient({
    kernelName: 'Max',
    inputsToSave: ['x'],
    outputsToSave: [true],
    gradFunc: (dy, [x, y], { reductionIndices, axis }) => ({
      x: () => {
        const { kept } = reduced(x!.shape, reductionIndices ?? axis);
        return tf.mul(tf.reshape(dy as tf.Tensor, kept), tf.cast(tf.equal(x!, tf.reshape(y!, kept)), 'float32'));
      },
    }),
  });
}

/** The shape with reduced axes of length 1, and how many elements were reduced to one. */
function reduced(shape: readonly number[], axis: unknown): { readonly kept: number[]; readonly count: number } {
  const axes = new Set(tf.util.parseAxisParam((axis ?? shape.map((_, i) => i)) as number[], [...shape]));
  const kept = shape.map((size, i) => (axes.has(i) ? 1 : size));
  return { kept, count: shape.reduce((product, size, i) => product * (axes.has(i) ? size : 1), 1) };
}

function registerPools(): void {
  tf.registerGradient({
    kernelName: 'AvgPool',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { filterSize, strides, pad }) => ({ x: () => run('AvgPoolGrad', { dy: dy as tf.Tensor, input: x! }, { filterSize: filterSize!, strides: strides!, pad: pad! }) }),
  });
  tf.registerGradient({
    kernelName: 'MaxPool',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { filterSize, strides, pad }) => ({ x: () => maxPoolGradient(dy as tf.Tensor4D, x as tf.Tensor4D, tf.backend_util.computePool2DInfo(x!.shape as [number, number, number, number], filterSize as number, strides as number, 1, pad as number)) }),
  });
}

type PoolInfo = ReturnType<typeof tf.backend_util.computePool2DInfo>;

/** The package's own kernel gives some windows' gradient to the wrong element: each goes to the first largest one here. */
function maxPoolGradient(dy: tf.Tensor4D, x: tf.Tensor4D, info: PoolInfo): tf.Tensor4D {
  const values = x.dataSync();
  const upstream = dy.dataSync();
  const gradient = new Float32Array(values.length);
  const { batchSize, outHeight, outWidth, inChannels } = info;
  let out = 0;
  for (let n = 0; n < batchSize; n++) {
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        for (let c = 0; c < inChannels; c++) gradient[largestOf(values, info, n, row, column, c)]! += upstream[out++]!;
      }
    }
  }
  return tf.tensor4d(gradient, x.shape);
}

function largestOf(values: ArrayLike<number>, info: PoolInfo, n: number, row: number, column: number, channel: number): number {
  const { inHeight, inWidth, inChannels, strideHeight, strideWidth, filterHeight, filterWidth, padInfo } = info;
  let best = -1;
  for (let i = 0; i < filterHeight; i++) {
    const y = row * strideHeight + i - padInfo.top;
    for (let j = 0; j < filterWidth && y >= 0 && y < inHeight; j++) {
      const x = column * strideWidth + j - padInfo.left;
      if (x < 0 || x >= inWidth) continue;
      const at = ((n * inHeight + y) * inWidth + x) * inChannels + channel;
      if (best < 0 || values[at]! > values[best]!) best = at;
    }
  }
  return best;
}

function run(kernelName: string, inputs: tf.NamedTensorMap, attributes: tf.NamedAttrMap): tf.Tensor {
  return tf.engine().runKernel(kernelName, inputs, attributes) as tf.Tensor;
}
