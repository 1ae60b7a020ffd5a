/**
 * One group of a quantiser by rational arithmetic, operation by operation as `docs/quantizers.md` has them. Written apart from the
 * library: it shares the types of formats and the values that they have.
 */
import { type FloatFormat, type Format, formats } from '../../src/formats/index.ts';
import { resolveRounding } from '../../src/rounding/index.ts';
import { type OracleDirection, oracleBlockExponent } from './blocks.ts';
import { oracleRound } from './index.ts';
import {
  compare,
  exactly,
  floorLog2,
  isZero,
  magnitude,
  minus,
  nearestInteger,
  over,
  plus,
  power,
  type Rational,
  rational,
  root53,
  times,
  to53,
  toFloat,
} from './rational.ts';

export type OracleStatistic =
  | 'absmax'
  | 'absmean'
  | 'absmedian'
  | 'rms'
  | 'std'
  | 'percentile'
  | 'minmax'
  | 'mse'
  | 'constant'
  | 'learned';

/** A quantiser of finite numbers, every default filled in. */
export interface OracleQuantizer {
  readonly element: Format;
  /** The least element in use. */
  readonly low: number;
  readonly from: OracleStatistic;
  readonly percentile: number;
  readonly multiplier: number;
  readonly least: number;
  /** constant and learned: the scale, before it is stored. */
  readonly given?: number;
  readonly zeroPoint?: number;
  readonly format: FloatFormat;
  readonly direction: OracleDirection;
  readonly stored: 'encode' | 'decode';
  readonly isTwoLevel: boolean;
  readonly isNvfp4: boolean;
  readonly leastSquares: boolean;
}

/** What became of a group. */
export interface OracleGroup {
  readonly scale: number;
  readonly elements: number[];
  readonly values: number[];
  readonly zeroPoint: number | undefined;
}

const { binary32, binary64 } = formats;
const zero = rational(0n);

/** Sums over the places 0, 1, 2, 3 mod 4, every addition rounded to 53 bits; joined as (s0 + s1) + (s2 + s3). */
function sumOf(terms: readonly Rational[]): Rational {
  const sums = [zero, zero, zero, zero];
  terms.forEach((term, i) => {
    sums[i % 4] = to53(plus(sums[i % 4]!, term));
  });
  return to53(plus(to53(plus(sums[0]!, sums[1]!)), to53(plus(sums[2]!, sums[3]!))));
}

const square = (x: Rational): Rational => to53(times(x, x));
const mean = (sum: Rational, count: number): Rational => to53(over(sum, rational(BigInt(count))));

function statisticOf(x: readonly number[], from: OracleStatistic, percentile: number): Rational {
  const exact = x.map(exactly);
  const magnitudes = exact.map(magnitude).sort(compare);
  const ranked = (p: number): Rational => magnitudes[Math.max(Math.ceil((p * x.length) / 100), 1) - 1]!;
  switch (from) {
    case 'absmean':
      return mean(sumOf(exact.map(magnitude)), x.length);
    case 'absmedian':
      return ranked(50);
    case 'percentile':
      return ranked(percentile);
    case 'rms':
      return root53(mean(sumOf(exact.map(square)), x.length));
    case 'std': {
      const centre = mean(sumOf(exact), x.length);
      const squares = exact.map((each) => square(to53(minus(each, centre))));
      return root53(mean(sumOf(squares), x.length));
    }
    default:
      return magnitudes.at(-1)!;
  }
}

/** The power of two that a quotient becomes, within the range of the format. */
function powerOf(quotient: Rational, direction: OracleDirection, format: FloatFormat): number {
  let exponent = floorLog2(quotient);
  const above = over(quotient, power(exponent));
  const one = rational(1n);
  if ((direction === 'ceil' || direction === 'rceil') && compare(above, one) > 0) exponent++;
  if (direction === 'even' && compare(above, rational(3n, 2n)) >= 0) exponent++;
  return clampedPower(exponent, format);
}

function clampedPower(exponent: number, { min, max }: FloatFormat): number {
  const ends = [min, max].map((end) => floorLog2(exactly(end))) as [number, number];
  return toFloat(power(Math.min(Math.max(exponent, ends[0]), ends[1])), binary64);
}

/** What a learned scale begins with. */
export function oracleLearned(x: readonly number[], element: Format, from: 'lsq' | 'absmax'): number {
  const statistic = toFloat(statisticOf(x, from === 'lsq' ? 'absmean' : 'absmax', 100), binary64);
  if (statistic === 0) return 1;
  const target = exactly(element.max);
  const scale =
    from === 'absmax'
      ? over(exactly(statistic), target)
      : times(exactly(toFloat(over(exactly(statistic), root53(target)), binary64)), rational(2n));
  return Math.max(toFloat(scale, binary64), Number.MIN_VALUE);
}

