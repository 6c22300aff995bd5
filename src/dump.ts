/** `--dump`: every stage as text, numbered in order, so that two runs can be diffed. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export class Dump {
  private count = 0;

  /** `directory` null: dumps nothing. */
  constructor(private readonly directory: string | null) {}

  async stage(name: string, text: () => string): Promise<void> {
    if (this.directory === null) return;
    await mkdir(this.directory, { recursive: true });
    const file = `${String(this.count++).padStart(2, '0')}-${name}.txt`;
    await writeFile(join(this.directory, file), `${text()}\n`);
  }
}
