/** Random codes with weights on what breaks arithmetic: chosen exponents, significands of few bits, runs of ones, small integers. */
import type { Code, FloatFormat } from '../../formats/format.ts';
import { type Field, usedBits } from '../fields.ts';
import { boundaryCodes, carried, isCode } from './boundary.ts';
import type { Draws } from './draws.ts';

/** A random field of `width` bits: any bits, some leading ones of them, a run, or nearly a power of two. */
function patternOf(width: number, draws: Draws): bigint {
  if (width === 0) return 0n;
  const all = (1n << BigInt(width)) - 1n;
  const length = BigInt(draws.below(width + 1));
  switch (draws.below(5)) {
    case 0:
      return draws.bits(width);
    case 1: // leading bits alone
      return draws.bits(width) & (all ^ ((1n << length) - 1n));
    case 2: // the lowest bits alone
      return draws.bits(width) & ((1n << length) - 1n);
    case 3: // a run of ones from the top, with a small change
      return ((all ^ ((1n << length) - 1n)) + BigInt(draws.below(3)) - 1n) & all;
    default: // one bit, with a small change
      return ((length === 0n ? 0n : 1n << (length - 1n)) + BigInt(draws.below(3)) - 1n) & all;
  }
}

/** A random exponent field, with weight on the ends and on the neighbourhood of 1. */
function exponentOf({ exponentBits, bias, mantissaBits }: FloatFormat, draws: Draws): bigint {
  const top = 2 ** exponentBits - 1;
  const near = (centre: number, spread: number): number => centre - spread + draws.below(2 * spread + 1);
  const field = [
    (): number => draws.below(top + 1),
    (): number => near(bias, mantissaBits + 3),
    (): number => near(bias, 2),
    (): number => draws.below(mantissaBits + 2),
    (): number => top - draws.below(mantissaBits + 2),
    (): number => near(bias >> 1, mantissaBits),
    (): number => near(bias + (bias >> 1), mantissaBits),
    (): number => near(bias, 2 * mantissaBits + 3),
  ][draws.below(8)]!();
  return BigInt(Math.min(Math.max(field, 0), top));
}

function floatCode(format: FloatFormat, draws: Draws): bigint {
  const { exponentBits, mantissaBits, isSigned } = format;
  const sign = isSigned ? BigInt(draws.below(2)) : 0n;
  const exponent = exponentOf(format, draws);
  const significand = patternOf(mantissaBits, draws);
  return (((sign << BigInt(exponentBits)) | exponent) << BigInt(mantissaBits)) | significand;
}

/** A source of random codes of a field, that are codes. */
export function weightedCodes(field: Field, draws: Draws): () => Code {
  const width = usedBits(field);
  const { format } = field;
  const boundary = boundaryCodes(field, 'some');
  const one = (): Code => {
    const choice = draws.below(8);
    if (choice === 0) return boundary[draws.below(boundary.length)]!;
    if (choice === 1) return carried(draws.bits(width), field);
    return carried(format?.kind === 'float' ? floatCode(format, draws) : patternOf(width, draws), field);
  };
  return () => {
    for (;;) {
      const code = one();
      if (isCode(code, field)) return code;
    }
  };
}
