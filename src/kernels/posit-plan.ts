/** Plans for the kernels of `assembly/rounding/posit.ts`, with the table of binades that they look up. */
import { exponentOf, powerOfTwo } from '../binary64.ts';
import type { PositFormat } from '../formats/format.ts';
import { decodePositive } from '../formats/posit.ts';
import type { ResolvedRounding } from '../rounding/index.ts';
import * as parameters from './generated/layout-rounding.ts';
import { BlockWriter, lanes64, writeRandom } from './rounding-block.ts';
import type { RoundingPlan } from './rounding-plan.ts';

/** What the magnitudes of one binade become. */
interface Binade {
  /** Fraction bits there; below 1 there are two neighbours only. */
  readonly fractionBits: number;
  /** Code of `lower`. */
  readonly code: number;
  /** The largest posit not above the binade's first number, the next one, and the number from which on that is nearest. */
  readonly lower: number;
  readonly upper: number;
  readonly threshold: number;
}

const float64 = new Float64Array(1);
const integer64 = new BigInt64Array(float64.buffer);

/** The binade of 2^exponent; its numbers lie between the format's smallest and largest. */
function binadeOf({ bits, es, max }: PositFormat, exponent: number): Binade {
  const first = powerOfTwo(exponent);
  let low = 1;
  let high = 2 ** (bits - 1) - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (decodePositive(middle, bits, es) <= first) low = middle;
    else high = middle - 1;
  }
  const lower = decodePositive(low, bits, es);
  if (lower === max) return { fractionBits: 0, code: low, lower, upper: lower, threshold: Infinity };
  const regime = Math.floor(exponent / 2 ** es);
  const fractionBits = bits - 1 - ((regime < 0 ? -regime : regime + 1) + 1) - es;
  const upper = decodePositive(low + 1, bits, es);
  // The encoding with one more bit set; at a tie the even code is taken.
  const middle = decodePositive(2 * low + 1, bits + 1, es);
  float64[0] = middle;
  if (low % 2 === 0) integer64[0] = integer64[0]! + 1n;
  return { fractionBits, code: low, lower, upper, threshold: float64[0] };
}

/** All binades of a format, from that of its smallest number on. */
export function binadesOf(format: PositFormat): Binade[] {
  const first = exponentOf(format.minPositive);
  const last = exponentOf(format.max);
  return Array.from({ length: last - first + 1 }, (_, i) => binadeOf(format, first + i));
}

/** The magic number of a binade with fraction bits: its unit in the last place is the quantum there. */
export function magicOfBinade(exponent: number, fractionBits: number): number {
  return powerOfTwo(exponent - fractionBits + 52);
}

const kept = new WeakMap<PositFormat, Uint8Array>();

/** C or 0, threshold, lower and upper neighbour, binade by binade. Formats keep it. */
function binadeTable(format: PositFormat): Uint8Array {
  let table = kept.get(format);
  if (table === undefined) {
    const first = exponentOf(format.minPositive);
    const entries = binadesOf(format).flatMap(({ fractionBits, lower, upper, threshold }, i) => {
      const magic = fractionBits > 0 ? magicOfBinade(first + i, fractionBits) : 0;
      return [magic, threshold, lower, upper];
    });
    table = new Uint8Array(Float64Array.from(entries).buffer);
    kept.set(format, table);
  }
  return table;
}

export function positPlan(elementShift: 2 | 3, format: PositFormat, options: ResolvedRounding): RoundingPlan {
  const writer = new BlockWriter(lanes64);
  writeRandom(writer, options);
  writer.number(parameters.randomScaleSlot, 2 ** options.randomBits);
  writer.number(parameters.leastSlot, format.minPositive);
  writer.number(parameters.clampSlot, format.max);
  writer.word(parameters.firstBinadeSlot, exponentOf(format.minPositive) + 1023);
  const isStochastic = options.rounding === 'stochastic';
  const plan: RoundingPlan = {
    path: 'posit',
    kernel: parameters.positBase + (elementShift === 2 ? 0 : 2) + (isStochastic ? 1 : 0),
    elementShift,
    readsRandom: isStochastic,
    block: writer.bytes,
    tables: binadeTable(format),
  };
  return isStochastic ? { ...plan, deferred: format } : plan;
}
