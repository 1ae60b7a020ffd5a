/**
 * Shift and squeeze of logarithms: moves the mean of log2 |x| to 0 and its maximum to 15, so that the tensor fits the range of
 * an 8-bit float without a scale. Source: Cambier, Bhiwandiwalla, Gong et al., "Shifted and squeezed 8-bit floating point
 * format for low-precision training of deep neural networks" (S2FP8), arXiv 2001.05674, section 3.
 */
import { isFloat32Array, type RealArray } from '../../array-kinds.ts';
import { exponentOf, scaleByPowerOfTwo } from '../../binary64.ts';
import { checkFields, numberInRange } from '../../check.ts';
import { type LogarithmSums, magnitudesFor } from '../../kernels/quantizers/magnitudes.ts';
import { countGroups, forEachGroup, type Grouping, groupingAt } from '../grouping.ts';
import { checkStatistics, collectGroups, mapGroups, passedBy } from './elementwise.ts';
import { inversePower, log2Magnitude, type PowerOf, powerGradient, powerOfTwoReal } from './powers.ts';
import {
  checkedTransform,
  newLike,
  type Residue,
  residueOf,
  type Transform,
  type TransformData,
} from './transform.ts';

export interface LogShiftOptions {
  /** Which elements share alpha and beta. Default: the tensor. */
  readonly grouping?: Grouping;
  /** log2 of the largest magnitude afterwards. Default 15, for e5m2. */
  readonly target?: number;
  /** The largest alpha; that of a group of equal magnitudes, for which it would be infinite. Default 15. */
  readonly cap?: number;
}

const optionNames: readonly (keyof LogShiftOptions)[] = ['grouping', 'target', 'cap'];

/** The largest power of two is below 2^1024, and as many significands have a product that is. */
const together = 512;

/**
 * The sum of log2 |x| over the elements that are neither 0 nor infinite nor NaN: exponents as integers, and one logarithm for the
 * product, in binary64, of so many significands in their order.
 */
class LogarithmSum {
  count = 0;
  #exponents = 0;
  #logarithms = 0;
  #product = 1;
  #factors = 0;

  /** Takes 2^exponent times a significand in [1, 2). */
  add(exponent: number, significand: number): void {
    this.count++;
    this.#exponents += exponent;
    this.#product *= significand;
    if (++this.#factors === together) this.#close();
  }

  #close(): void {
    this.#logarithms += log2Magnitude(this.#product);
    this.#product = 1;
    this.#factors = 0;
  }

