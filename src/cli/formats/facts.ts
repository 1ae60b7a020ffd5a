/**
 * Facts about a format that its record does not hold: smallest positive value, special codes, landmarks such as the
 * largest subnormal, all codes with their values. Data only; text is made elsewhere.
 */

import { type Code, type FloatFormat, type Format, nextDown, nextUp } from '../../formats/index.ts';

/** A named value of a format. */
interface Landmark {
  readonly name: string;
  readonly value: number;
}

/** Codes from the first to the last, both included. */
export interface CodeRange {
  readonly first: Code;
  readonly last: Code;
}

/** The record of a format without its functions: what JSON output begins with. */
export function recordOf(format: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(format).filter(([, value]) => typeof value !== 'function'));
}

/** The smallest value above zero. */
export function minPositive(format: Format): number {
  switch (format.kind) {
    case 'float':
      return format.minSubnormal;
    case 'posit':
    case 'logarithmic':
      return format.minPositive;
    case 'fixed':
      return format.step;
    case 'int':
      return 1;
    case 'codebook':
      return format.values().find((value) => value > 0) ?? NaN;
  }
}

/** The distance from 1 to the next value above it; NaN where 1 or what follows it is no value. */
export function epsilon(format: Format): number {
  if (format.kind === 'float') return format.epsilon;
  return format.has(1) && format.max > 1 ? nextUp(1, format) - 1 : NaN;
}

/** How many finite values there are, -0 and +0 being one; undefined above 16 bits. */
export const countValues = (format: Format): number | undefined =>
  format.bits <= 16 ? format.values().length : undefined;

/** The code in the carrier of the format's width. */
const asCode = (code: bigint, format: Format): Code => (format.bits <= 32 ? Number(code) : code);

/** Where codes that are not numbers may lie: above the largest magnitude, and in place of the negative zero. */
function floatCandidates(format: FloatFormat): [bigint, bigint][] {
  const top = BigInt(format.encode(format.hasInfinity ? Infinity : format.max)) + 1n;
  const all = 1n << BigInt(format.bits);
  if (!format.isSigned) return [[top, all - 1n]];
  const sign = 1n << BigInt(format.exponentBits + format.mantissaBits);
  return [
    [top, sign - 1n],
    [sign, sign],
    [sign + top, 2n * sign - 1n],
    [2n * sign, all - 1n],
  ];
}

function nanCandidates(format: Format): [bigint, bigint][] {
  const all = 1n << BigInt(format.bits);
  switch (format.kind) {
    case 'float':
      return floatCandidates(format);
    case 'codebook':
      return [[BigInt(format.values().length), all - 1n]];
    default:
      return [[all / 2n, all / 2n]];
  }
}

/** All codes that stand for no number, ascending; none for formats without codes. */
export function nanCodes(format: Format): readonly CodeRange[] {
  if (format.bits === Infinity) return [];
  return nanCandidates(format)
    .filter(([first, last]) => first <= last && Number.isNaN(format.decode(asCode(first, format))))
    .map(([first, last]) => ({ first: asCode(first, format), last: asCode(last, format) }));
}

const landmark = (name: string, value: number): Landmark => ({ name, value });

function aroundOne(format: Format): Landmark[] {
  if (!format.has(1)) return [];
  return [
    ...(format.min < 1 ? [landmark('last below 1', nextDown(1, format))] : []),
    landmark('1', 1),
    ...(format.max > 1 ? [landmark('next above 1', nextUp(1, format))] : []),
  ];
}

/** Without exponent bits every value is subnormal. */
export const hasNormals = (format: FloatFormat): boolean => format.minNormal <= format.max;

function smallOnes(format: Format): Landmark[] {
  if (format.kind !== 'float') return [landmark('smallest positive', minPositive(format))];
  if (!format.hasSubnormals) return [landmark('smallest normal', format.minNormal)];
  if (!hasNormals(format)) return [landmark('smallest subnormal', format.minSubnormal)];
  return [
    landmark('smallest subnormal', format.minSubnormal),
    landmark('largest subnormal', nextDown(format.minNormal, format)),
    landmark('smallest normal', format.minNormal),
  ];
}

/** Values worth knowing, ascending from zero; then the most negative one, infinities and NaN. */
export function landmarksOf(format: Format): readonly Landmark[] {
  const integer = format.kind === 'int';
  return [
    ...(format.has(0) ? [landmark('zero', 0)] : []),
    ...(format.hasNegativeZero ? [landmark('negative zero', -0)] : []),
    ...(integer ? [landmark('1', 1)] : [...smallOnes(format), ...aroundOne(format)]),
    landmark('largest', format.max),
    ...(format.min < 0 ? [landmark('most negative', format.min)] : []),
    ...(format.hasInfinity ? [landmark('infinity', Infinity)] : []),
    ...(format.hasInfinity && format.isSigned ? [landmark('-infinity', -Infinity)] : []),
    ...(format.hasNaN ? [landmark(format.kind === 'posit' ? 'NaR' : 'NaN', NaN)] : []),
  ];
}
