/** An experiment that draws, repeated with one seed after another: what it gives in the mean, and how sure that is. */
import { exponentOf, scaleByPowerOfTwo } from '../binary64.ts';
import { checkFields, checkFunction, checkNumber, integerInRange, isRecord, pathOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { studentQuantile } from '../student.ts';

/** A number over all runs. */
export interface Repeated {
  readonly mean: number;
  /** The sample standard deviation (divisor n - 1); NaN of one run. */
  readonly sd: number;
  /** The 95 % interval of the mean by Student's t, lower end and upper: without end for one run. */
  readonly interval: readonly [low: number, high: number];
  /** The number of each run, in the order of seeds. */
  readonly runs: readonly number[];
}

/** Each number of what an experiment gives, over all runs. */
export type RepeatedOf<T> = T extends number
  ? Repeated
  : T extends Float32Array | Float64Array
    ? readonly Repeated[]
    : { readonly [key in keyof T]: RepeatedOf<T[key]> };

export interface RepeatOptions {
  /** Seed of the first run; the next ones count up. Default 0. */
  readonly seed?: number;
}

/**
 * Mean and spread. Taken from the first run on, so that runs which are all equal have that number for their mean and no spread; and of
 * numbers near 1, so that neither sums nor squares leave the range.
 */
function summary(runs: readonly number[]): Repeated {
  const count = runs.length;
  const largest = runs.reduce(
    (most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most),
    0,
  );
  const exponent = largest === 0 ? 0 : exponentOf(largest);
  const scaled = runs.map((value) => scaleByPowerOfTwo(value, -exponent));
  const [first] = scaled as [number];
  // Of infinities, plainly: their differences are NaN.
  const origin = Number.isFinite(first) ? first : 0;
  const mean = origin + scaled.reduce((sum, value) => sum + (value - origin), 0) / count;
  const squares = scaled.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const sd = count === 1 ? NaN : Math.sqrt(squares / (count - 1));
  const half = count === 1 ? Infinity : (studentQuantile(count - 1) * sd) / Math.sqrt(count);
  const back = (value: number): number => scaleByPowerOfTwo(value, exponent);
  return Object.freeze({
    ...{ mean: back(mean), sd: back(sd), runs: Object.freeze(runs) },
    interval: Object.freeze([back(mean - half), back(mean + half)] as const),
  });
}

const accepted = 'a number, or lists and objects of numbers, the same in every run';

/** The lists and objects of the first run, each number with those of all runs in its place. Throws ArgumentError. */
function gather(path: string, each: readonly unknown[]): unknown {
  const [first] = each;
  if (typeof first === 'number') return summary(each.map((one) => checkNumber(path, one)));
  const isList = Array.isArray(first) || first instanceof Float32Array || first instanceof Float64Array;
  if (!isList && !isRecord(first)) throw new ArgumentError(path, first, accepted);
  const keys = Object.keys(first);
  for (const one of each) {
    const isAlike = typeof one === 'object' && one !== null && Object.keys(one).join() === keys.join();
    if (!isAlike) throw new ArgumentError(path, one, accepted);
  }
  const fields = keys.map((key) => {
    const values = each.map((one) => (one as Readonly<Record<string, unknown>>)[key]);
    return [key, gather(pathOf(path, isList ? Number(key) : key), values)] as const;
  });
  return isList ? fields.map(([, field]) => field) : Object.fromEntries(fields);
}

/**
 * Runs an experiment so many times, with the seeds 0, 1, 2, ..., and gives the mean, the standard deviation and the 95 % interval of the
 * mean of what it gives, with all runs. Of lists and objects each number by itself. Asynchronous experiments run one after another, and
 * the result is a promise.
 *
 * @param runs From 1 to 10^6.
 * @param experiment From a seed to a number, or to lists and objects of numbers. What draws must draw by that seed: stochastic rounding
 *   without a seed of its own draws the same in every run.
 * @throws ArgumentError for an argument, and for runs that do not give the same numbers (`experiment.error`).
 *
 * @example
 * const { mean, interval } = repeat(30, (seed) => round(0.3, 'e2m1', { rounding: 'stochastic', seed }));
 * repeat(30, (seed) => ({ sum: f(seed).sum(x), dot: f(seed).dot(x, x) })).sum.sd
 */
export function repeat<T>(
  runs: number,
  experiment: (seed: number) => Promise<T>,
  options?: RepeatOptions,
): Promise<RepeatedOf<T>>;
export function repeat<T>(
  runs: number,
  experiment: (seed: number) => T,
  options?: RepeatOptions,
): RepeatedOf<T>;
export function repeat(
  runs: number,
  experiment: (seed: number) => unknown,
  options?: RepeatOptions,
): unknown {
  const count = integerInRange('runs', runs, 1, 1e6);
  checkFunction('experiment', experiment);
  const given = checkFields('options', options, ['seed']);
  const first = integerInRange('options.seed', given.seed, 0, 2 ** 53 - 1 - count, 0);
  const measured: unknown[] = [];
  const isPromise = (value: unknown): value is Promise<unknown> =>
    typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
  async function goOn(pending: Promise<unknown>): Promise<unknown> {
    measured.push(await pending);
    while (measured.length < count) measured.push(await experiment(first + measured.length));
    return gather('experiment', measured);
  }
  while (measured.length < count) {
    const value = experiment(first + measured.length);
    if (isPromise(value)) return goOn(value);
    measured.push(value);
  }
  return gather('experiment', measured);
}
