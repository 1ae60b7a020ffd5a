/**
 * The laws that a rounding and a format must obey, for any implementation: each law takes functions, not this library's
 * objects, and returns a fast-check property. `fc.assert(laws.monotone(mine))` then finds a counterexample, shrunk.
 */
import fc from 'fast-check';
import { checkFields, checkFunction, checkObject, integerInRange, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { type Format, type FormatSpelling, toFormat } from '../formats/index.ts';
import { type RoundingMode, roundingModes } from '../rounding/index.ts';
import { code, finite, nearTie, real } from './arbitraries.ts';

/** A rounding under test. */
export interface RoundingUnderTest {
  /** What it rounds to; gives the numbers to try. This library's format, or its name. */
  readonly format: Format | FormatSpelling;
  /** What it claims to be. */
  readonly rounding: RoundingMode;
  /** The implementation. `random` is the random integer, in [0, 2^randomBits), of a stochastic rounding. */
  readonly round: (x: number, random: number) => number;
  /** Default 32. */
  readonly randomBits?: number;
}

/** The names of the parameters of fast-check's `assert`: the type is fast-check's. */
const parameterNames: readonly string[] = Object.keys({
  seed: true,
  randomType: true,
  numRuns: true,
  maxSkipsPerRun: true,
  timeout: true,
  skipAllAfterTimeLimit: true,
  interruptAfterTimeLimit: true,
  markInterruptAsFailure: true,
  skipEqualValues: true,
  ignoreEqualValues: true,
  path: true,
  logger: true,
  unbiased: true,
  verbose: true,
  examples: true,
  endOnFailure: true,
  reporter: true,
  asyncReporter: true,
  includeErrorInReport: true,
  plugins: true,
} satisfies Record<keyof fc.Parameters<never[]>, true>);

/** A format under test: any object with these functions, this library's or another's. */
export type FormatUnderTest = Pick<Format, 'name' | 'bits' | 'decode' | 'encode' | 'has'>;

type Property<T> = fc.IPropertyWithHooks<T>;

const same = (a: number, b: number): boolean => Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b));

/** A rounding under test whose fields are checked. */
interface Checked extends Required<RoundingUnderTest> {
  readonly format: Format;
}

const fieldNames: readonly (keyof RoundingUnderTest)[] = ['format', 'rounding', 'round', 'randomBits'];

/** Throws ArgumentError that names the field that is wrong. */
function checked(given: RoundingUnderTest): Checked {
  const { format, rounding, round, randomBits } = checkFields('', given, fieldNames, 'rounding');
  checkFunction('round', round);
  return {
    format: toFormat(format!),
    rounding: oneOf('rounding', rounding, roundingModes),
    round: round!,
    randomBits: integerInRange('randomBits', randomBits, 1, 32, 32),
  };
}

/** A law as its users call it. */
function law<T>(property: (r: Checked) => Property<T>): (r: RoundingUnderTest) => Property<T> {
  return (r) => property(checked(r));
}

function randomInteger({ randomBits }: Checked): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: 2 ** randomBits - 1 });
}

function fail(message: string): never {
  throw new Error(message);
}

/** x <= y implies round(x) <= round(y), for the same random integer. NaN results (overflow, unsigned) say nothing. */
function monotone(r: Checked): Property<[number, number, number]> {
  return fc.property(real(r.format), real(r.format), randomInteger(r), (x, y, random) => {
    const [low, high] = x <= y ? [x, y] : [y, x];
    const a = r.round(low, random);
    const b = r.round(high, random);
    if (a > b) fail(`round(${low}) = ${a} > round(${high}) = ${b}, random ${random}`);
  });
}

/** A rounded number rounds to itself; by jamming, unless it is the least of all, which overflow may have made of an odd number. */
function idempotent(r: Checked): Property<[number, number]> {
  return fc.property(real(r.format), randomInteger(r), (x, random) => {
    const once = r.round(x, random);
    const twice = r.round(once, random);
    if (r.rounding === 'jamming' && once === r.format.min) return;
    if (!same(once, twice)) fail(`round(${x}) = ${once}, and that rounds to ${twice}`);
  });
}

/** A value of the format rounds to itself, whatever the random integer. Not a law of jamming. */
function exactWhenRepresentable(r: Checked): Property<[number, number]> {
  if (r.rounding === 'jamming') throw new ArgumentError('rounding', r.rounding, 'any other mode');
  return fc.property(finite(r.format), randomInteger(r), (x, random) => {
    const rounded = r.round(x, random);
    if (rounded !== x) fail(`round(${x}) = ${rounded}, but ${x} is a value of ${r.format.name}`);
  });
}

/** The result is a value of the format, or NaN. */
function closed(r: Checked): Property<[number, number]> {
  return fc.property(real(r.format), randomInteger(r), (x, random) => {
    const rounded = r.round(x, random);
    if (!Number.isNaN(rounded) && !r.format.has(rounded))
      fail(`round(${x}) = ${rounded}, which is not a value of ${r.format.name}`);
  });
}

