/** Constants of a CUDA project: one block of device memory, filled from the arrays of <model>_weights.c when a model is created. */
import type { Codes } from '../graph/integer.js';
import type { ConstantArray, ConstantPool } from './constants.js';

/** Vector loads start where this divides the address. */
const ALIGNMENT = 16;

const MOST_BYTES_AS_TEXT = 2 ** 22;

export interface DeviceConstant {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

export class DeviceConstants {
  private readonly placed = new Map<string, DeviceConstant>();
  private end = 0;

  constructor(
    private readonly pool: ConstantPool,
    private readonly model: string,
  ) {}

  /** Byte offset of an array with exactly these data. */
  add(stem: string, data: Codes, user: string): number {
    const name = this.pool.add(stem, data, { alignment: ALIGNMENT, user, inFlash: false });
    let found = this.placed.get(name);
    if (!found) {
      found = { name, offset: this.end, bytes: data.byteLength };
      this.placed.set(name, found);
      this.end = Math.ceil((this.end + data.byteLength) / ALIGNMENT) * ALIGNMENT;
    }
    return found.offset;
  }

  /** What `create` uploads: every array, or all of them in one piece. */
  list(): readonly DeviceConstant[] {
    return this.isBinary() ? [{ name: `${this.model}_constants`, offset: 0, bytes: this.end }] : [...this.placed.values()];
  }

  /** As numbers in C, bytes of this count take compilers minutes and gigabytes: measured 1.7 s and 100 MB for a million. */
  isBinary(): boolean {
    return this.end > MOST_BYTES_AS_TEXT;
  }

  /** The block as it lies in device memory. */
  image(): Uint8Array {
    const image = new Uint8Array(this.end);
    for (const { name, offset } of this.placed.values()) {
      const { buffer, byteOffset, byteLength } = this.pool.dataOf(name);
      image.set(new Uint8Array(buffer, byteOffset, byteLength), offset);
    }
    return image;
  }

  /** The whole block as one array of C. */
  asOneArray(): readonly ConstantArray[] {
    return [{ name: `${this.model}_constants`, type: 'uint8_t', qualifier: '', length: this.end, bytes: this.end, alignment: ALIGNMENT, values: '', comment: 'all constants' }];
  }

  bytes(): number {
    return this.end;
  }
}
