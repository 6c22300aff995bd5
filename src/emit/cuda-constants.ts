/** Constants of a CUDA project: one block of device memory, filled from the arrays of <model>_weights.c when a model is created. */
import type { Codes } from '../graph/integer.js';
import type { ConstantPool } from './constants.js';

/** Vector loads start where this divides the address. */
const ALIGNMENT = 16;

export interface DeviceConstant {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

export class DeviceConstants {
  private readonly placed = new Map<string, DeviceConstant>();
  private end = 0;

  constructor(private readonly pool: ConstantPool) {}

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

  list(): readonly DeviceConstant[] {
    return [...this.placed.values()];
  }

  bytes(): number {
    return this.end;
  }
}
