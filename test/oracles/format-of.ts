/** formatOf operations by definition: an operand of -0 is 0 where its own format has none; what x / 0 is, the result's family says. */
import type { Format } from '../../src/formats/index.ts';
import type { ResolvedRounding } from '../../src/rounding/index.ts';
import { type OracleOperation, roundOnce, unrounded } from './arithmetic.ts';

export function formatOfOracle(
  name: OracleOperation,
  given: readonly number[],
  operands: readonly Format[],
  result: Format,
  options: ResolvedRounding,
): number {
  const [a = 0, b = 0, c = 0] = given.map((x, i) => (x === 0 && !operands[i]!.hasNegativeZero ? 0 : x));
  // The oracle of one format reads operands as that has them.
  const family = { ...result, hasNegativeZero: true } as Format;
  return roundOnce(unrounded(name, a, b, c, family), result, options, 0);
}
