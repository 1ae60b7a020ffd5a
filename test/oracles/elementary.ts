/**
 * Elementary functions by other means than the library's: the engine's own functions where they leave no doubt, else mathjs
 * big numbers (decimal.js) of up to 600 digits, and erf by the alternating Maclaurin series in BigInt.
 *
 * The result is a stand-in: the binary64 number that the exact value becomes by rounding to odd, which lies on the same side of
 * every number of at most 52 bits, so that the oracles of rounding need no more than it. Values beyond binary64 become its
 * largest and its smallest number, which are odd.
 */
import { all, type BigNumber, create } from 'mathjs';
import type { Format } from '../../src/formats/index.ts';
import { exactRemainder } from './remainder.ts';
import { unitExponent, units } from './units.ts';

export type OracleName =
  | 'exp'
  | 'log'
  | 'exp2'
  | 'log2'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'tanh'
  | 'sinh'
  | 'cosh'
  | 'atan'
  | 'rsqrt'
  | 'sigmoid'
  | 'erf'
  | 'gelu'
  | 'pow'
  | 'hypot'
  | FurtherName;

type FurtherName =
  | ('exp10' | 'log10' | 'log1p' | 'expm1' | 'cbrt' | 'softplus' | 'silu' | 'erfc')
  | ('asin' | 'acos' | 'asinh' | 'acosh' | 'atanh' | 'atan2')
  | ('sinPi' | 'cosPi' | 'tanPi');

/** A non-negative rational. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** The binary64 number to which a positive rational is rounded to odd. */
function roundToOdd({ numerator, denominator }: Rational): number {
  const length = (n: bigint): number => n.toString(2).length;
  const exponent = Math.max(length(numerator) - length(denominator) - 54, -1074);
  const shift = BigInt(Math.abs(exponent));
  const [n, d] = exponent < 0 ? [numerator << shift, denominator] : [numerator, denominator << shift];
  let quotient = n / d;
  let sticky = quotient * d !== n;
  let scale = exponent;
  while (quotient >= 1n << 53n) {
    sticky ||= (quotient & 1n) === 1n;
    quotient >>= 1n;
    scale++;
  }
  if (sticky) quotient |= 1n;
  const result = Number(quotient) * 2 ** Math.max(scale, -1000) * 2 ** Math.min(scale + 1000, 0);
  return result === Infinity ? Number.MAX_VALUE : result;
}

/** A finite binary64 number as a decimal fraction with all its digits. */
function exactDecimal(x: number): string {
  const count = units(x);
  // units are 2^-1300; strip what is not needed
  let shift = 0n;
  while (count !== 0n && ((count >> shift) & 0xffffffffn) === 0n) shift += 32n;
  const places = unitExponent - shift;
  const sign = x < 0 ? '-' : '';
  if (places <= 0n) return `${sign}${(count >> shift) << -places}`;
  return `${sign}${(count >> shift) * 5n ** places}e-${places}`;
}

const instances = new Map<number, ReturnType<typeof create>>();

function mathWith(digits: number): ReturnType<typeof create> {
  const math = instances.get(digits) ?? create(all ?? {}, { number: 'BigNumber', precision: digits });
  instances.set(digits, math);
  return math;
}

/** pi 2^bits, by Gauss's formula. */
function piUnits(bits: number): bigint {
  const arctangent = (n: bigint): bigint => {
    let power = (1n << BigInt(bits + 32)) / n;
    let sum = 0n;
    for (let i = 1n; power !== 0n; i += 2n) {
      sum += i % 4n === 1n ? power / i : -power / i;
      power /= n * n;
    }
    return sum;
  };
  return (48n * arctangent(18n) + 32n * arctangent(57n) - 20n * arctangent(239n)) >> 32n;
}

