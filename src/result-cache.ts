/** Results that take long, kept beside the projects: a JSON file of digests and values. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeFileWhole } from './files.js';

export class ResultCache {
  private constructor(
    private readonly path: string,
    private readonly values: Record<string, unknown>,
  ) {}

  /** A file that is missing or damaged counts as empty. */
  static async open(path: string): Promise<ResultCache> {
    const text = await readFile(path, 'utf8').catch(() => '{}');
    try {
      return new ResultCache(path, JSON.parse(text) as Record<string, unknown>);
    } catch {
      return new ResultCache(path, {});
    }
  }

  /** `key`: everything that the value depends on. */
  async get<T>(key: readonly string[], compute: () => Promise<T>): Promise<T> {
    const digest = createHash('sha256').update(key.join('\0')).digest('hex');
    const known = this.values[digest] as T | undefined;
    if (known !== undefined) return known;
    const value = await compute();
    this.values[digest] = value;
    await writeFileWhole(this.path, `${JSON.stringify(this.values)}\n`);
    return value;
  }
}
