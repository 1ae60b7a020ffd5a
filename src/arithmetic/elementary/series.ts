/**
 * ln 2, pi, and the power series of exp, log, sine, cosine, arctangent and the error function in BigInt fixed point, to any
 * number of digits, each with a proven bound of its error (in the comment that ends with the bound). Rounded in `interval.ts`.
 * Source: R. Brent and P. Zimmermann, "Modern Computer Arithmetic", 2010, chapter 4; DLMF sections 4 and 7.
 */
import { integerSquareRoot } from '../../formats/integers.ts';
import {
  absolute,
  type Ball,
  bitLength,
  divide,
  exactBall,
  multiply,
  negated,
  shifted,
  squareRoot,
  toFixed,
} from './ball.ts';

interface Fixed {
  readonly value: bigint;
  readonly digits: number;
}

/** floor-like values of sum sign^i / ((2i + 1) n^(2i + 1)) 2^digits: arctanh(1/n) or arctan(1/n), within one unit a term. */
function inverseSeries(n: bigint, digits: number, sign: bigint): bigint {
  const square = n * n * sign;
  let power = (1n << BigInt(digits)) / n;
  let sum = 0n;
  for (let i = 1n; power !== 0n; i += 2n) {
    sum += power / i;
    power /= square;
  }
  return sum;
}

/** A constant to as many digits as were asked for yet, within one unit of the last. */
function constant(compute: (digits: number) => bigint): (digits: number) => bigint {
  let known: Fixed = { value: 0n, digits: -1 };
  return (digits) => {
    if (known.digits < digits) {
      const more = Math.max(digits, 256) + 64;
      // 64 guard digits cover the errors of all terms of the series.
      known = { value: compute(more + 64) >> 64n, digits: more };
    }
    return known.value >> BigInt(known.digits - digits);
  };
}

/** ln 2 in units of 2^-digits, within 2 units. */
const ln2: (digits: number) => bigint = constant(
  (digits) =>
    18n * inverseSeries(26n, digits, 1n) -
    2n * inverseSeries(4801n, digits, 1n) +
    8n * inverseSeries(8749n, digits, 1n),
);

/** pi / 2 in units of 2^-digits, within 2 units: Machin's formula. */
export const halfPi: (digits: number) => bigint = constant(
  (digits) => 8n * inverseSeries(5n, digits, -1n) - 2n * inverseSeries(239n, digits, -1n),
);

/** pi as a ball of about that many digits. */
export function piBall(digits: number): Ball {
  return { middle: halfPi(digits), radius: 2n, exponent: 1 - digits };
}

/** ln 2 as a ball of about that many digits. */
export function ln2Ball(digits: number): Ball {
  return { middle: ln2(digits), radius: 2n, exponent: -digits };
}

/** e^x, relative error about 2^-digits, for a ball of radius below 2^-8. */
export function exponential(x: Ball, digits: number): Ball {
  const size = Math.max(0, bitLength(x.middle) + x.exponent);
  const halvings = Math.floor(Math.sqrt(digits) / 2) + 2;
  const W = digits + size + halvings + 24;
  const argument = toFixed(x, W);
  const logarithm = ln2(W);
  let k = argument.value / logarithm;
  if (argument.value < 0n) k -= 1n; // so that the rest is positive
  const rest = argument.value - k * logarithm;
  const radius = argument.radius + 2n * absolute(k) + 2n;
  const one = 1n << BigInt(W);
  const s = rest >> BigInt(halvings);
  let term = one;
  let sum = 0n;
  let n = 0n;
  while (term !== 0n) {
    sum += term;
    n += 1n;
    term = ((term * s) >> BigInt(W)) / n;
  }
  // Each term is less than 3 units too small, the rest of the series less than 8, s less than 1: 3n + 10. A squaring doubles
  // the relative error and adds a unit: below 2^halvings (3n + 11) 1.01, of a sum of at most 2.1.
  for (let i = 0; i < halvings; i++) sum = (sum * sum) >> BigInt(W);
  const error = (3n * n + 12n) << BigInt(halvings + 2);
  // |e^d - 1| < 1.01 |d| for |d| < 2^-7, times a sum of at most 2.1.
  return { middle: sum, radius: error + 3n * radius, exponent: Number(k) - W };
}