const mirrored: Readonly<Partial<Record<RoundingMode, true>>> = {
  'nearest-even': true,
  'nearest-away': true,
  'nearest-to-zero': true,
  'nearest-odd': true,
  'toward-zero': true,
  'away-from-zero': true,
  'to-odd': true,
  jamming: true,
  stochastic: true,
  'stochastic-equal': true,
};

/** Whether jamming sets the last bit of two's complement or of an index, not of a magnitude. */
function isJammedBelow({ kind }: Format): boolean {
  return kind === 'int' || kind === 'fixed' || kind === 'codebook';
}

/** Whether the format's values are symmetric about 0, ties and what jamming does included. */
function isSymmetric({ format, rounding }: Checked): boolean {
  if (rounding === 'jamming' && isJammedBelow(format)) return false;
  if (format.kind !== 'codebook') return format.min === -format.max;
  return format.ties !== 'upper' && format.values().every((value) => format.has(-value));
}

/** round(-x) = -round(x), for formats whose values are symmetric and modes without a direction. */
function signSymmetric(r: Checked): Property<[number, number]> {
  oneOf('rounding', r.rounding, Object.keys(mirrored));
  if (r.format.min !== -r.format.max || (r.rounding === 'jamming' && isJammedBelow(r.format)))
    throw new ArgumentError('format', r.format.name, 'a format with min = -max, of magnitudes where it jams');
  return fc.property(real(r.format), randomInteger(r), (x, random) => {
    const plus = r.round(x, random);
    const minus = r.round(-x, random);
    if (plus !== -minus && !(Number.isNaN(plus) && Number.isNaN(minus)))
      fail(`round(${x}) = ${plus}, round(${-x}) = ${minus}`);
  });
}

/** Nearest modes: no value of the format is nearer to x than round(x). Not a law of posits, which round their code. */
function halfUlp(r: Checked): Property<[number, number]> {
  if (!r.rounding.startsWith('nearest') || r.format.kind === 'posit')
    throw new ArgumentError('rounding', r.rounding, 'a nearest mode, and not a posit format');
  const inRange = fc.oneof(
    nearTie(r.format),
    finite(r.format).chain(() => real(r.format)),
  );
  return fc.property(inRange, finite(r.format), (x, other) => {
    if (!(x >= r.format.min && x <= r.format.max)) return;
    const rounded = r.round(x, 0);
    if (Math.abs(x - other) < Math.abs(x - rounded)) fail(`round(${x}) = ${rounded}, but ${other} is nearer`);
  });
}

const sides: Readonly<Partial<Record<RoundingMode, (x: number, y: number) => boolean>>> = {
  'toward-zero': (x, y) => Math.abs(y) <= Math.abs(x),
  'away-from-zero': (x, y) => Math.abs(y) >= Math.abs(x),
  'toward-positive': (x, y) => y >= x,
  'toward-negative': (x, y) => y <= x,
};

/** Directed modes: round(x) lies on the side that the mode names. */
function directed(r: Checked): Property<[number, number]> {
  const holds = sides[oneOf('rounding', r.rounding, Object.keys(sides) as RoundingMode[])]!;
  return fc.property(real(r.format), randomInteger(r), (x, random) => {
    if (!(x >= r.format.min && x <= r.format.max)) return;
    const rounded = r.round(x, random);
    if (!Number.isNaN(rounded) && !holds(x, rounded)) fail(`${r.rounding}: round(${x}) = ${rounded}`);
  });
}

/** Formats whose codes end in the last bit of a significand or of an integer. */
function hasLastBit(format: Format): boolean {
  if (format.kind === 'float') return format.mantissaBits > 0 && format.bits !== Infinity;
  return format.kind === 'int' || format.kind === 'fixed';
}

const oddModes: Readonly<Partial<Record<RoundingMode, true>>> = { 'to-odd': true, jamming: true };

/** To odd and jamming: the last bit of an inexact result is 1, by jamming of every result. A float's zero and ends of the range aside. */
function odd(r: Checked): Property<[number, number]> {
  const { format, rounding } = r;
  if (oddModes[rounding] !== true || !hasLastBit(format))
    throw new ArgumentError(
      'rounding',
      rounding,
      'to-odd, jamming, of a float with mantissa bits or an integer',
    );
  return fc.property(real(format), randomInteger(r), (x, random) => {
    const rounded = r.round(x, random);
    const isInside = rounded > format.min && rounded < format.max && x > format.min && x < format.max;
    if (!isInside || (rounded === 0 && format.kind === 'float')) return;
    const isDue = rounding === 'jamming' || rounded !== x;
    if (isDue && BigInt(format.encode(rounded)) % 2n === 0n) fail(`round(${x}) = ${rounded}, which is even`);
  });
}

/**
 * Stochastic rounding, N <= 12 random bits: over all 2^N random integers the mean is x, up to one part in 2^N of the
 * distance between its neighbours (variant A's bias).
 */