  get mean(): number {
    if (this.#factors > 0) this.#close();
    return (this.#exponents + this.#logarithms) / this.count;
  }
}

/** alpha and beta of a group, binary32 values. Zeros, NaNs and infinities do not count; without others 1 and 0. */
function statistics(elements: RealArray, target: number, cap: number): [number, number] {
  const sum = new LogarithmSum();
  let largest = 0;
  for (const x of elements) {
    if (x === 0 || !Number.isFinite(x)) continue;
    const size = Math.abs(x);
    const exponent = exponentOf(size);
    sum.add(exponent, scaleByPowerOfTwo(size, -exponent));
    largest = Math.max(largest, size);
  }
  return powersOf(sum, largest, target, cap);
}

function powersOf(
  sum: Pick<LogarithmSum, 'count' | 'mean'>,
  largest: number,
  target: number,
  cap: number,
): [number, number] {
  if (sum.count === 0) return [1, 0];
  const { mean } = sum;
  const spread = log2Magnitude(largest) - mean;
  const alpha = Math.fround(spread * cap <= target ? cap : target / spread);
  return [alpha, Math.fround(-alpha * mean)];
}

/** The same of binary32 numbers, by their sums. */
function statisticsOf(
  { count, exponents, products, largest }: LogarithmSums,
  target: number,
  cap: number,
): [number, number] {
  const logarithms = products.reduce((sum, product) => sum + log2Magnitude(product), 0);
  return powersOf({ count, mean: (exponents + logarithms) / count }, largest, target, cap);
}

/** y of one number that is neither 0 nor infinite nor NaN. */
function shifted(x: number, alpha: number, beta: number): number {
  const magnitude = powerOfTwoReal(beta + alpha * log2Magnitude(x));
  return x < 0 ? -magnitude : magnitude;
}

/** x of one such y. */
function shiftedBack(y: number, alpha: number, beta: number): number {
  const magnitude = powerOfTwoReal((log2Magnitude(y) - beta) / alpha);
  return y < 0 ? -magnitude : magnitude;
}

/** Whether numbers are shifted or shifted back. */
type Way = 'forward' | 'inverse';

/** All numbers one by one: the definition. `stored` has alpha and beta of each group. */
export function shiftReference<A extends RealArray>(
  x: A,
  shape: readonly number[],
  grouping: Grouping,
  stored: Float32Array,
  way: Way,
): A {
  const move = way === 'forward' ? shifted : shiftedBack;
  return mapGroups(x, shape, grouping, (element, group) => {
    if (element === 0 || !Number.isFinite(element)) return element;
    return move(element, stored[2 * group]!, stored[2 * group + 1]!);
  });
}

/** Calls `change` with the elements of each group as an array of their own, or a view, and takes up what that wrote there. */
function changeGroups(
  x: Float32Array,
  shape: readonly number[],
  grouping: Grouping,
  change: (elements: Float32Array, group: number) => void,
): void {
  forEachGroup(grouping, shape, (group, start, rows, rowStride, columns, columnStride) => {
    if (columnStride === 1 && (rows === 1 || rowStride === columns)) {
      change(x.subarray(start, start + rows * columns), group);
      return;
    }
    const elements = new Float32Array(rows * columns);
    const place = (i: number): number =>
      start + Math.floor(i / columns) * rowStride + (i % columns) * columnStride;
    for (let i = 0; i < elements.length; i++) elements[i] = x[place(i)]!;
    change(elements, group);
    for (let i = 0; i < elements.length; i++) x[place(i)] = elements[i]!;
  });
}

/** The same of float32 numbers by the kernel, in place. */
function shiftFast(elements: Float32Array, alpha: number, beta: number, way: Way): void {
  const { kernels, stream } = magnitudesFor(elements, elements);
  kernels.shift(elements.length, stream, alpha, beta, way === 'inverse');
}

/** Of a tensor as one group: what its elements become, and its residue. */
export interface ScalarShift {
  readonly forward: (x: Float32Array) => Float32Array;
  /** Whether that never falls as a binary32 number grows: a step of one is far above the error of a power. */
  readonly isMonotonic: boolean;
  readonly residue: Residue;
}

function scalarShift([alpha, beta]: ReturnType<typeof statisticsOf>): ScalarShift {
  return {
    forward: (x) => {
      const values = x.slice();
      shiftFast(values, alpha, beta, 'forward');
      return values;
    },
    isMonotonic: alpha >= 2 ** -8,
    residue: { kind: 'statistics', perGroup: 2, values: Float32Array.of(alpha, beta) },
  };
}

const scalarShifts = new WeakMap<Transform, (sums: LogarithmSums) => ScalarShift>();

/** What the transform does to each element of a finite float32 tensor, by its sums; undefined for other transforms and groups. */
export function scalarShiftOf(given: Transform): ((sums: LogarithmSums) => ScalarShift) | undefined {
  return scalarShifts.get(given);
}

/** The power that the statistics of a group stand for. */
function logarithmicPower(residue: Residue): PowerOf {
  const { values: stored } = residueOf(residue, 'statistics');
  return (group) => ({ power: stored[2 * group]!, shift: stored[2 * group + 1]! });
}

/**
 * y = sign(x) 2^beta |x|^alpha with alpha = min(15 / (M - mu), cap) and beta = -alpha mu, mu and M the mean and maximum of log2
 * |x| over the non-zero finite elements; inverse |x| = (|y| 2^-beta)^(1/alpha). NaN, infinities and signed zeros pass as they are.
 *
 * alpha and beta are rounded to binary32 (they are stored: 8 bytes a group); powers are computed in binary64 and rounded once.
 * |x' - x| <= (1 + 1/alpha) u |x| plus terms below 2^-40 |x|, where y is a normal number: elements so small that y underflows
 * lose precision or vanish.
 *
 * @example
 * // Magnitudes 2^-20 and 2^-24 have mean -22: alpha is 7.5, and they become 2^15 and 2^-15.
 * logShift().forward(new Float32Array([2 ** -20, 2 ** -24]), [2]).values; // [32768, 2 ** -15]
 *
 * @throws ArgumentError if an option is not accepted.
 */
export function logShift(options?: LogShiftOptions): Transform {
  const given = checkFields('', options, optionNames);
  const grouping = groupingAt('grouping', given.grouping, { per: 'tensor' });
  const target = numberInRange('target', given.target, { above: 0, to: 1023 }, 15);
  const cap = numberInRange('cap', given.cap, { above: 0, to: 1e6 }, 15);

  const made = checkedTransform({
    name: 'log-shift',
    inProduct: 'never',
    forward: (x, shape) => {
      const stored = new Float32Array(2 * countGroups(grouping, shape));
      const residue = { kind: 'statistics', perGroup: 2, values: stored } as const;
      if (isFloat32Array(x)) {
        const values = newLike(x);
        values.set(x);
        changeGroups(values as Float32Array, shape, grouping, (elements, group) => {
          const { kernels, stream } = magnitudesFor(elements, elements);
          const sums = kernels.sums(elements.length, stream);
          const found =
            sums === undefined ? statistics(elements, target, cap) : statisticsOf(sums, target, cap);
          stored.set(found, 2 * group);
          shiftFast(elements, stored[2 * group]!, stored[2 * group + 1]!, 'forward');
        });
        return { values, residue };
      }
      collectGroups(x, shape, grouping, (group, elements) => {
        stored.set(statistics(elements, target, cap), 2 * group);
      });
      return { values: shiftReference(x, shape, grouping, stored, 'forward'), residue };
    },
    inverse: (values, shape, residue) => {
      const stored = checkStatistics(residueOf(residue, 'statistics'), 2, grouping, shape);
      if (!isFloat32Array(values)) return shiftReference(values, shape, grouping, stored, 'inverse');
      const x = newLike(values);
      x.set(values);
      changeGroups(x as Float32Array, shape, grouping, (elements, group) =>
        shiftFast(elements, stored[2 * group]!, stored[2 * group + 1]!, 'inverse'),
      );
      return x;
    },
    pullback: passedBy,
    // y = 2^beta |x|^alpha and x = (2^-beta y)^(1/alpha), with the sign.
    forwardGradient: (gradient, x, shape, residue) =>
      powerGradient(gradient, x, shape, grouping, logarithmicPower(residue)),
    inverseGradient: (gradient, values, shape, residue) =>
      powerGradient(gradient, values, shape, grouping, inversePower(logarithmicPower(residue))),
    toJSON: (): TransformData => ({ name: 'log-shift', grouping, target, cap }),
  } satisfies Transform);
  if (grouping.per === 'tensor')
    scalarShifts.set(made, (sums) => scalarShift(statisticsOf(sums, target, cap)));
  return made;
}