/** At most the largest number of the carrier, as all results of finite numbers. */
const carrierOf = (isFloat32: boolean): FloatFormat => (isFloat32 ? binary32 : binary64);

/** The tensor's encode scale, from its largest magnitude. */
export function oracleTensorEncode(amax: number, { element, format }: OracleQuantizer): number {
  if (amax === 0) return 1;
  const top = toFloat(times(exactly(format.max), exactly(target32(element))), binary32);
  const most = toFloat(exactly(amax), binary32);
  if (most === 0) return binary32.max;
  return Math.max(toFloat(over(exactly(top), exactly(most)), binary32), 2 ** -127);
}

const target32 = (element: Format): number => toFloat(exactly(element.max), binary32);

/** The scale that a threshold becomes. */
function scaleOf(threshold: number, q: OracleQuantizer, tensorEncode: number): number {
  const { element, format, direction } = q;
  const isPower = format.mantissaBits === 0 && !format.hasZero;
  if (isPower) {
    if (threshold === 0) return format.min;
    return q.from === 'absmax'
      ? clampedPower(oracleBlockExponent(threshold, element, direction), format)
      : powerOf(over(exactly(threshold), exactly(element.max)), direction, format);
  }
  if (q.isTwoLevel) {
    const reciprocal = toFloat(over(rational(1n), exactly(target32(element))), binary32);
    const unit = toFloat(times(exactly(tensorEncode), exactly(reciprocal)), binary32);
    const product = times(exactly(toFloat(exactly(threshold), binary32)), exactly(unit));
    return toFloat(exactly(Math.min(toFloat(product, binary32), format.max)), format);
  }
  if (q.stored === 'decode') return toFloat(over(exactly(threshold), exactly(element.max)), format);
  if (threshold === 0) return format.max;
  return Math.max(toFloat(over(exactly(element.max), exactly(threshold)), format), format.minSubnormal);
}

/** Numbers in units of a scale, rounded as x is (but exact for powers of two), and the elements that they become. */
function elementsOf(
  x: readonly number[],
  scale: number,
  q: OracleQuantizer,
  isFloat32: boolean,
  tensorEncode: number,
  zeroPoint: number | undefined,
): number[] {
  const { element, low } = q;
  const isPower = q.format.mantissaBits === 0 && !q.format.hasZero;
  const isNarrow =
    (isFloat32 && !isPower) || (q.isTwoLevel && toFloat(exactly(element.max), binary32) === element.max);
  const carrier = carrierOf(isNarrow || (isFloat32 && zeroPoint !== undefined));
  const options = resolveRounding(element, { saturation: 'finite' });
  const decode = toFloat(over(rational(1n), exactly(tensorEncode)), binary32);
  const unit = q.isTwoLevel ? toFloat(times(exactly(scale), exactly(decode)), binary32) : scale;
  return x.map((each) => {
    const sign = Object.is(each, -0) || each < 0 ? -1 : 1;
    let scaled: number;
    if (q.isTwoLevel) {
      const multiplier = unit === 0 ? binary32.max : toFloat(over(rational(1n), exactly(unit)), binary32);
      scaled = toFloat(times(exactly(each), exactly(multiplier)), carrier);
    } else if (scale === 0) scaled = 0;
    else {
      const exact =
        q.stored === 'encode' ? times(exactly(each), exactly(scale)) : over(exactly(each), exactly(scale));
      scaled = toFloat(exact, carrier);
    }
    if (scaled === 0) scaled = q.isNvfp4 ? 0 : sign * 0;
    if (zeroPoint !== undefined) {
      const integer = Number(nearestInteger(exactly(scaled))) + zeroPoint;
      return Math.min(Math.max(integer, low), element.max);
    }
    return Math.max(oracleRound(scaled, element, options, 0), low);
  });
}

function valuesOf(
  elements: readonly number[],
  scale: number,
  q: OracleQuantizer,
  isFloat32: boolean,
  tensorEncode: number,
  zeroPoint: number,
): number[] {
  const decode = toFloat(over(rational(1n), exactly(tensorEncode)), binary32);
  return elements.map((element) => {
    const units = element - zeroPoint;
    const e = exactly(units);
    if (isZero(e) || (q.stored === 'decode' && scale === 0))
      return Object.is(units, -0) || units < 0 ? -0 : 0;
    const exact =
      q.stored === 'encode'
        ? over(e, exactly(scale))
        : times(times(e, exactly(scale)), q.isTwoLevel ? exactly(decode) : rational(1n));
    const value = toFloat(exact, carrierOf(isFloat32));
    return value === 0 && e.n < 0n ? -0 : value;
  });
}

