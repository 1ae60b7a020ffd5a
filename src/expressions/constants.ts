/** Numbers as they are written, and the constants that have names: decimal fractions, rounded once. */
import { divideReals } from '../arithmetic/exact.ts';
import { type Real, roundReal } from '../arithmetic/index.ts';
import type { Format } from '../formats/format.ts';
import { operandRounding, type ResolvedRounding } from '../rounding/options.ts';

/** Names that are no variables. More digits than any rounding looks at. */
export const namedConstants: Readonly<Record<string, string>> = {
  pi: '3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798',
  tau: '6.28318530717958647692528676655900576839433879875021164194988918461563281257241799725606965068423413596',
  e: '2.71828182845904523536028747135266249775724709369995957496696762772407663035354759457138217852516642743',
  Infinity: 'Infinity',
  NaN: 'NaN',
};

const ten = 10n;

function integer(significand: bigint): Real {
  return { negative: false, significand, exponent: 0, sticky: false };
}

/** A positive decimal fraction, as text, rounded to a format as `array` rounds: to nearest even in the stochastic modes. */
export function roundDecimal(text: string, format: Format, options: ResolvedRounding): number {
  const rounding = operandRounding(options);
  const parts = /^(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  if (parts === null) return roundReal(integer(0n), format, rounding, 0) + Number(text);
  const [, whole = '', fraction = '', power = '0'] = parts;
  const digits = BigInt(`${whole}${fraction}` || '0');
  const exponent = Number(power) - fraction.length;
  if (digits === 0n) return roundReal(integer(0n), format, rounding, 0);
  const real =
    exponent >= 0
      ? integer(digits * ten ** BigInt(exponent))
      : divideReals(integer(digits), integer(ten ** BigInt(-exponent)), format);
  return roundReal(real, format, rounding, 0);
}