function unbiased(r: Checked): Property<[number]> {
  const bits = r.randomBits;
  oneOf('rounding', r.rounding, ['stochastic']);
  if (bits > 12)
    throw new ArgumentError('randomBits', bits, '1 to 12, so that all random integers can be tried');
  const count = 2 ** bits;
  return fc.property(fc.oneof(nearTie(r.format), real(r.format)), (x) => {
    if (!(Math.abs(x) <= r.format.max) || x < r.format.min) return;
    const low = r.round(x, 0);
    const high = r.round(x, count - 1);
    let away = 0;
    for (let random = 0; random < count; random++) {
      const rounded = r.round(x, random);
      if (rounded === high && high !== low) away++;
      else if (rounded !== low) fail(`round(${x}) gives ${low}, ${high} and ${rounded}`);
    }
    if (low === high) return;
    const fraction = (x - low) / (high - low);
    if (Math.abs(away / count - fraction) > 1.01 / count)
      fail(`round(${x}) goes to ${high} in ${away} of ${count} cases; the fraction is ${fraction}`);
  });
}

/** Every code of the format decodes to a number that the format has, and that number encodes to a code of itself. */
function codesRoundTrip(
  format: FormatUnderTest & Pick<Format, 'kind'>,
): Property<[ReturnType<Format['encode']>]> {
  checkObject('format', format, 'an object with name, bits, kind, decode, encode, has');
  for (const name of ['decode', 'encode', 'has'] as const) checkFunction(name, format[name]);
  return fc.property(code(format as Format), (given) => {
    const value = format.decode(given);
    if (Number.isNaN(value)) return;
    if (!format.has(value)) fail(`decode(${given}) = ${value}, which the format says that it has not`);
    const back = format.decode(format.encode(value));
    if (!Object.is(back, value)) fail(`decode(${given}) = ${value}, which encodes to a code of ${back}`);
  });
}

type Law<N extends number[]> = (r: RoundingUnderTest) => Property<N>;

export const laws: {
  readonly monotone: Law<[number, number, number]>;
  readonly idempotent: Law<[number, number]>;
  readonly exactWhenRepresentable: Law<[number, number]>;
  readonly closed: Law<[number, number]>;
  readonly signSymmetric: Law<[number, number]>;
  readonly halfUlp: Law<[number, number]>;
  readonly directed: Law<[number, number]>;
  readonly odd: Law<[number, number]>;
  readonly unbiased: Law<[number]>;
  readonly codesRoundTrip: typeof codesRoundTrip;
} = Object.freeze({
  monotone: law(monotone),
  idempotent: law(idempotent),
  exactWhenRepresentable: law(exactWhenRepresentable),
  closed: law(closed),
  signSymmetric: law(signSymmetric),
  halfUlp: law(halfUlp),
  directed: law(directed),
  odd: law(odd),
  unbiased: law(unbiased),
  codesRoundTrip,
});

/** The laws that bind a rounding of this mode and format. Throws ArgumentError for a wrong field. */
export function lawsOf(given: RoundingUnderTest): ReadonlyMap<string, Property<never[]>> {
  const r = checked(given);
  const found = new Map<string, unknown>();
  found.set('monotone', monotone(r));
  if (r.rounding !== 'jamming') found.set('exactWhenRepresentable', exactWhenRepresentable(r));
  found.set('idempotent', idempotent(r));
  found.set('closed', closed(r));
  if (mirrored[r.rounding] === true && isSymmetric(r)) found.set('signSymmetric', signSymmetric(r));
  if (r.rounding.startsWith('nearest') && r.format.kind !== 'posit') found.set('halfUlp', halfUlp(r));
  if (sides[r.rounding] !== undefined) found.set('directed', directed(r));
  if (oddModes[r.rounding] === true && hasLastBit(r.format)) found.set('odd', odd(r));
  if (r.rounding === 'stochastic' && r.randomBits <= 12) found.set('unbiased', unbiased(r));
  return found as ReadonlyMap<string, Property<never[]>>;
}

/**
 * Checks a rounding against every law that binds it.
 *
 * @param parameters Those of fast-check's `assert`: `numRuns`, `seed` and so on.
 * @throws Error with the law's name and fast-check's shrunk counterexample; ArgumentError for a wrong field.
 *
 * @example
 * checkLaws({ format: formats.e4m3fn, rounding: 'nearest-even', round: (x) => round(x, 'e4m3fn') });
 */
export function checkLaws(given: RoundingUnderTest, parameters?: fc.Parameters<never[]>): void {
  const r = checked(given);
  checkFields('parameters', parameters, parameterNames);
  for (const [name, property] of lawsOf(r)) {
    try {
      fc.assert(property, parameters);
    } catch (error) {
      throw new Error(`${r.format.name}, ${r.rounding}: the law ${name} does not hold`, { cause: error });
    }
  }
}
