/**
 * Bounds-checked access to flatbuffer tables. The runtime's ByteBuffer trusts its offsets; a model file comes from
 * anywhere, so every offset is checked against the file before it is followed.
 */
import { ByteBuffer } from 'flatbuffers';
import { ModelFormatError } from '../../errors.js';

/** A vector inside the file: position of its first element and its length. */
export interface Vector {
  readonly position: number;
  readonly length: number;
}

export class FlatFile {
  readonly bytes: Uint8Array;
  private readonly buffer: ByteBuffer;

  constructor(
    bytes: Uint8Array,
    readonly file: string,
  ) {
    this.bytes = bytes;
    this.buffer = new ByteBuffer(bytes);
  }

  fail(message: string): never {
    throw new ModelFormatError(`${this.file}: ${message}`, { hint: 'the file is damaged or was not copied completely' });
  }

  /** The root table, after the check of the file identifier. */
  root(identifier: string): Table {
    if (this.bytes.length < 8) this.fail(`${this.bytes.length} bytes are too few for a model`);
    if (this.buffer.getBufferIdentifier() !== identifier) {
      throw new ModelFormatError(`${this.file}: is no TensorFlow Lite model: '${identifier}' does not stand at byte 4`);
    }
    return this.table(this.uint32(0));
  }

  table(position: number): Table {
    this.need(position, 4, 'a table');
    const vtable = position - this.buffer.readInt32(position);
    this.need(vtable, 4, 'a field list');
    const length = this.buffer.readUint16(vtable);
    if (length < 4 || length % 2 !== 0) this.fail(`a field list at byte ${vtable} has ${length} bytes`);
    this.need(vtable, length, 'a field list');
    return new Table(this, position, vtable, length);
  }

  vector(position: number, elementBytes: number): Vector {
    this.need(position, 4, 'a vector');
    const length = this.buffer.readUint32(position);
    this.need(position + 4, length * elementBytes, `a vector of ${length} elements`);
    return { position: position + 4, length };
  }

  uint8(position: number): number {
    this.need(position, 1, 'a byte');
    return this.buffer.readUint8(position);
  }
  uint16(position: number): number {
    this.need(position, 2, 'an integer');
    return this.buffer.readUint16(position);
  }
  int8(position: number): number {
    this.need(position, 1, 'a byte');
    return this.buffer.readInt8(position);
  }
  int32(position: number): number {
    this.need(position, 4, 'an integer');
    return this.buffer.readInt32(position);
  }
  uint32(position: number): number {
    this.need(position, 4, 'an offset');
    return this.buffer.readUint32(position);
  }
  int64(position: number): number {
    this.need(position, 8, 'an integer');
    return Number(this.buffer.readInt64(position));
  }
  float32(position: number): number {
    this.need(position, 4, 'a number');
    return this.buffer.readFloat32(position);
  }

  need(position: number, length: number, what: string): void {
    if (position < 0 || position + length > this.bytes.length) this.fail(`${what} at byte ${position} needs ${length} bytes, the file ends at ${this.bytes.length}`);
  }
}

/** One table; fields by their number in the schema. An absent field gives its default. */
export class Table {
  constructor(
    private readonly flat: FlatFile,
    private readonly position: number,
    private readonly vtable: number,
    private readonly vtableLength: number,
  ) {}

  int8(field: number, absent = 0): number {
    const at = this.find(field);
    return at === 0 ? absent : this.flat.int8(at);
  }
  uint8(field: number, absent = 0): number {
    const at = this.find(field);
    return at === 0 ? absent : this.flat.uint8(at);
  }
  bool(field: number, absent = false): boolean {
    return this.uint8(field, absent ? 1 : 0) !== 0;
  }
  int32(field: number, absent = 0): number {
    const at = this.find(field);
    return at === 0 ? absent : this.flat.int32(at);
  }
  uint32(field: number, absent = 0): number {
    const at = this.find(field);
    return at === 0 ? absent : this.flat.uint32(at);
  }
  int64(field: number, absent = 0): number {
    const at = this.find(field);
    return at === 0 ? absent : this.flat.int64(at);
  }
  float32(field: number, absent = 0): number {
    const at = this.find(field);
    return at === 0 ? absent : this.flat.float32(at);
  }

  table(field: number): Table | null {
    const at = this.follow(field);
    return at === null ? null : this.flat.table(at);
  }

  text(field: number): string {
    const vector = this.vector(field, 1);
    return vector ? new TextDecoder().decode(this.flat.bytes.subarray(vector.position, vector.position + vector.length)) : '';
  }

  tables(field: number): Table[] {
    return this.list(field, 4, (at) => this.flat.table(at + this.flat.uint32(at)));
  }
  int32s(field: number): number[] {
    return this.list(field, 4, (at) => this.flat.int32(at));
  }
  int64s(field: number): number[] {
    return this.list(field, 8, (at) => this.flat.int64(at));
  }
  float32s(field: number): number[] {
    return this.list(field, 4, (at) => this.flat.float32(at));
  }

  /** Bytes of a [ubyte] field, null where it is absent. */
  bytes(field: number): Uint8Array | null {
    const vector = this.vector(field, 1);
    return vector && this.flat.bytes.subarray(vector.position, vector.position + vector.length);
  }

  private list<T>(field: number, elementBytes: number, read: (at: number) => T): T[] {
    const vector = this.vector(field, elementBytes);
    return vector ? Array.from({ length: vector.length }, (_, i) => read(vector.position + i * elementBytes)) : [];
  }

  private vector(field: number, elementBytes: number): Vector | null {
    const at = this.follow(field);
    return at === null ? null : this.flat.vector(at, elementBytes);
  }

  /** Where the offset in a field points to. */
  private follow(field: number): number | null {
    const at = this.find(field);
    return at === 0 ? null : at + this.flat.uint32(at);
  }

  /** Position of a field's inline value, 0 where it is absent. */
  private find(field: number): number {
    const entry = 4 + 2 * field;
    if (entry >= this.vtableLength) return 0;
    const offset = this.flat.uint16(this.vtable + entry);
    return offset === 0 ? 0 : this.position + offset;
  }
}
