/** Adam (Kingma and Ba, 2015) on a plain array. */
export class Adam {
  private readonly mean: Float32Array;
  private readonly square: Float32Array;
  private steps = 0;

  constructor(readonly values: Float32Array | Float64Array) {
    this.mean = new Float32Array(values.length);
    this.square = new Float32Array(values.length);
  }

  step(gradient: ArrayLike<number>, rate: number): void {
    const { values, mean, square } = this;
    this.steps++;
    const first = rate / (1 - 0.9 ** this.steps);
    const second = 1 / (1 - 0.999 ** this.steps);
    for (let i = 0; i < values.length; i++) {
      const g = gradient[i]!;
      mean[i] = 0.9 * mean[i]! + 0.1 * g;
      square[i] = 0.999 * square[i]! + 0.001 * g * g;
      values[i]! -= (first * mean[i]!) / (Math.sqrt(second * square[i]!) + 1e-8);
    }
  }
}

/** From 1 at the start to 0 at the end. */
export function cosine(progress: number): number {
  return 0.5 * (1 + Math.cos(Math.PI * progress));
}
