/**
 * Dot products on WebAssembly SIMD (i32x4.dot_i16x8_s), optional: the plain loops of dot.ts give the same sums.
 *
 * One memory serves every product of a thread, because an engine reserves gigabytes of addresses for each. It holds the
 * operands of the product that ran last; a right operand lives outside and is copied in when another one was there.
 */
import type { DotProducts, DotShape } from './dot.js';
import { WASM_DOT } from './wasm-dot-bytes.js';

/** The part of the WebAssembly interface used here, so that this file needs neither Node's nor a browser's types. */
interface WasmEngine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (limits: { initial: number }) => WasmMemory;
  readonly Instance: new (module: object, imports: object) => { readonly exports: { readonly multiply: Multiply } };
}

interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

type Multiply = (left: number, right: number, result: number, rows: number, columns: number, bytes: number) => void;

interface Unit {
  readonly memory: WasmMemory;
  readonly multiply: Multiply;
  /** The product whose right operand is in memory. */
  owner: object | null;
}

const PAGE_BYTES = 65536;

let unit: Unit | null | undefined;

/** Null where the engine has no WebAssembly or no SIMD. */
export function createWasmDotProducts(shape: DotShape): DotProducts | null {
  const engine = (globalThis as { WebAssembly?: WasmEngine }).WebAssembly;
  if (!engine) return null;
  if (unit === undefined) unit = start(engine);
  return unit && new WasmDotProducts(unit, shape);
}

function start(engine: WasmEngine): Unit | null {
  try {
    const text = (globalThis as unknown as { atob(base64: string): string }).atob(WASM_DOT);
    const module = new engine.Module(Uint8Array.from(text, (c) => c.charCodeAt(0)));
    const memory = new engine.Memory({ initial: 1 });
    return { memory, multiply: new engine.Instance(module, { env: { memory } }).exports.multiply, owner: null };
  } catch {
    return null;
  }
}

class WasmDotProducts implements DotProducts {
  readonly depth: number;
  readonly columns: number;
  readonly right: Int16Array;
  private readonly rows: number;
  private readonly rightAt: number;
  private readonly resultAt: number;
  /** Views of the memory; growing it makes them stale. */
  private views: { readonly buffer: ArrayBuffer; readonly left: Int16Array; readonly right: Int16Array; readonly result: Int32Array };

  constructor(
    private readonly unit: Unit,
    shape: DotShape,
  ) {
    this.rows = roundUp(shape.rows, 2);
    this.columns = roundUp(shape.columns, 2);
    this.depth = roundUp(shape.depth, 8);
    this.right = new Int16Array(this.columns * this.depth);
    this.rightAt = this.rows * this.depth * 2;
    this.resultAt = this.rightAt + this.right.byteLength;
    const missing = this.resultAt + this.rows * this.columns * 4 - unit.memory.buffer.byteLength;
    if (missing > 0) unit.memory.grow(Math.ceil(missing / PAGE_BYTES));
    this.views = this.mapped();
  }

  get left(): Int16Array {
    return this.current().left;
  }

  get result(): Int32Array {
    return this.current().result;
  }

  rightChanged(): void {
    if (this.unit.owner === this) this.unit.owner = null;
  }

  multiply(rows: number): void {
    if (this.unit.owner !== this) {
      this.current().right.set(this.right);
      this.unit.owner = this;
    }
    this.unit.multiply(0, this.rightAt, this.resultAt, rows, this.columns, this.depth * 2);
  }

  private current(): WasmDotProducts['views'] {
    if (this.views.buffer !== this.unit.memory.buffer) this.views = this.mapped();
    return this.views;
  }

  private mapped(): WasmDotProducts['views'] {
    const { buffer } = this.unit.memory;
    return {
      buffer,
      left: new Int16Array(buffer, 0, this.rows * this.depth),
      right: new Int16Array(buffer, this.rightAt, this.right.length),
      result: new Int32Array(buffer, this.resultAt, this.rows * this.columns),
    };
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
