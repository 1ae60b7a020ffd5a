/** Normal numbers for tests: the quantiles of evenly distributed random bits, the same on every engine. */
import { normalQuantile } from '../src/approximate.ts';
import { randomIntegers } from '../src/rounding/index.ts';

export function normals(count: number, seed: number): Float32Array {
  return Float32Array.from(randomIntegers(count, { seed }), (r) => normalQuantile((r + 0.5) / 2 ** 32));
}

/** The energy of the difference over that of x. */
export function relativeError(values: ArrayLike<number>, x: ArrayLike<number>): number {
  let [error, energy] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    error += (values[i]! - x[i]!) ** 2;
    energy += x[i]! ** 2;
  }
  return error / energy;
}
