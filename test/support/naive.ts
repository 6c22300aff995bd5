/** Plain loops on flat row-major arrays that tests compare operators with: written from the definitions, slow and obvious. */

export function coordinatesOf(index: number, shape: readonly number[]): number[] {
  const coordinates = new Array<number>(shape.length);
  let rest = index;
  for (let i = shape.length - 1; i >= 0; i--) {
    coordinates[i] = rest % shape[i]!;
    rest = Math.floor(rest / shape[i]!);
  }
  return coordinates;
}

export function indexOf(coordinates: readonly number[], shape: readonly number[]): number {
  return coordinates.reduce((index, c, i) => index * shape[i]! + c, 0);
}

/** Calls `compute` with the coordinates of every element of `shape`. */
export function fill(shape: readonly number[], compute: (coordinates: readonly number[]) => number): number[] {
  const n = shape.reduce((a, b) => a * b, 1);
  return Array.from({ length: n }, (_, i) => compute(coordinatesOf(i, shape)));
}

/** NumPy broadcasting of two operands. */
export function broadcast(a: readonly number[], b: readonly number[], f: (x: number, y: number) => number): (operands: readonly ArrayLike<number>[]) => number[] {
  const rank = Math.max(a.length, b.length);
  const aligned = (shape: readonly number[]) => [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const [left, right] = [aligned(a), aligned(b)];
  const shape = left.map((d, i) => Math.max(d, right[i]!));
  const at = (coordinates: readonly number[], s: readonly number[]) => indexOf(coordinates.map((c, i) => (s[i] === 1 ? 0 : c)), s);
  return ([x, y]) => fill(shape, (c) => f(x![at(c, left)]!, y![at(c, right)]!));
}

/** 2D pool: `window` gets the real pixels of one channel. */
export function pool(input: readonly number[], { kernel, strides, pad }: { readonly kernel: readonly number[]; readonly strides: readonly number[]; readonly pad: readonly number[] }, window: (values: readonly number[]) => number): (operands: readonly ArrayLike<number>[]) => number[] {
  const [h, w, c] = input as [number, number, number];
  const size = (n: number, axis: number) => Math.floor((n + pad[2 * axis]! + pad[2 * axis + 1]! - kernel[axis]!) / strides[axis]!) + 1;
  return ([x]) =>
    fill([size(h, 0), size(w, 1), c], ([oy, ox, channel]) => {
      const values: number[] = [];
      for (let ky = 0; ky < kernel[0]!; ky++) {
        for (let kx = 0; kx < kernel[1]!; kx++) {
          const [y, z] = [oy! * strides[0]! + ky - pad[0]!, ox! * strides[1]! + kx - pad[2]!];
          if (y >= 0 && y < h && z >= 0 && z < w) values.push(x![(y * w + z) * c + channel!]!);
        }
      }
      return window(values);
    });
}
