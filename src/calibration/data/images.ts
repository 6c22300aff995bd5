/** PNG and JPEG files → uint8 arrays [height, width, channels]: 3 channels, or 1 for grey PNG files. */
import { decode as decodeJpeg } from 'jpeg-js';
import { PNG } from 'pngjs';
import { CalibrationError } from '../../errors.js';
import type { NamedArray } from './npy.js';

const IMAGE_NAME = /\.(png|jpe?g)$/i;
/** PNG colour types without colour (0 grey, 4 grey with alpha). */
const GREY_TYPES = [0, 4];

export function isImageName(name: string): boolean {
  return IMAGE_NAME.test(name);
}

/** Alpha is dropped. Throws CalibrationError naming `source` for a damaged file. */
export function decodeImage(bytes: Uint8Array, source: string): NamedArray {
  try {
    return /\.png$/i.test(source) ? decodePng(bytes, source) : decodeJpg(bytes, source);
  } catch (cause) {
    if (cause instanceof CalibrationError) throw cause;
    throw new CalibrationError(`${source} cannot be decoded: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function decodePng(bytes: Uint8Array, source: string): NamedArray {
  const png = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const colorType = (png as unknown as { colorType: number }).colorType;
  return pixels(png.data, png.width, png.height, GREY_TYPES.includes(colorType) ? 1 : 3, source);
}

function decodeJpg(bytes: Uint8Array, source: string): NamedArray {
  const { data, width, height } = decodeJpeg(bytes, { useTArray: true, formatAsRGBA: true, maxMemoryUsageInMB: 1024 });
  return pixels(data, width, height, 3, source);
}

function pixels(rgba: Uint8Array, width: number, height: number, channels: 1 | 3, source: string): NamedArray {
  const data = new Uint8Array(width * height * channels);
  for (let pixel = 0, to = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < channels; channel++) data[to++] = rgba[pixel * 4 + channel]!;
  }
  return { source, shape: [height, width, channels], data };
}