/** ln of a positive number significand 2^exponent; the absolute error is about 2^-digits. */
export function logarithm(significand: bigint, exponent: number, digits: number): Ball {
  const length = bitLength(significand);
  // m = significand 2^-places lies in [1/sqrt 2, sqrt 2).
  const places = significand * significand < 1n << BigInt(2 * length - 1) ? length - 1 : length;
  const k = exponent + places;
  const W = digits + bitLength(BigInt(k)) + 16;
  const one = 1n << BigInt(places);
  const s = ((significand - one) << BigInt(W)) / (significand + one);
  const square = (s * s) >> BigInt(W);
  let power = s;
  let sum = 0n;
  let i = 1n;
  while (power !== 0n && power !== -1n) {
    sum += power / i;
    power = (power * square) >> BigInt(W);
    i += 2n;
  }
  // s is within a unit (times 1.04); each power within 3 units and each quotient within 4; the rest within 4: i = 2n + 1 terms.
  return {
    middle: 2n * sum + BigInt(k) * ln2(W),
    radius: 2n * (2n * i + 8n) + 2n * BigInt(Math.abs(k)),
    exponent: -W,
  };
}

/** ln of a ball of positive numbers; the absolute error is about 2^-digits, and what the ball's radius makes of it. */
export function logarithmOfBall({ middle, radius, exponent }: Ball, digits: number): Ball {
  const ball = logarithm(middle, exponent, digits);
  // |ln(m + d) - ln m| <= d / (m - r)
  const shift = BigInt(-ball.exponent);
  return { ...ball, radius: ball.radius + (radius << shift) / (middle - radius) + 1n };
}

/** x - q pi/2 in units of 2^-digits within 4 units, |.| <= pi/4 nearly, and q mod 4. For any finite x, exactly reduced. */
export function reduceQuadrant(x: number, digits: number): { rest: bigint; quadrant: number } {
  const { middle, exponent } = exactBall(x);
  const size = Math.max(0, bitLength(middle) + exponent);
  const W = digits + size;
  const quarter = halfPi(W);
  const argument = shifted(middle, exponent + W);
  let quotient = (2n * argument + quarter) / (2n * quarter);
  if (2n * argument + quarter < 0n) quotient -= 1n; // floor
  const rest = argument - quotient * quarter;
  return { rest: shifted(rest, -size), quadrant: Number(BigInt.asUintN(2, quotient)) };
}

/** sum (-1)^i r^(2i + first) / (2i + first)! in units of 2^-W, for |r| <= 0.8; 3 units a term and 8 for the rest. */
function alternating(r: bigint, W: number, first: 0 | 1): { sum: bigint; error: bigint } {
  const square = (r * r) >> BigInt(W);
  let term = first === 0 ? 1n << BigInt(W) : r;
  let sum = 0n;
  let n = BigInt(first);
  let terms = 0n;
  while (term !== 0n && term !== -1n) {
    sum += term;
    term = -((term * square) >> BigInt(W)) / ((n + 1n) * (n + 2n));
    n += 2n;
    terms += 1n;
  }
  return { sum, error: 3n * terms + 8n };
}

/** Sine and cosine of any finite x; the absolute error is about 2^-digits. */
export function sineAndCosine(x: number, digits: number): { sine: Ball; cosine: Ball } {
  const W = digits + 16;
  const { rest, quadrant } = reduceQuadrant(x, W);
  const balls = ([1, 0] as const).map((first): Ball => {
    const { sum, error } = alternating(rest, W, first);
    return { middle: sum, radius: error + 4n, exponent: -W };
  });
  const [s, c] = balls as [Ball, Ball];
  switch (quadrant) {
    case 0:
      return { sine: s, cosine: c };
    case 1:
      return { sine: c, cosine: negated(s) };
    case 2:
      return { sine: negated(s), cosine: negated(c) };
    default:
      return { sine: negated(c), cosine: s };
  }
}

/** Sine and cosine of a ball within +-0.8; the absolute error is about 2^-digits, and the ball's radius. */
export function sineAndCosineOfBall(x: Ball, digits: number): { sine: Ball; cosine: Ball } {
  const W = digits + 16;
  const { value, radius } = toFixed(x, W);
  const [sine, cosine] = ([1, 0] as const).map((first): Ball => {
    const { sum, error } = alternating(value, W, first);
    return { middle: sum, radius: error + radius, exponent: -W };
  }) as [Ball, Ball];
  return { sine, cosine };
}

/** arctan of a ball of positive numbers up to 1; the absolute error is about 2^-digits, and the ball's radius. */
export function arctangentOfBall(x: Ball, digits: number): Ball {
  const ball = arctangent({ ...x, radius: 0n }, digits);
  return { ...ball, radius: ball.radius + shifted(x.radius, x.exponent - ball.exponent) + 1n };
}

