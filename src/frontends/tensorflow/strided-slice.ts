/** TensorFlow's strided slice with its masks, as a plain box and the shape it leaves. */

export interface StridedSlice {
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly strides: readonly number[];
  readonly beginMask: number;
  readonly endMask: number;
  readonly ellipsisMask: number;
  readonly newAxisMask: number;
  readonly shrinkAxisMask: number;
  /** `end` counts from `begin`. */
  readonly offset?: boolean;
}

export interface SliceBox {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
  /** Shape after axes have been added and shrunk. */
  readonly shape: readonly number[];
}

/** Null where an axis would be empty or the specification names more axes than there are. */
export function sliceBox(input: readonly number[], slice: StridedSlice): SliceBox | null {
  const bit = (mask: number, i: number): boolean => ((mask >> i) & 1) === 1;
  const entries = slice.begin.map((_, i) => i);
  const consumed = entries.filter((i) => !bit(slice.newAxisMask, i) && !bit(slice.ellipsisMask, i)).length;
  if (consumed > input.length) return null;
  const box = { starts: [] as number[], sizes: [] as number[], steps: [] as number[], shape: [] as number[] };
  const whole = (axis: number): void => {
    box.starts.push(0);
    box.sizes.push(input[axis]!);
    box.steps.push(1);
    box.shape.push(input[axis]!);
  };
  let axis = 0;
  for (const i of entries) {
    if (bit(slice.ellipsisMask, i)) for (let n = input.length - consumed; n > 0; n--) whole(axis++);
    else if (bit(slice.newAxisMask, i)) box.shape.push(1);
    else {
      const range = axisRange(input[axis]!, slice, i, bit(slice.shrinkAxisMask, i), bit);
      if (range === null) return null;
      box.starts.push(range.start);
      box.sizes.push(range.size);
      box.steps.push(range.step);
      if (!bit(slice.shrinkAxisMask, i)) box.shape.push(range.size);
      axis++;
    }
  }
  while (axis < input.length) whole(axis++);
  return box;
}

function axisRange(length: number, s: StridedSlice, i: number, shrink: boolean, bit: (mask: number, i: number) => boolean): { readonly start: number; readonly size: number; readonly step: number } | null {
  const step = s.strides[i] ?? 1;
  const clip = (value: number, low: number, high: number): number => Math.min(Math.max(value < 0 ? value + length : value, low), high);
  if (shrink) {
    const start = s.begin[i]! < 0 ? s.begin[i]! + length : s.begin[i]!;
    return start >= 0 && start < length ? { start, size: 1, step: 1 } : null;
  }
  if (step === 0) return null;
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const start = bit(s.beginMask, i) ? (step > 0 ? 0 : length - 1) : clip(s.begin[i]!, low, high);
  const stated = s.offset ? s.begin[i]! + s.end[i]! : s.end[i]!;
  const end = bit(s.endMask, i) ? (step > 0 ? length : -1) : clip(stated, low, high);
  const size = Math.ceil((end - start) / step);
  return size > 0 ? { start, size, step } : null;
}