/** The threshold of a group: its statistic by the multiplier, rounded to the carrier each time. */
function thresholdOf(x: readonly number[], q: OracleQuantizer, isFloat32: boolean): number {
  const carrier = carrierOf(isFloat32);
  const statistic = toFloat(statisticOf(x, q.from, q.percentile), carrier);
  return Math.max(toFloat(times(exactly(statistic), exactly(q.multiplier)), carrier), q.least);
}

function searched(
  x: readonly number[],
  q: OracleQuantizer,
  isFloat32: boolean,
  tensorEncode: number,
): number {
  const amax = statisticOf(x, 'absmax', 100);
  let best = toFloat(amax, binary64);
  let leastError: Rational | undefined;
  for (let percent = 200n; percent >= 20n; percent--) {
    const threshold = to53(over(to53(times(amax, rational(percent))), rational(100n)));
    const carrier = carrierOf(isFloat32);
    const number = toFloat(threshold, carrier);
    // None that rounds beyond the largest number.
    const ulp = power(floorLog2(exactly(carrier.max)) - carrier.mantissaBits);
    if (compare(threshold, plus(exactly(carrier.max), over(ulp, rational(2n)))) >= 0) continue;
    const scale = scaleOf(number, q, tensorEncode);
    const elements = elementsOf(x, scale, q, isFloat32, tensorEncode, undefined);
    const values = valuesOf(elements, scale, q, isFloat32, tensorEncode, 0);
    const error = sumOf(values.map((value, i) => square(to53(minus(exactly(value), exactly(x[i]!))))));
    if (leastError !== undefined && compare(error, leastError) >= 0) continue;
    leastError = error;
    best = number;
  }
  return best;
}

/** The scale that fits the elements best. */
function fitted(
  x: readonly number[],
  elements: readonly number[],
  coding: number,
  { format }: OracleQuantizer,
): number {
  const e = elements.map(exactly);
  const energy = sumOf(e.map(square));
  if (isZero(energy)) return toFloat(to53(over(rational(1n), exactly(coding))), format);
  const best = to53(over(sumOf(x.map((each, i) => to53(times(exactly(each), e[i]!)))), energy));
  return toFloat(best, format) + 0;
}

function affine(x: readonly number[], q: OracleQuantizer): { scale: number; zeroPoint: number } {
  const { element, format } = q;
  const [low, high] = [Math.min(0, ...x), Math.max(0, ...x)] as [number, number];
  const range = exactly(toFloat(minus(exactly(high), exactly(low)), binary64));
  const steps = minus(exactly(element.max), exactly(element.min));
  const isPower = format.mantissaBits === 0 && !format.hasZero;
  let scale: number;
  if (isPower) scale = isZero(range) ? format.min : powerOf(over(range, steps), q.direction, format);
  else {
    const quotient = isZero(range) ? rational(1n) : over(range, steps);
    scale = Math.max(toFloat(quotient, format), format.minSubnormal);
  }
  const place = nearestInteger(minus(exactly(element.min), over(exactly(low), exactly(scale))));
  const most = BigInt(element.max);
  return { scale, zeroPoint: Number(place > most ? most : place) };
}

/** One group, of finite numbers. `tensorEncode`: 1 but for two levels. */
export function oracleQuantize(
  x: readonly number[],
  q: OracleQuantizer,
  isFloat32: boolean,
  tensorEncode: number,
): OracleGroup {
  const isPower = q.format.mantissaBits === 0 && !q.format.hasZero;
  let zeroPoint = q.zeroPoint;
  let scale: number;
  if (q.from === 'minmax') ({ scale, zeroPoint } = affine(x, q));
  else if (q.from === 'constant' || q.from === 'learned') {
    scale = isPower
      ? powerOf(exactly(q.given!), q.direction, q.format)
      : Math.max(toFloat(exactly(q.given!), q.format), q.format.minSubnormal);
  } else if (q.leastSquares) {
    const coding = { ...q, format: binary32, stored: 'encode' as const };
    const threshold = q.from === 'mse' ? searched(x, coding, isFloat32, 1) : thresholdOf(x, q, isFloat32);
    const first = scaleOf(threshold, coding, 1);
    const elements = elementsOf(x, first, coding, isFloat32, 1, undefined);
    scale = fitted(x, elements, first, q);
    return { scale, elements, values: valuesOf(elements, scale, q, isFloat32, 1, 0), zeroPoint };
  } else {
    const threshold =
      q.from === 'mse' ? searched(x, q, isFloat32, tensorEncode) : thresholdOf(x, q, isFloat32);
    scale = scaleOf(threshold, q, tensorEncode);
  }
  const elements = elementsOf(x, scale, q, isFloat32, tensorEncode, zeroPoint);
  return {
    scale,
    elements,
    values: valuesOf(elements, scale, q, isFloat32, tensorEncode, zeroPoint ?? 0),
    zeroPoint,
  };
}
