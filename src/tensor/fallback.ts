/**
 * Kernels that one backend lacks, borrowed from another: inputs are copied over, the result is copied back.
 * The WebAssembly backend 4.22 lacks Einsum, UnsortedSegmentSum (the gradient of gather), three convolution gradients and
 * the complex and ragged kernels; without this a call of one would throw "Kernel … not registered".
 */
import * as tf from '@tensorflow/tfjs-core';

/** What both backends offer beyond the interface of tfjs-core. */
interface StoringBackend {
  readSync(dataId: object): tf.TypedArray;
  write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object;
  disposeData(dataId: object, force?: boolean): boolean;
}

/** Registers for `backend` every kernel that only `donor` has; returns their names. */
export function registerFallbackKernels(backend: string, donor: string): readonly string[] {
  const own = new Set(tf.getKernelsForBackend(backend).map((kernel) => kernel.kernelName));
  const missing = tf.getKernelsForBackend(donor).filter((kernel) => !own.has(kernel.kernelName));
  for (const kernel of missing) {
    tf.registerKernel({ kernelName: kernel.kernelName, backendName: backend, kernelFunc: borrowed(kernel, donor) });
  }
  return missing.map((kernel) => kernel.kernelName);
}

function borrowed(kernel: tf.KernelConfig, donor: string): tf.KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const from = backend as StoringBackend;
    const to = tf.engine().findBackend(donor) as unknown as StoringBackend;
    const copies: tf.TensorInfo[] = [];
    const copyOf = (info: tf.TensorInfo): tf.TensorInfo => {
      const copy = copyTensor(info, from, to);
      copies.push(copy);
      return copy;
    };
    const copied = copyInputs(inputs, copyOf);
    const result = kernel.kernelFunc({ inputs: copied, backend: to, ...(attrs && { attrs }) });
    const returned = mapEach(result, (info) => copyTensor(info, to, from));
    for (const info of [...copies, ...[result].flat()]) to.disposeData(info.dataId, true);
    return returned;
  };
}

/** Some kernels take a map of named tensors, some (Einsum) a bare array. */
function copyInputs(inputs: tf.NamedTensorInfoMap, copyOf: (info: tf.TensorInfo) => tf.TensorInfo): tf.NamedTensorInfoMap {
  const copied: Record<string, tf.TensorInfo | tf.TensorInfo[]> = Array.isArray(inputs) ? ([] as never) : {};
  for (const [name, value] of Object.entries(inputs)) if (value) copied[name] = mapEach(value, copyOf);
  return copied as tf.NamedTensorInfoMap;
}

function copyTensor(info: tf.TensorInfo, from: StoringBackend, to: StoringBackend): tf.TensorInfo {
  const dataId = to.write(from.readSync(info.dataId).slice(), info.shape, info.dtype);
  return { dataId, shape: info.shape, dtype: info.dtype };
}

function mapEach<A, B>(value: A | A[], change: (one: A) => B): B | B[] {
  return Array.isArray(value) ? value.map(change) : change(value);
}
