/** Statistics of groups in binary64, four sums side by side as docs/quantizers.md has them. */

/** (s0 + s1) + (s2 + s3), the sums over the places 0, 1, 2, 3 modulo 4. */
export function sumInFours(xs: readonly number[]): number {
  const sums = [0, 0, 0, 0];
  xs.forEach((x, i) => {
    sums[i % 4]! += x;
  });
  return sums[0]! + sums[1]! + (sums[2]! + sums[3]!);
}

export const rootMeanSquare = (xs: readonly number[]): number =>
  Math.sqrt(sumInFours(xs.map((x) => x * x)) / xs.length);

export function deviation(xs: readonly number[]): number {
  const mean = sumInFours(xs) / xs.length;
  return Math.sqrt(sumInFours(xs.map((x) => (x - mean) * (x - mean))) / xs.length);
}
