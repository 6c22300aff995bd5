/** Constant data of all steps, equal data once: the arrays of <model>_weights.c. */
import { createHash } from 'node:crypto';
import type { Codes } from '../graph/integer.js';
import { cTypeOfCodes } from '../operators/views.js';
import { arrayLines } from './c-text.js';
import { commentText, identifierPart, type UniqueNames } from './names.js';

export interface ConstantArray {
  readonly name: string;
  readonly type: string;
  /** In front of the type; empty where constants are like any other data. */
  readonly qualifier: string;
  readonly length: number;
  readonly bytes: number;
  /** 0 where the natural alignment of the type will do. */
  readonly alignment: number;
  /** Values as lines of C. */
  readonly values: string;
  /** Whose it is, in the user's words. */
  readonly comment: string;
}

export class ConstantPool {
  private readonly arrays = new Map<string, { name: string; data: Codes; alignment: number; inFlash: boolean; users: string[] }>();

  constructor(
    private readonly model: string,
    private readonly names: UniqueNames,
  ) {}

  /** Name of an array with exactly these data; `stem` names it where it is new, `user` is mentioned in its comment; `inFlash`: qualified as such. */
  add(stem: string, data: Codes, { alignment, user, inFlash }: { readonly alignment: number; readonly user: string; readonly inFlash: boolean }): string {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key = `${inFlash} ${cTypeOfCodes(data)} ${createHash('sha256').update(bytes).digest('hex')}`;
    let found = this.arrays.get(key);
    if (!found) {
      found = { name: this.names.claim(`${this.model}_${identifierPart(stem)}`), data, alignment: 0, inFlash, users: [] };
      this.arrays.set(key, found);
    }
    found.alignment = Math.max(found.alignment, alignment);
    if (!found.users.includes(user)) found.users.push(user);
    return found.name;
  }

  /** Data of an array that `add` has named. */
  dataOf(name: string): Codes {
    return [...this.arrays.values()].find((array) => array.name === name)!.data;
  }

  list(): readonly ConstantArray[] {
    return [...this.arrays.values()].map(({ name, data, alignment, inFlash, users }) => ({
      name,
      type: cTypeOfCodes(data),
      qualifier: inFlash ? 'PTQ_FLASH ' : '',
      length: data.length,
      bytes: data.byteLength,
      alignment: alignment > data.BYTES_PER_ELEMENT ? alignment : 0,
      values: arrayLines(data),
      comment: commentText(users.join(', ')),
    }));
  }

  bytes(): number {
    return [...this.arrays.values()].reduce((sum, a) => sum + a.data.byteLength, 0);
  }
}
