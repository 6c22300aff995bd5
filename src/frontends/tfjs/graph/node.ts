/** Nodes of a GraphModel and their attributes, which are a protocol buffer written as JSON. */
import { ModelFormatError } from '../../../errors.js';
import type { JsonObject } from '../json.js';

/** Output `index` of a node. */
export interface NodeOutput {
  readonly node: string;
  readonly index: number;
}

export class GraphNode {
  readonly name: string;
  readonly op: string;
  /** Data inputs; control inputs (`^name`) decide nothing here. */
  readonly inputs: readonly NodeOutput[];
  private readonly attributes: JsonObject | null;

  constructor(
    json: JsonObject,
    private readonly file: string,
  ) {
    this.name = json.text('name');
    this.op = json.text('op');
    this.inputs = json
      .list('input')
      .map((input) => (typeof input === 'string' ? input : json.fail('input', 'names of nodes')))
      .filter((input) => !input.startsWith('^'))
      .map(parseOutput);
    this.attributes = json.has('attr') ? json.object('attr') : null;
  }

  fail(attribute: string, expected: string): never {
    throw new ModelFormatError(`${this.file}: ${this.op} '${this.name}': attribute '${attribute}' is not ${expected}`);
  }

  private entry(name: string): JsonObject | null {
    return this.attributes?.has(name) ? this.attributes.object(name) : null;
  }

  /** Integers are texts in protocol-buffer JSON. */
  int(name: string, absent: number): number {
    const value = this.entry(name)?.raw('i') ?? absent;
    return this.integer(name, value);
  }

  float(name: string, absent: number): number {
    const value = Number(this.entry(name)?.raw('f') ?? absent);
    return Number.isNaN(value) ? this.fail(name, 'a number') : value;
  }

  bool(name: string): boolean {
    return this.entry(name)?.raw('b') === true;
  }

  /** Texts are base64. */
  text(name: string, absent: string): string {
    const value = this.entry(name)?.raw('s');
    return value === undefined || value === null ? absent : decode(value);
  }

  type(name: string): string {
    const value = this.entry(name)?.raw('type') ?? 'DT_FLOAT';
    return typeof value === 'string' ? value : this.fail(name, 'a type');
  }

  ints(name: string): readonly number[] {
    return this.listOf(name, 'i').map((value) => this.integer(name, value));
  }

  texts(name: string): readonly string[] {
    return this.listOf(name, 's').map(decode);
  }

  /** Lengths of axes, −1 = open; null where nothing is said. */
  shape(name: string): readonly number[] | null {
    const entry = this.entry(name);
    if (!entry?.has('shape')) return null;
    return entry.object('shape').objects('dim').map((d) => this.integer(name, d.raw('size') ?? 0));
  }

  private listOf(name: string, kind: 'i' | 's'): readonly unknown[] {
    const entry = this.entry(name);
    return entry?.has('list') ? entry.object('list').list(kind) : [];
  }

  private integer(name: string, value: unknown): number {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : this.fail(name, 'an integer');
  }
}

/** `name` or `name:index`. */
export function parseOutput(reference: string): NodeOutput {
  const colon = reference.lastIndexOf(':');
  const index = colon < 0 ? NaN : Number(reference.slice(colon + 1));
  return Number.isInteger(index) ? { node: reference.slice(0, colon), index } : { node: reference, index: 0 };
}

function decode(value: unknown): string {
  return Buffer.from(String(value), 'base64').toString('utf8');
}
