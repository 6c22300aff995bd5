/**
 * A view that throws on unknown fields. Handlebars' own strict mode is silent in `#if`, `#each` and helper arguments;
 * reading through this proxy is not.
 */

export class ViewError extends Error {
  override readonly name = 'ViewError';
}

const originals = new WeakMap<object, object>();

/** Keys that Handlebars itself looks for on any value. */
const PROBES = new Set(['toHTML', 'then', 'constructor', '__proto__']);

/** Wraps plain data of strings, booleans and integers; nested objects and arrays are wrapped as they are read. `path` is what an error names. */
export function strictView<T extends object>(view: T, path = ''): T {
  if (originals.has(view)) return view;
  const proxy = new Proxy(view, {
    get: (target, key) => read(target, key, path),
    // Handlebars' strict mode asks with `in` first; answering by reading names the whole path.
    has: (target, key) => read(target, key, path) !== undefined,
  });
  originals.set(proxy, view);
  return proxy;
}

function read(target: object, key: string | symbol, path: string): unknown {
  if (typeof key === 'symbol') return Reflect.get(target, key);
  const value: unknown = Reflect.get(target, key);
  if (value === undefined && !PROBES.has(key)) {
    throw new ViewError(`unknown field '${join(path, target, key)}' (known here: ${Object.keys(target).join(', ') || 'none'})`);
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new ViewError(`field '${join(path, target, key)}' is ${value}, not an integer`);
  }
  const isData = typeof value === 'object' && value !== null && Object.hasOwn(target, key);
  return isData ? strictView(value, join(path, target, key)) : value;
}

function join(path: string, target: object, key: string): string {
  if (Array.isArray(target)) return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}
