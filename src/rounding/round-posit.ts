/**
 * The scalar reference rounding to posits. Standard for Posit Arithmetic (2022), section 4.1: the infinite encoding is
 * rounded at bit n, ties to the even code; non-zero never to zero, finite never to NaR.
 */
import { exponentOf, scaleByPowerOfTwo } from '../formats/binary64.ts';
import type { PositFormat } from '../formats/format.ts';
import { decodePositive } from '../formats/posit.ts';
import { goesAway } from './decide.ts';
import type { ResolvedRounding } from './options.ts';
import { fractionBetween } from './round-list.ts';

/** Rounds a number to a posit format; infinities and NaN give NaN (NaR). Modes: nearest-even and stochastic. */
export function roundToPosit(
  x: number,
  format: PositFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (!Number.isFinite(x)) return NaN;
  if (x === 0) return 0;
  const magnitude = Math.abs(x);
  const rounded =
    magnitude >= format.max
      ? format.max
      : magnitude <= format.minPositive
        ? format.minPositive
        : roundInside(magnitude, format, options, random);
  return x < 0 ? -rounded : rounded;
}

/** The posit code that truncates a magnitude's infinite encoding, and where the cut-off rest stands to one half. */
function truncate(
  magnitude: number,
  bits: number,
  es: number,
): { code: number; rest: -1 | 0 | 1; exact: boolean } {
  const exponent = exponentOf(magnitude);
  const fraction = scaleByPowerOfTwo(magnitude, -exponent) - 1;
  const regime = Math.floor(exponent / 2 ** es);
  const exponentField = exponent - regime * 2 ** es;
  // A run of ones and a zero for regimes from 0 on, of zeros and a one below.
  const pattern = regime >= 0 ? 2 ** (regime + 2) - 2 : 1;
  const room = bits - 1 - (regime >= 0 ? regime + 2 : 1 - regime);
  const cut = es - room;
  if (cut <= 0) {
    const scaled = fraction * 2 ** -cut;
    const kept = Math.floor(scaled);
    const rest = scaled - kept;
    const code = pattern * 2 ** room + exponentField * 2 ** -cut + kept;
    return { code, rest: Math.sign(rest - 0.5) as -1 | 0 | 1, exact: rest === 0 };
  }
  const kept = Math.floor(exponentField / 2 ** cut);
  const low = exponentField - kept * 2 ** cut;
  const half = 2 ** (cut - 1);
  const rest = low === half ? Math.sign(fraction) : Math.sign(low - half);
  return { code: pattern * 2 ** room + kept, rest: rest as -1 | 0 | 1, exact: low === 0 && fraction === 0 };
}

function roundInside(
  magnitude: number,
  { bits, es }: PositFormat,
  options: ResolvedRounding,
  random: number,
): number {
  const { code, rest, exact } = truncate(magnitude, bits, es);
  if (exact) return magnitude;
  const isOdd = code % 2 === 1;
  if (options.rounding === 'nearest-even')
    return decodePositive(rest > 0 || (rest === 0 && isOdd) ? code + 1 : code, bits, es);
  const lower = decodePositive(code, bits, es);
  const upper = decodePositive(code + 1, bits, es);
  const fraction = fractionBetween(magnitude, lower, upper);
  const position = { fraction, lowerIsOdd: isOdd, negative: false, tiesAway: false };
  return goesAway(position, options, random) ? upper : lower;
}
