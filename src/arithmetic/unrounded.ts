/** The operations that only move numbers or compare them: sign changes, minimum and maximum, order. Pure functions of scalars. */
import type { Format } from '../formats/format.ts';
import type { ResolvedRounding } from '../rounding/options.ts';
import { roundScalar } from '../rounding/round.ts';
import type { ScalarReference } from './context.ts';

/** What leaves every number as it is, added to it, but makes -0 of a format that has none +0. */
export function zeroAddend(format: Format): number {
  return format.hasNegativeZero ? -0 : 0;
}

/** The operations that change a sign only: exact where the format has the result, which nothing then flushes or clamps. */
export function changeSign(
  format: Format,
  options: ResolvedRounding,
  apply: (a: number) => number,
): ScalarReference {
  const zero = zeroAddend(format);
  return (a, _b, _c, random) => {
    const result = apply(a) + zero;
    return format.has(result) || Number.isNaN(result) ? result : roundScalar(result, format, options, random);
  };
}

/** The order of two numbers; posits order NaR below all, equal to itself (Posit Standard section 5.3). */
export function orderOf(format: Format): ScalarReference {
  return (a, b) => {
    if (a < b) return -1;
    if (a > b) return 1;
    if (a === b) return 0;
    if (format.kind !== 'posit') return NaN;
    return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
  };
}
