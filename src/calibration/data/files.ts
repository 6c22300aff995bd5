/** Paths that users give → arrays: .npy, .npz, a folder of .npy, a folder of images, .bin. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { CalibrationError } from '../../errors.js';
import { decodeImage, isImageName } from './images.js';
import { readNpy, type NamedArray } from './npy.js';

/** One argument of `--calib` and its kin, read. */
export type SourceArrays =
  /** A single array whose first axis is the samples. */
  | { readonly kind: 'array'; readonly array: NamedArray }
  /** Members of an .npz by name, or files of a folder by base name. */
  | { readonly kind: 'named'; readonly source: string; readonly arrays: ReadonlyMap<string, NamedArray> }
  /** Images [height, width, channels], sorted by file name. */
  | { readonly kind: 'images'; readonly source: string; readonly images: readonly NamedArray[] }
  /** Codes exactly as the firmware's input wants them. */
  | { readonly kind: 'codes'; readonly source: string; readonly bytes: Uint8Array };

/** Collects a digest over everything read. */
export class DataReader {
  private readonly hash = createHash('sha256');

  async read(path: string): Promise<SourceArrays> {
    const info = await stat(path).catch((cause: unknown) => {
      throw new CalibrationError(`cannot read ${path}`, { cause, hint: 'give an .npy or .npz file, a folder of .npy files, or a folder of PNG or JPEG images' });
    });
    return info.isDirectory() ? this.readFolder(path) : this.readArrayFile(path);
  }

  /** Mixes a word into the digest (options that change the data). */
  note(text: string): void {
    this.hash.update(text);
  }

  digest(): string {
    return this.hash.copy().digest('hex');
  }

  private async bytesOf(path: string): Promise<Uint8Array> {
    const bytes = await readFile(path);
    this.hash.update(bytes);
    return bytes;
  }

  private async readArrayFile(path: string): Promise<SourceArrays> {
    const extension = extname(path).toLowerCase();
    const bytes = await this.bytesOf(path);
    if (extension === '.npy') return { kind: 'array', array: readNpy(bytes, path) };
    if (extension === '.npz') return { kind: 'named', source: path, arrays: readNpz(bytes, path) };
    if (extension === '.bin') return { kind: 'codes', source: path, bytes };
    if (isImageName(path)) return { kind: 'images', source: path, images: [decodeImage(bytes, path)] };
    throw new CalibrationError(`${path}: files ending in '${extension}' are not read`, { hint: 'give .npy, .npz, .bin, .png or .jpg, or a folder of .npy files or images' });
  }

  private async readFolder(path: string): Promise<SourceArrays> {
    const names = (await readdir(path)).sort();
    const images = names.filter(isImageName);
    const arrays = names.filter((name) => extname(name).toLowerCase() === '.npy');
    if (images.length > 0 && arrays.length > 0) throw new CalibrationError(`${path} mixes images and .npy files`, { hint: 'keep one kind of file in the folder' });
    if (images.length > 0) {
      const decoded: NamedArray[] = [];
      for (const name of images) decoded.push(decodeImage(await this.bytesOf(join(path, name)), join(path, name)));
      return { kind: 'images', source: path, images: decoded };
    }
    if (arrays.length === 0) throw new CalibrationError(`${path} is empty: it holds no .npy file and no PNG or JPEG image`);
    const named = new Map<string, NamedArray>();
    for (const name of arrays) named.set(basename(name, extname(name)), readNpy(await this.bytesOf(join(path, name)), join(path, name)));
    return { kind: 'named', source: path, arrays: named };
  }
}

function readNpz(bytes: Uint8Array, path: string): ReadonlyMap<string, NamedArray> {
  let members: Record<string, Uint8Array>;
  try {
    members = unzipSync(bytes);
  } catch (cause) {
    throw new CalibrationError(`${path} is not a readable .npz archive`, { cause });
  }
  const arrays = Object.entries(members).filter(([name]) => name.endsWith('.npy'));
  if (arrays.length === 0) throw new CalibrationError(`${path} holds no array`);
  return new Map(arrays.map(([name, data]) => [name.slice(0, -4), readNpy(data, `${path}:${name}`)]));
}
