/**
 * Rounding to posits by writing the number down: its unending encoding (regime, exponent, fraction) is a string of binary
 * digits, cut after n - 1 of them and rounded to nearest, ties to the even code. Standard for Posit Arithmetic (2022),
 * section 4.1. Stochastic rounding goes by value instead.
 */
import type { PositFormat } from '../../src/formats/index.ts';
import type { ResolvedRounding } from '../../src/rounding/index.ts';
import { decodePositDigits } from './decode.ts';
import { bitLength, goesUp, type Ratio, ratioOf, unitExponent, units } from './units.ts';

/**
 * The digits after the sign of the unending encoding of a positive number, up to its last one; those of a number that is no
 * multiple of 2^-1400 up to there, and a 1 for the rest.
 */
function encodingOf({ numerator, denominator }: Ratio, es: number): string {
  const count = (numerator << 100n) / denominator;
  const rest = count * denominator === numerator << 100n ? '' : '1';
  const digits = count.toString(2) + rest;
  const scale = bitLength(count) - 1 - 100 - Number(unitExponent);
  const regime = Math.floor(scale / 2 ** es);
  const exponent = scale - regime * 2 ** es;
  const run = regime >= 0 ? `${'1'.repeat(regime + 1)}0` : `${'0'.repeat(-regime)}1`;
  return run + (es === 0 ? '' : exponent.toString(2).padStart(es, '0')) + digits.slice(1);
}

/** The definition of rounding to a posit format. */
export function roundPosit(
  x: number,
  format: PositFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (!Number.isFinite(x)) return NaN;
  return x === 0 ? 0 : roundPositRatio(ratioOf(x), x < 0, format, options, random);
}

/** The same for any magnitude but 0. */
export function roundPositRatio(
  ratio: Ratio,
  negative: boolean,
  { bits, es }: PositFormat,
  options: ResolvedRounding,
  random: number,
): number {
  const width = bits - 1;
  const value = (code: bigint): number => decodePositDigits(code.toString(2).padStart(width, '0'), es);
  const encoding = encodingOf(ratio, es).padEnd(width + 1, '0');
  const lower = BigInt(`0b${encoding.slice(0, width)}`);
  const rest = encoding.slice(width);
  const highest = (1n << BigInt(width)) - 1n;
  let code = lower;
  if (lower > 0n && lower < highest) {
    const parity = { tieGoesUp: lower % 2n === 1n, lowerIsOdd: lower % 2n === 1n };
    // In nearest-even the digits cut off are the fraction; in stochastic rounding the value decides.
    const byValue = options.rounding === 'stochastic';
    const start = units(value(lower));
    const [numerator, denominator] = byValue
      ? [ratio.numerator - start * ratio.denominator, (units(value(lower + 1n)) - start) * ratio.denominator]
      : [BigInt(`0b${rest}`), 1n << BigInt(rest.length)];
    if (goesUp(numerator, denominator, parity, false, options, random)) code = lower + 1n;
  }
  if (code === 0n) code = 1n; // non-zero never becomes zero
  const magnitude = value(code);
  return negative ? -magnitude : magnitude;
}
