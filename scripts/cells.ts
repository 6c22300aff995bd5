/** Measured cells of a table, kept in build/NAME.json, so that an interrupted command goes on where it was. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

export class CellStore<Cell> {
  private readonly file: string;
  private cells: Record<string, Cell>;

  constructor(name: string) {
    this.file = resolve('build', `${name}.json`);
    this.cells = this.read();
  }

  get keys(): readonly string[] {
    return Object.keys(this.cells);
  }

  get(key: string): Cell | undefined {
    return this.cells[key];
  }

  /** Another process may have stored cells meanwhile: they stay. */
  save(key: string, cell: Cell): void {
    this.cells = { ...this.cells, ...this.read(), [key]: cell };
    mkdirSync(dirname(this.file), { recursive: true });
    writeFileSync(this.file, JSON.stringify(this.cells, null, 1));
  }

  private read(): Record<string, Cell> {
    return existsSync(this.file) ? (JSON.parse(readFileSync(this.file, 'utf8')) as Record<string, Cell>) : {};
  }
}
