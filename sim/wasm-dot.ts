/** Dot products on WebAssembly SIMD (i32x4.dot_i16x8_s), optional: the plain loops of dot.ts give the same sums. */
import type { DotProducts, DotShape } from './dot.js';
import { WASM_DOT } from './wasm-dot-bytes.js';

/** The part of the WebAssembly interface used here, so that this file needs neither Node's nor a browser's types. */
interface WasmEngine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (limits: { initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Instance: new (module: object, imports: object) => { readonly exports: { readonly multiply: Multiply } };
}

type Multiply = (left: number, right: number, result: number, rows: number, columns: number, bytes: number) => void;

const PAGE_BYTES = 65536;

let module: object | null | undefined;

/** Null where the engine has no WebAssembly or no SIMD. */
export function createWasmDotProducts(shape: DotShape): DotProducts | null {
  const engine = (globalThis as { WebAssembly?: WasmEngine }).WebAssembly;
  module ??= engine ? compiled(engine) : null;
  if (!engine || !module) return null;
  const rows = roundUp(shape.rows, 2);
  const columns = roundUp(shape.columns, 2);
  const depth = roundUp(shape.depth, 8);
  const rightAt = rows * depth * 2;
  const resultAt = rightAt + columns * depth * 2;
  const memory = new engine.Memory({ initial: Math.ceil((resultAt + rows * columns * 4) / PAGE_BYTES) });
  const { multiply } = new engine.Instance(module, { env: { memory } }).exports;
  return {
    left: new Int16Array(memory.buffer, 0, rows * depth),
    right: new Int16Array(memory.buffer, rightAt, columns * depth),
    result: new Int32Array(memory.buffer, resultAt, rows * columns),
    depth,
    columns,
    multiply: (count) => multiply(0, rightAt, resultAt, count, columns, depth * 2),
  };
}

function compiled(engine: WasmEngine): object | null {
  try {
    const text = (globalThis as unknown as { atob(base64: string): string }).atob(WASM_DOT);
    return new engine.Module(Uint8Array.from(text, (c) => c.charCodeAt(0)));
  } catch {
    return null;
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
