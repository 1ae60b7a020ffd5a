/** Elementary functions against MPFR: every mode of a format at given arguments. */
import { type ElementaryName, elementaryFunctions } from '../src/arithmetic/elementary/index.ts';
import type { Format } from '../src/formats/index.ts';
import {
  isStochastic,
  type ResolvedRounding,
  type RoundOptions,
  resolveRounding,
  roundingModes,
  roundScalar,
} from '../src/rounding/index.ts';
import { judge } from './oracles/mpfr/judge.ts';
import { generator } from './random.ts';

/** All but the remainder, which needs no judge of digits. */
export const judgedNames = Object.keys(elementaryFunctions).filter(
  (name) => name !== 'remainder',
) as ElementaryName[];

/** Every mode that the format takes, stochastic ones in the three variants. */
export function everyMode(format: Format): ResolvedRounding[] {
  const deterministic = roundingModes.filter((mode) => !isStochastic(mode));
  const settings: RoundOptions[] = [
    ...deterministic.map((rounding) => ({ rounding })),
    ...(['A', 'B', 'C'] as const).map(
      (variant) => ({ rounding: 'stochastic', randomBits: 8, variant }) as const,
    ),
    { rounding: 'stochastic', randomBits: 16 },
    { rounding: 'stochastic-equal', randomBits: 8 },
  ];
  return settings.flatMap((setting) => {
    try {
      return [resolveRounding(format, setting)];
    } catch {
      return []; // a mode that posits do not have
    }
  });
}

/** A zero, infinity or NaN: which one it is differs by the family of formats, and has tests of its own. */
function isSpecial(result: number): boolean {
  return !Number.isFinite(result) || result === 0;
}

export interface Judgement {
  cases: number;
  readonly mismatches: string[];
}

/** Compares a function at arguments that are values of the format. Needs MPFR. */
export function compareWithMpfr(
  name: ElementaryName,
  format: Format,
  x: Float64Array,
  y: Float64Array,
  judgement: Judgement,
): void {
  const exact = judge!(name, x, y);
  const { evaluate } = elementaryFunctions[name];
  const draw = generator(x.length);
  for (const options of everyMode(format)) {
    for (let i = 0; i < x.length; i++) {
      if (isSpecial(exact[i]!)) continue;
      const integer = isStochastic(options.rounding) ? Math.floor(draw() * 2 ** options.randomBits) : 0;
      const actual = evaluate(x[i]!, y[i]!, format, options, integer);
      const right = roundScalar(exact[i]!, format, options, integer);
      judgement.cases++;
      if (!Object.is(actual, right) && judgement.mismatches.length < 10)
        judgement.mismatches.push(
          `${name}(${x[i]}, ${y[i]}) in ${format.name}, ${options.rounding} ${options.variant} ${integer}: ${actual}, not ${right}`,
        );
    }
  }
}

/** Codes of a format, spread by an odd stride, as values; NaN left out. */
export function spreadValues(format: Format, count: number): Float64Array {
  const codes = 2 ** format.bits;
  const stride = count >= codes ? 1 : 2 * Math.floor(codes * 0.309017) + 1;
  const values = Array.from({ length: Math.min(count, codes) }, (_, i) =>
    format.decode((i * stride) % codes),
  );
  return Float64Array.from(values.filter((value) => !Number.isNaN(value)));
}

/** The same values in another order: second operands. */
export function partners(x: Float64Array): Float64Array {
  return x.map((_, i) => x[(i * 7919 + 13) % x.length]!);
}
