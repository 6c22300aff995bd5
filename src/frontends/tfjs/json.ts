/** Checked access to the JSON of a TensorFlow.js model: what is missing or of another type is named by its path. */
import { ModelFormatError } from '../../errors.js';

export class JsonObject {
  private constructor(
    private readonly fields: { readonly [key: string]: unknown },
    private readonly file: string,
    private readonly path: string,
  ) {}

  static of(value: unknown, file: string, path: string): JsonObject {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new ModelFormatError(`${file}: ${path || 'the file'} is no JSON object`);
    return new JsonObject(value as { readonly [key: string]: unknown }, file, path);
  }

  fail(key: string, expected: string): never {
    throw new ModelFormatError(`${this.file}: ${this.at(key)} is ${JSON.stringify(this.fields[key])?.slice(0, 60) ?? 'missing'}, expected ${expected}`);
  }

  has(key: string): boolean {
    return this.fields[key] !== undefined && this.fields[key] !== null;
  }

  raw(key: string): unknown {
    return this.fields[key];
  }

  object(key: string): JsonObject {
    return this.has(key) ? JsonObject.of(this.fields[key], this.file, this.at(key)) : this.fail(key, 'an object');
  }

  /** Objects of an array; an absent one is empty. */
  objects(key: string): JsonObject[] {
    return this.list(key).map((value, i) => JsonObject.of(value, this.file, `${this.at(key)}[${i}]`));
  }

  list(key: string): readonly unknown[] {
    const value = this.fields[key] ?? [];
    return Array.isArray(value) ? value : this.fail(key, 'a list');
  }

  keys(): string[] {
    return Object.keys(this.fields);
  }

  text(key: string, absent?: string): string {
    const value = this.fields[key] ?? absent;
    return typeof value === 'string' ? value : this.fail(key, 'a text');
  }

  number(key: string, absent?: number): number {
    const value = this.fields[key] ?? absent;
    return typeof value === 'number' ? value : this.fail(key, 'a number');
  }

  bool(key: string, absent?: boolean): boolean {
    const value = this.fields[key] ?? absent;
    return typeof value === 'boolean' ? value : this.fail(key, 'true or false');
  }

  integers(key: string, absent?: readonly number[]): readonly number[] {
    const value = this.fields[key] ?? absent;
    return Array.isArray(value) && value.every(Number.isInteger) ? value : this.fail(key, 'a list of integers');
  }

  /** `n` integers, or one that stands for all of them. */
  repeated(key: string, n: number, absent?: number): readonly number[] {
    const value = this.fields[key] ?? absent;
    if (typeof value === 'number') return Array<number>(n).fill(value);
    const list = this.integers(key);
    return list.length === n ? list : list.length === 1 ? Array<number>(n).fill(list[0]!) : this.fail(key, `${n} integers`);
  }

  private at(key: string): string {
    return this.path ? `${this.path}.${key}` : key;
  }
}