/** arctan of a positive number; the absolute error is about 2^-digits. */
export function arctangent(x: Ball, digits: number): Ball {
  const halvings = 3;
  const W = digits + halvings + 16;
  const one = 1n << BigInt(W);
  const inverts = bitLength(x.middle) + x.exponent > 0;
  const unit: Ball = { middle: 1n, radius: 0n, exponent: 0 };
  // Within 3 units.
  let t = inverts ? toFixed(divide(unit, x, W), W).value : toFixed(x, W).value;
  // arctan t = 2 arctan(t / (1 + sqrt(1 + t^2))); the error is less than halved, and two units come in.
  for (let i = 0; i < halvings; i++)
    t = (t << BigInt(W)) / (one + integerSquareRoot((one << BigInt(W)) + t * t));
  const square = (t * t) >> BigInt(W);
  let power = t;
  let sum = 0n;
  let i = 1n;
  let sign = 1n;
  while (power !== 0n) {
    sum += (sign * power) / i;
    power = (power * square) >> BigInt(W);
    i += 2n;
    sign = -sign;
  }
  // t is within 4 units; power and quotient within 4 a term, (i - 1)/2 terms; the rest within 4.
  const radius = (2n * i + 12n) << BigInt(halvings);
  const angle = sum << BigInt(halvings);
  return inverts
    ? { middle: halfPi(W) - angle, radius: radius + 2n, exponent: -W }
    : { middle: angle, radius, exponent: -W };
}

/** erf(sqrt u) for an exact u > 0, relative error about 2^-digits: DLMF 7.6.2, all terms positive. */
export function errorFunction(u: Ball, digits: number): Ball {
  const size = Math.max(0, bitLength(u.middle) + u.exponent);
  const W = digits + size + 24;
  const ratio = toFixed(u, W + 1).value; // 2u, rounded down
  let [low, high] = [1n << BigInt(W), 1n << BigInt(W)];
  let [lowSum, highSum] = [low, high];
  for (let n = 3n; ; n += 2n) {
    low = ((low * ratio) >> BigInt(W)) / n;
    high = ((high * (ratio + 1n)) >> BigInt(W)) / n + 2n;
    lowSum += low;
    highSum += high;
    // From here on each term is less than half the one before: the rest is less than the last.
    if (low === 0n && (ratio + 1n) * 2n < n << BigInt(W)) break;
  }
  highSum += high;
  const sum: Ball = { middle: lowSum, radius: highSum - lowSum, exponent: -W };
  const four = { middle: 4n * u.middle, radius: 0n, exponent: u.exponent };
  const factor = squareRoot(divide(four, piBall(W), W), W);
  return multiply(multiply(factor, exponential(negated(u), W), W), sum, W);
}

/**
 * erfc(sqrt u) for an exact u >= 1, relative error about 2^-digits if `terms` is large enough: the continued fraction DLMF
 * 7.9.1, 1 + (1/2u)/(1 + (2/2u)/(1 + ...)), every tail of which lies between 1 and 1 + its first element.
 */
function continuedComplement(u: Ball, digits: number, terms: number): Ball {
  const W = digits + 24;
  const one = 1n << BigInt(W);
  const unit: Ball = { middle: 1n, radius: 0n, exponent: 0 };
  const element = toFixed(divide(unit, { ...u, exponent: u.exponent + 1 }, W + 8), W + 8);
  // i / 2u in units of 2^-W, from below and from above.
  const below = (i: bigint): bigint => (i * (element.value - element.radius)) >> 8n;
  const above = (i: bigint): bigint => ((i * (element.value + element.radius)) >> 8n) + 1n;
  let low = one;
  let high = one + above(BigInt(terms));
  for (let i = BigInt(terms) - 1n; i > 0n; i -= 1n) {
    const nextLow = one + (below(i) << BigInt(W)) / high;
    high = one + (above(i) << BigInt(W)) / low + 1n;
    low = nextLow;
  }
  const tail: Ball = { middle: low, radius: high - low, exponent: -W };
  const root = squareRoot(multiply(piBall(W), u, W), W);
  return divide(exponential(negated(u), W), multiply(root, tail, W), W);
}

/** erfc(sqrt u) for an exact u > 0, relative error about 2^-digits. */
export function complementaryErrorFunction(u: Ball, digits: number): Ball {
  const size = Number(shifted(u.middle, u.exponent)); // floor(u)
  // The convergents' error falls like e^-sqrt(8 n u); the series takes about 3 u terms, and more digits for what cancels.
  const terms = size < 1 ? Infinity : Math.ceil((0.26 * (digits + 8)) ** 2 / size) + 8;
  if (terms < 3 * size + digits / 4) return continuedComplement(u, digits, terms);
  const more = digits + Math.ceil(1.45 * size) + bitLength(BigInt(size)) + 8;
  const value = errorFunction(u, more);
  return { ...value, middle: (1n << BigInt(-value.exponent)) - value.middle };
}