function squareRoot(n: bigint): bigint {
  let root = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + n / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** erf t in units of 2^-bits, from t^2 as a rational. */
function errorFunction({ numerator, denominator }: Rational, bits: number): bigint {
  const W = BigInt(bits);
  let term = 1n << W;
  let sum = 0n;
  for (let k = 0n; term !== 0n; k += 1n) {
    sum += term / (2n * k + 1n);
    term = (-term * numerator) / (denominator * (k + 1n));
  }
  // 2 t / sqrt pi = sqrt(4 t^2 / pi)
  const factor = squareRoot((((4n * numerator) << (4n * W)) / denominator / piUnits(bits)) >> W);
  return (sum * factor) >> W;
}

/** |f(x)| to about `digits` digits; the argument's units are 2^-1300. */
function viaErrorFunction(name: 'erf' | 'erfc' | 'gelu', x: number, digits: number): Rational {
  const t2: Rational = {
    numerator: units(x) ** 2n,
    denominator: 1n << (2n * unitExponent + (name === 'gelu' ? 1n : 0n)),
  };
  const size = name === 'gelu' ? (x * x) / 2 : x * x;
  const small = Math.max(0, -Math.log2(Math.abs(x)));
  const bits = Math.ceil(digits * 3.33 + 3 * size + small + 64);
  const erf = errorFunction(t2, bits);
  if (name === 'erf') return { numerator: erf, denominator: 1n << BigInt(bits) };
  if (name === 'erfc')
    return { numerator: (1n << BigInt(bits)) - (x < 0 ? -erf : erf), denominator: 1n << BigInt(bits) };
  const twicePhi = (1n << BigInt(bits)) + (x < 0 ? -erf : erf);
  return { numerator: units(x) * twicePhi, denominator: 1n << (BigInt(bits) + 1n + unitExponent) };
}

/** The further functions as big numbers, with digits to spare for what cancels. */
function furtherByDecimals(name: OracleName, x: number, y: number, digits: number): BigNumber {
  const math = mathWith(digits + 40);
  const a = math.bignumber(exactDecimal(x));
  const ten = math.bignumber(10);
  const one = math.bignumber(1);
  const ln = (n: BigNumber): BigNumber => math.log(n) as BigNumber;
  const pi = (): BigNumber => math.acos(math.bignumber(-1)) as BigNumber;
  // The functions of pi x have the period 2.
  const turn = (): BigNumber => math.bignumber(exactDecimal(x % 2)).times(pi());
  switch (name) {
    case 'exp10':
      return math.exp(a.times(ln(ten)));
    case 'log10':
      return ln(a).div(ln(ten));
    case 'log1p':
      return ln(a.plus(1));
    case 'expm1':
      return math.exp(a).minus(1);
    case 'cbrt':
      return a.cbrt();
    case 'softplus':
      return ln(math.exp(a).plus(1));
    case 'silu':
      return a.div(math.exp(a.neg()).plus(1));
    case 'asin':
      return math.asin(a) as BigNumber;
    case 'acos':
      return math.acos(a) as BigNumber;
    case 'asinh':
      return ln(a.abs().plus(a.times(a).plus(1).sqrt()));
    case 'acosh':
      return ln(a.plus(a.times(a).minus(1).sqrt()));
    case 'atanh':
      return ln(one.plus(a).div(one.minus(a))).div(2);
    case 'sinPi':
      return math.sin(turn());
    case 'cosPi':
      return math.cos(turn());
    case 'tanPi':
      return math.sin(turn()).div(math.cos(turn()));
    case 'atan2': {
      const angle = math.atan(a.div(math.bignumber(exactDecimal(y))).abs()) as BigNumber;
      return y < 0 ? pi().minus(angle) : angle;
    }
    default:
      throw new Error(`oracle: ${name} has a series of its own`);
  }
}

/** f(x, y) as a big number. */
function viaDecimals(name: OracleName, x: number, y: number, digits: number): BigNumber {
  const math = mathWith(digits);
  const a = math.bignumber(exactDecimal(x));
  const b = math.bignumber(exactDecimal(y));
  const one = math.bignumber(1);
  switch (name) {
    case 'exp':
      return math.exp(a);
    case 'log':
      return math.log(a) as BigNumber;
    case 'exp2':
      return math.exp(a.times(math.log(math.bignumber(2)) as BigNumber));
    case 'log2':
      return (math.log(a) as BigNumber).div(math.log(math.bignumber(2)) as BigNumber);
    case 'sin':
      return math.sin(a);
    case 'cos':
      return math.cos(a);
    case 'tan':
      return math.tan(a) as BigNumber;
    case 'tanh': {
      if (Math.abs(x) < 1) return (math.sinh(a) as BigNumber).div(math.cosh(a) as BigNumber);
      const power = math.exp(a.times(2));
      return power.minus(1).div(power.plus(1));
    }
    case 'sinh':
      return math.sinh(a) as BigNumber;
    case 'cosh':
      return math.cosh(a) as BigNumber;
    case 'atan':
      return math.atan(a) as BigNumber;
    case 'sigmoid':
      return one.div(math.exp(a.neg()).plus(1));
    case 'rsqrt':
      return one.div(a.sqrt());
    case 'pow':
      return a.abs().pow(b);
    case 'hypot':
      return a.times(a).plus(b.times(b)).sqrt();
    default:
      return furtherByDecimals(name, x, y, digits);
  }
}

function rationalOf(value: BigNumber, digits: number): Rational {
  const [mantissa, exponent] = value.abs().toExponential(digits).split('e') as [string, string];
  const numerator = BigInt(mantissa.replace('.', ''));
  const scale = Number(exponent) - digits;
  return scale >= 0
    ? { numerator: numerator * 10n ** BigInt(scale), denominator: 1n }
    : { numerator, denominator: 10n ** BigInt(-scale) };
}

const float64 = new Float64Array(1);
const pattern = new BigUint64Array(float64.buffer);

const { MAX_VALUE } = Number;
const smallest = 5e-324;
const belowOne = 1 - 2 ** -53;

/** A number a little below, or above, a positive binary64 number, rounded to odd. */
function oddBeside(x: number, above: boolean): number {
  float64[0] = x;
  if ((pattern[0]! & 1n) === 0n) pattern[0] = pattern[0]! + (above ? 1n : -1n);
  return float64[0]!;
}

/** Magnitudes at small arguments, by the first two terms of the series: less than 2^-54 of the first is left of the second. */
function atSmall(name: OracleName, x: number): number | undefined {
  const a = Math.abs(x);
  switch (name) {
    case 'sin':
    case 'tanh':
    case 'atan':
    case 'asinh':
    case 'tan':
    case 'sinh':
    case 'asin':
    case 'atanh': // x +- x^3 / 3 or x^3 / 6
      return a < 2 ** -40 ? oddBeside(a, ['tan', 'sinh', 'asin', 'atanh'].includes(name)) : undefined;
    case 'expm1':
    case 'log1p': // x +- x^2 / 2
      return a < 2 ** -60 ? oddBeside(a, x > 0 === (name === 'expm1')) : undefined;
    case 'erfc': // 1 - 2 x / sqrt pi
      return a < 2 ** -60 ? oddBeside(1, x < 0) : undefined;
    case 'cos':
    case 'cosPi':
    case 'cosh': // 1 +- x^2 / 2
      return a < 2 ** -40 ? oddBeside(1, name === 'cosh') : undefined;
    case 'exp':
    case 'exp10':
    case 'exp2': // 1 + x, 1 + x ln 2
      return a < 2 ** -60 ? oddBeside(1, x > 0) : undefined;
    case 'sigmoid': // 1/2 + x / 4
      return a < 2 ** -60 ? oddBeside(0.5, x > 0) : undefined;
    case 'silu':
    case 'gelu': // x/2 + x^2 / sqrt(2 pi), x/2 + x^2 / 4
      return a < 2 ** -60 && a > 2 ** -1000 ? oddBeside(a / 2, x > 0) : undefined;
    default:
      return undefined;
  }
}

/**
 * Magnitudes that need no digits: exact powers of two, those beyond binary64, and those so near to their limit from below that
 * rounding to odd gives the number before it.
 */
function withoutDigits(name: OracleName, x: number, y: number): number | undefined {
  const a = Math.abs(x);
  switch (name) {
    case 'exp':
    case 'exp2':
      if (x >= 1024 || x < -1074) return x > 0 ? MAX_VALUE : smallest;
      return name === 'exp2' && Number.isInteger(x) ? 2 ** x : undefined;
    case 'exp10':
      if (x > 309 || x < -324) return x > 0 ? MAX_VALUE : smallest;
      return Number.isInteger(x) && x >= 0 && x <= 22 ? Number(`1e${x}`) : undefined;
    case 'log10': {
      const power = Math.round(Math.log10(x));
      return power >= 0 && Number(`1e${power}`) === x && power <= 22 ? power : undefined;
    }
    case 'expm1':
      return x > 710 ? MAX_VALUE : x < -40 ? belowOne : undefined;
    case 'softplus':
      return x > 40 ? oddBeside(x, true) : x < -750 ? smallest : undefined;
    case 'silu':
      return x > 50 ? oddBeside(x, false) : x < -760 ? smallest : undefined;
    case 'erfc':
      // erfc 6.1 < 2^-56
      return x > 28 ? smallest : x < -6.1 ? oddBeside(2, false) : undefined;
    case 'sinPi':
      return a % 1 === 0.5 ? 1 : undefined;
    case 'cosPi':
      return Number.isInteger(x) ? 1 : undefined;
    case 'tanPi':
      return a % 0.5 === 0.25 ? 1 : undefined;
    case 'log2': {
      const power = Math.round(Math.log2(x));
      return 2 ** power === x ? Math.abs(power) : undefined;
    }
    case 'pow': {
      const power = y * Math.log(a);
      return Math.abs(power) > 800 ? (power > 0 ? MAX_VALUE : smallest) : undefined;
    }
    case 'sinh':
    case 'cosh':
      return a > 720 ? MAX_VALUE : undefined;
    case 'tanh':
      return a > 20 ? belowOne : undefined; // 2 e^-40 < 2^-56
    case 'erf':
      return a > 6.1 ? belowOne : undefined; // erfc 6.1 < 2^-56
    case 'sigmoid':
      return x > 40 ? belowOne : x < -760 ? smallest : undefined;
    case 'gelu':
      // Phi(-9) < 2^-62
      if (x > 9)
        return roundToOdd({ numerator: (units(x) << 200n) - 1n, denominator: 1n << (unitExponent + 200n) });
      return x < -40 ? smallest : undefined;
    default:
      return undefined;
  }
}

/** The engine's function: not exact, but within a few units of 2^-53. */
function byEngine(name: OracleName, x: number, y: number): number {
  switch (name) {
    case 'exp2':
      return 2 ** x;
    case 'rsqrt':
      return 1 / Math.sqrt(x);
    case 'sigmoid':
      return 1 / (1 + Math.exp(-x));
    case 'exp10':
      return 10 ** x;
    case 'erf':
    case 'erfc':
    case 'gelu':
    case 'softplus':
    case 'silu':
    case 'sinPi':
    case 'cosPi':
    case 'tanPi':
      return NaN;
    case 'pow':
    case 'hypot':
    case 'atan2':
      return Math[name](x, y);
    default:
      return Math[name](x);
  }
}

/** Whether no number of 26 bits lies within 2^-46 of the magnitude; then every such number is on the same side as of the value. */
function isClear(magnitude: number): boolean {
  if (!(magnitude > 2 ** -1000 && magnitude < 2 ** 1000)) return false;
  float64[0] = magnitude;
  const low = Number(pattern[0]! & 0x7ffffffn);
  return low > 256 && low < 2 ** 27 - 256;
}

/** Functions whose result has the sign of the first operand. */
const oddNames: readonly OracleName[] = [
  ...(['tanh', 'sinh', 'atan', 'erf', 'gelu', 'log1p', 'expm1', 'cbrt', 'silu'] as const),
  ...(['asin', 'asinh', 'atanh', 'atan2'] as const),
];

const signOf = (name: OracleName, x: number, y: number): 1 | -1 => {
  if (name === 'pow') return x < 0 && Math.abs(y) % 2 === 1 ? -1 : 1;
  if (name === 'log' || name === 'log2' || name === 'log10') return x < 1 ? -1 : 1;
  if (name === 'sinPi' || name === 'cosPi' || name === 'tanPi') {
    const angle = Math.PI * (x % 2);
    return Math[name.slice(0, 3) as 'sin' | 'cos' | 'tan'](angle) < 0 ? -1 : 1;
  }
  if (name === 'cos' || name === 'sin' || name === 'tan') return Math[name](x) < 0 ? -1 : 1;
  return x < 0 && oddNames.includes(name) ? -1 : 1;
};

/** Whether |x|^y, sqrt(x^2 + y^2) or 1 / sqrt x is that number: rational arithmetic. */
function isExactly(result: number, name: 'pow' | 'hypot' | 'rsqrt' | 'cbrt', x: number, y: number): boolean {
  if (name === 'hypot') return units(result) ** 2n === units(x) ** 2n + units(y) ** 2n;
  if (name === 'rsqrt') return units(result) ** 2n * units(x) === 1n << (3n * unitExponent);
  if (name === 'cbrt') return units(result) ** 3n === units(x) << (2n * unitExponent);
  let roots = 1;
  while (!Number.isInteger(y * roots)) roots *= 2;
  const power = Math.abs(y) * roots;
  // result^roots = |x|^power, or its inverse; more than 2000 factors of anything but 1 are no binary64 number's root.
  if (roots > 2000 || power > 2000) return Math.abs(x) === 1;
  const one = 1n << unitExponent;
  const [left, right] = [units(result) ** BigInt(roots), units(x) ** BigInt(power)];
  return y > 0
    ? left * one ** BigInt(power) === right * one ** BigInt(roots)
    : left * right === one ** BigInt(roots + power);
}

/** The two even neighbours of an odd binary64 number, or the even number itself. */
function evenNeighbours(x: number): number[] {
  float64[0] = x;
  const bits = pattern[0]!;
  if ((bits & 1n) === 0n) return [x];
  return [bits - 1n, bits + 1n].map((even) => {
    pattern[0] = even;
    return float64[0]!;
  });
}

/** Between which rationals |f(x, y)| lies, for finite arguments and results. */
export function magnitudeBounds(
  name: OracleName,
  x: number,
  y: number,
  digits: number,
): { low: Rational; high: Rational } {
  const { numerator, denominator } =
    name === 'erf' || name === 'erfc' || name === 'gelu'
      ? viaErrorFunction(name, x, digits)
      : rationalOf(viaDecimals(name, x, y, digits), digits);
  // Twelve digits for what decimal.js loses where sines vanish.
  const margin = numerator / 10n ** BigInt(digits - 12) + 1n;
  return {
    low: { numerator: numerator - margin, denominator },
    high: { numerator: numerator + margin, denominator },
  };
}

/** By digits alone: more of them until the rounding to odd is certain. */
export function standInByDigits(name: OracleName, x: number, y = 0): number {
  const sign = signOf(name, x, y);
  const known = withoutDigits(name, x, y) ?? atSmall(name, x);
  if (known !== undefined) return sign * known;
  for (const digits of [36, 110, 600]) {
    const { low, high } = magnitudeBounds(name, x, y, digits);
    const odd = roundToOdd(low);
    if (odd === roundToOdd(high)) return sign * odd;
    if (name === 'pow' || name === 'hypot' || name === 'rsqrt' || name === 'cbrt') {
      const exact = evenNeighbours(odd).find((even) => isExactly(even, name, x, y));
      if (exact !== undefined) return sign * exact;
    }
  }
  throw new Error(`oracle: ${name}(${x}, ${y}) is undecided`);
}

/** The stand-in for f(x, y): finite arguments within the domain, a result that is not zero. */
export function standIn(name: OracleName, x: number, y = 0): number {
  const value = byEngine(name, x, y);
  return isClear(Math.abs(value)) ? value : standInByDigits(name, x, y);
}

// pi/2 rounded to odd: the nearest binary64 number is even and too small.
const halfPi = Math.PI / 2 + 2 ** -52;

/** Whether an argument is outside the domain of one of the further functions. */
function outsideOf(name: OracleName, x: number): boolean {
  const a = Math.abs(x);
  switch (name) {
    case 'log10':
      return x < 0;
    case 'log1p':
      return x < -1;
    case 'asin':
    case 'acos':
    case 'atanh':
      return a > 1;
    case 'acosh':
      return x < 1;
    case 'sinPi':
    case 'cosPi':
    case 'tanPi':
      return a === Infinity;
    default:
      return false;
  }
}

/** Zeros, poles and limits of the further functions where the engine has none of them; undefined elsewhere. */
function furtherSpecial(name: OracleName, x: number, isP3109: boolean): number | undefined {
  const a = Math.abs(x);
  const isDown = x < 0 || Object.is(x, -0);
  switch (name) {
    case 'log1p':
      return x === -1 ? -Infinity : undefined;
    case 'expm1':
      return x === -Infinity ? -1 : undefined;
    case 'atanh':
      return a === 1 ? x * Infinity : undefined;
    case 'acos':
    case 'acosh':
      return x === 1 ? 0 : x === 0 ? halfPi : undefined;
    case 'softplus':
      return a === Infinity ? Math.max(x, 0) : undefined;
    case 'silu':
      return x === 0 || x === Infinity ? x : x === -Infinity ? -0 : undefined;
    case 'erfc':
      return a === Infinity ? 1 - Math.sign(x) : undefined;
    case 'sinPi':
      return Number.isInteger(x) ? (isDown ? -0 : 0) : undefined;
    case 'cosPi':
      return a % 1 === 0.5 ? 0 : undefined;
    case 'tanPi': {
      if (a % 1 === 0.5) return isP3109 ? NaN : Math.floor(x) % 2 === 0 ? Infinity : -Infinity;
      return Number.isInteger(x) ? (isDown !== (a % 2 === 1) ? -0 : 0) : undefined;
    }
    default:
      return undefined;
  }
}

/** Results at NaN, infinities, zeros and outside the domain; undefined elsewhere. The engine's, where the standards agree. */
function special(name: OracleName, x: number, y: number, format: Format): number | undefined {
  const isP3109 = format.kind === 'float' && format.specials === 'p3109';
  const nanPrevails = isP3109 || format.kind === 'posit';
  const isPlain = (a: number): boolean => Number.isFinite(a) && a !== 0;
  if (name === 'pow') {
    if (nanPrevails && (Number.isNaN(x) || Number.isNaN(y))) return NaN;
    if (isP3109 && x === 0 && y < 0 && y !== -Infinity) return NaN;
    if (x === 1 || (x === -1 && Math.abs(y) === Infinity)) return 1; // where ECMAScript departs from IEEE 754
    return isPlain(x) && isPlain(y) && x !== -1 && (x > 0 || Number.isInteger(y)) ? undefined : x ** y;
  }
  if (name === 'hypot') {
    if (nanPrevails && (Number.isNaN(x) || Number.isNaN(y))) return NaN;
    return isPlain(x) || isPlain(y)
      ? Number.isFinite(x) && Number.isFinite(y)
        ? undefined
        : Math.hypot(x, y)
      : Math.hypot(x, y);
  }
  if (name === 'atan2') {
    if (isPlain(x) && isPlain(y)) return undefined;
    const angle = Math.atan2(x, y);
    // The multiples of pi / 4 are a little larger than the binary64 numbers next to them.
    return angle === 0 ? angle : angle * (1 + 2 ** -52);
  }
  if (outsideOf(name, x)) return NaN;
  const further = furtherSpecial(name, x, isP3109);
  if (further !== undefined) return further;
  const isOutside = x < 0 && ['log', 'log2', 'rsqrt'].includes(name);
  if (isOutside || Number.isNaN(x)) return NaN;
  if (isPlain(x)) return x === 1 && ['log', 'log2', 'log10'].includes(name) ? 0 : undefined;
  if (x === 0 && (name === 'softplus' || name === 'cosPi' || name === 'erfc'))
    return name === 'softplus' ? undefined : 1;
  switch (name) {
    case 'atan':
      return x === 0 ? x : Math.sign(x) * halfPi;
    case 'rsqrt':
      return x === 0 ? (isP3109 ? NaN : 1 / x) : 0;
    case 'sigmoid':
      return 1 / (1 + Math.exp(-x));
    case 'erf':
      return x === 0 ? x : Math.sign(x);
    case 'gelu':
      return x === -Infinity ? -0 : x;
    default:
      return byEngine(name, x, y);
  }
}

/** f(x, y) for any values of the format: a special value, or the stand-in. */
export function oracleElementary(
  name: OracleName | 'remainder',
  x: number,
  y: number,
  format: Format,
): number {
  const plus = (a: number): number => (a === 0 && !format.hasNegativeZero ? 0 : a);
  const [a, b] = [plus(x), plus(y)];
  if (name === 'remainder') return exactRemainder(a, b);
  return special(name, a, b, format) ?? standIn(name, a, b);
}
