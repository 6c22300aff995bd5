/** The Fréchet distance between two sets of features: of the normal distributions with their means and covariances. */

interface Distribution {
  readonly mean: Float64Array;
  /** Row-major. */
  readonly covariance: Float64Array;
}

/** `features`: rows of `size`. |m₁ − m₂|² + trace(C₁ + C₂ − 2·(C₁·C₂)^½). */
export function frechetDistance(first: Float32Array, second: Float32Array, size: number): number {
  const [a, b] = [distribution(first, size), distribution(second, size)];
  const means = a.mean.reduce((sum, m, i) => sum + (m - b.mean[i]!) ** 2, 0);
  // (C₁·C₂)^½ has the trace of (R·C₂·R)^½ with R = C₁^½, which is symmetric.
  const root = symmetricRoot(a.covariance, size);
  const middle = product(product(root, b.covariance, size), root, size);
  const roots = eigen(middle, size).values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  return means + trace(a.covariance, size) + trace(b.covariance, size) - 2 * roots;
}

function distribution(features: Float32Array, size: number): Distribution {
  const count = features.length / size;
  const mean = new Float64Array(size);
  features.forEach((value, i) => (mean[i % size]! += value / count));
  const covariance = new Float64Array(size * size);
  for (let row = 0; row < count; row++) {
    const own = mean.map((m, i) => features[row * size + i]! - m);
    own.forEach((x, i) => own.forEach((y, j) => (covariance[i * size + j]! += (x * y) / (count - 1))));
  }
  return { mean, covariance };
}

function trace(matrix: Float64Array, size: number): number {
  return Array.from({ length: size }, (_, i) => matrix[i * size + i]!).reduce((sum, value) => sum + value, 0);
}

function product(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const result = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < size; k++) for (let j = 0; j < size; j++) result[i * size + j]! += a[i * size + k]! * b[k * size + j]!;
  }
  return result;
}

/** V·diag(√λ)·Vᵀ. */
function symmetricRoot(matrix: Float64Array, size: number): Float64Array {
  const { values, vectors } = eigen(matrix, size);
  const result = new Float64Array(size * size);
  values.forEach((value, k) => {
    const root = Math.sqrt(Math.max(0, value));
    for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) result[i * size + j]! += root * vectors[i * size + k]! * vectors[j * size + k]!;
  });
  return result;
}

const SWEEPS = 30;

/** Eigenvalues of a symmetric matrix, and its eigenvectors as columns, by Jacobi's rotations. */
export function eigen(matrix: Float64Array, size: number): { readonly values: Float64Array; readonly vectors: Float64Array } {
  const a = Float64Array.from(matrix);
  const vectors = Float64Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, vectors, size, p, q);
  }
  return { values: Float64Array.from({ length: size }, (_, i) => a[i * size + i]!), vectors };
}

/** Makes a[p][q] 0. */
function rotate(a: Float64Array, vectors: Float64Array, size: number, p: number, q: number): void {
  const off = a[p * size + q]!;
  if (Math.abs(off) < 1e-300) return;
  const half = (a[q * size + q]! - a[p * size + p]!) / (2 * off);
  const tangent = (half < 0 ? -1 : 1) / (Math.abs(half) + Math.hypot(1, half));
  const cosine = 1 / Math.hypot(1, tangent);
  const sine = tangent * cosine;
  const turn = (m: Float64Array, i: number, j: number): void => {
    const [x, y] = [m[i]!, m[j]!];
    [m[i], m[j]] = [cosine * x - sine * y, sine * x + cosine * y];
  };
  for (let k = 0; k < size; k++) turn(a, k * size + p, k * size + q);
  for (let k = 0; k < size; k++) turn(a, p * size + k, q * size + k);
  for (let k = 0; k < size; k++) turn(vectors, k * size + p, k * size + q);
}
