/** Counts mismatches between our results and expected codes. */
import type { Format } from '../../src/formats/index.ts';
import { type RealArray, round } from '../../src/operations/conversions.ts';
import { type RoundOptions, resolveRounding, roundScalar } from '../../src/rounding/index.ts';

/** Mismatches between our results and expected codes, NaN as a class; the first few in words. */
export class Comparison {
  cases = 0;
  readonly wrong: string[] = [];

  /**
   * Rounds the inputs as numbers and as an array, and compares both with the values of the codes.
   *
   * @param expected The code expected for an input, or undefined where the source defines none.
   */
  check(
    format: Format,
    inputs: RealArray,
    given: RoundOptions,
    expected: (i: number) => number | undefined,
  ): void {
    const options = resolveRounding(format, given);
    const rounded = round(inputs, format, given);
    inputs.forEach((x, i) => {
      const code = expected(i);
      if (code === undefined) return;
      this.cases++;
      const wanted = format.decode(code);
      const ours = roundScalar(x, format, options, given.random?.[i] ?? 0);
      if ((!Object.is(ours, wanted) || !Object.is(rounded[i], wanted)) && this.wrong.length < 10)
        this.wrong.push(
          `${format.name} of ${x}, ${JSON.stringify({ ...given, random: given.random?.[i] })}: ` +
            `${ours}, in an array ${rounded[i]}, expected ${wanted}`,
        );
    });
  }
}
