/** Several files (or a file of bare codes) → one array with a leading axis of samples. */
import { CalibrationError } from '../../errors.js';
import { elementCount, type SourceQuantization } from '../../graph/float.js';
import type { RawArray } from '../types.js';
import type { SourceArrays } from './files.js';
import { layoutOf, type SamplePort } from './layout.js';
import type { NamedArray } from './npy.js';

/** All images of one size; a grey image for a colour input is repeated, a colour image that is grey throughout may feed a grey input. */
export function stackImages(images: readonly NamedArray[], port: SamplePort): NamedArray {
  const sample = port.sourceShape.filter((_, axis) => axis !== port.batchAxis);
  const channels = elementCount(sample) / (images[0]!.shape[0]! * images[0]!.shape[1]!);
  const fitted = images.map((image) => withChannels(image, channels));
  const odd = fitted.find((image) => image.shape.join() !== fitted[0]!.shape.join());
  if (odd) throw new CalibrationError(`${odd.source} is ${sizeText(odd)}, but ${fitted[0]!.source} is ${sizeText(fitted[0]!)}`, { hint: 'all images must have the size of the model\'s input; nothing is resized' });
  if (elementCount(fitted[0]!.shape) !== elementCount(sample)) {
    throw new CalibrationError(`${fitted[0]!.source} is ${sizeText(fitted[0]!)} (height x width x channels), but input '${port.name}' wants [${sample.join(', ')}]`, {
      hint: 'resize the images beforehand; nothing is resized here',
    });
  }
  return concatenate(fitted.map((image) => ({ ...image, shape: [1, ...image.shape] })));
}

/** Files of a folder (each a sample or a batch), or codes without a header. */
export function stackSamples(arrays: Exclude<SourceArrays, { kind: 'array' | 'images' }>, port: SamplePort): NamedArray {
  if (arrays.kind === 'codes') return codesArray(arrays.bytes, arrays.source, port);
  const batches = [...arrays.arrays.values()].map((array) => {
    const { count, dataShape } = layoutOf(array, port, null);
    return { ...array, shape: [count, ...dataShape] };
  });
  const odd = batches.find((batch) => batch.data.constructor !== batches[0]!.data.constructor);
  if (odd) throw new CalibrationError(`${odd.source} has another element type than ${batches[0]!.source}`);
  return concatenate(batches);
}

function withChannels(image: NamedArray, channels: number): NamedArray {
  const [height, width, own] = image.shape as [number, number, number];
  if (own === 1 && channels === 3) {
    const data = new Uint8Array(image.data.length * 3);
    for (let i = 0; i < data.length; i++) data[i] = Number(image.data[Math.floor(i / 3)]);
    return { ...image, shape: [height, width, 3], data };
  }
  if (own !== 3 || channels !== 1) return image;
  const grey = new Uint8Array(height * width);
  for (let pixel = 0; pixel < grey.length; pixel++) {
    const [red, green, blue] = [0, 1, 2].map((c) => Number(image.data[pixel * 3 + c])) as [number, number, number];
    if (red !== green || green !== blue) throw new CalibrationError(`${image.source} has colours, but the input has one channel`, { hint: 'convert the images to grey beforehand' });
    grey[pixel] = red;
  }
  return { ...image, shape: [height, width, 1], data: grey };
}

function sizeText(image: NamedArray): string {
  return image.shape.join('x');
}

function concatenate(batches: readonly NamedArray[]): NamedArray {
  const first = batches[0]!;
  const count = batches.reduce((sum, batch) => sum + batch.shape[0]!, 0);
  const shape = [count, ...first.shape.slice(1)];
  const data = new (first.data.constructor as new (length: number) => RawArray)(elementCount(shape));
  let offset = 0;
  for (const batch of batches) {
    data.set(batch.data as never, offset);
    offset += batch.data.length;
  }
  return { source: first.source, shape, data };
}

function codesArray(bytes: Uint8Array, source: string, port: SamplePort): NamedArray {
  const sample = port.sourceShape.filter((_, axis) => axis !== port.batchAxis);
  const make = port.type === 'float32' ? codeType(port.quantization) : (buffer: ArrayBuffer) => new Int32Array(buffer);
  if (!make) throw new CalibrationError(`${source} holds codes, but input '${port.name}' is not quantized`, { hint: 'give real values as .npy' });
  const width = make(new ArrayBuffer(0)).BYTES_PER_ELEMENT;
  const count = bytes.length / (elementCount(sample) * width);
  if (!Number.isInteger(count)) throw new CalibrationError(`${source} has ${bytes.length} bytes, not a multiple of the ${elementCount(sample) * width} bytes of one sample [${sample.join(', ')}]`);
  return { source, shape: [count, ...sample], data: make(new Uint8Array(bytes).buffer) };
}

function codeType(quantization: SourceQuantization | null): ((buffer: ArrayBuffer) => Int8Array | Uint8Array | Int16Array) | null {
  if (!quantization) return null;
  if (quantization.bits > 8) return (buffer) => new Int16Array(buffer);
  return quantization.signed ? (buffer) => new Int8Array(buffer) : (buffer) => new Uint8Array(buffer);
}
