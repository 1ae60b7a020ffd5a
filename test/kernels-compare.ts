/** Comparison of arrays on every bit, NaNs as a class, for the kernel tests. */

/** Object.is, which tells -0 from 0 and lets any NaN equal any NaN. The first place that differs, with what went in. */
export function firstDifference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  input: ArrayLike<number>,
): { index: number; input: number; actual: number; expected: number } | undefined {
  for (let index = 0; index < expected.length; index++) {
    const [got, wanted] = [actual[index]!, expected[index]!];
    if (!Object.is(got, wanted)) return { index, input: input[index]!, actual: got, expected: wanted };
  }
  return undefined;
}
