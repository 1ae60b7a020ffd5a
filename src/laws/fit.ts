/**
 * Laws fitted to runs by least squares: Levenberg and Marquardt's method (the npm package `ml-levenberg-marquardt`, which is not
 * bundled) over the logarithms of the parameters, from many starts; intervals by the linear approximation at the optimum.
 */
import {
  checkFields,
  checkList,
  checkObject,
  integerInRange,
  numberInRange,
  oneOf,
  pathOf,
} from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { optionalPackage } from '../optional.ts';
import { randomIntegers } from '../rounding/philox.ts';
import { studentQuantile } from '../student.ts';
import { type LawForm, type LawFormName, lawForms } from './forms.ts';

export interface FitLawOptions {
  /** Parameters that are not fitted, by name. */
  readonly fixed?: Readonly<Record<string, number>>;
  /** Starts, drawn between the form's ends. From 1 to 10000. Default 24. */
  readonly starts?: number;
  /** Of the draws. Default 1. */
  readonly seed?: number;
}

/** A run as a fit reads it: the form's variables and the loss. */
export type LawRow = Readonly<Record<string, number>>;

/** A number and its 95 % interval; without end where the rows do not determine it. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface LawFit {
  readonly form: LawFormName;
  readonly parameters: Readonly<Record<string, Estimate>>;
  readonly rows: number;
  /** Rows less parameters that were fitted. */
  readonly degreesOfFreedom: number;
  /** Root of the mean square of loss less law, in the loss's unit. */
  readonly rms: number;
  /** Share of the variance of the losses that the law explains; NaN where all losses are equal. */
  readonly r2: number;
  /** Parameters that were not fitted. */
  readonly fixed: readonly string[];
  /** Parameters that the rows do not determine. */
  readonly undetermined: readonly string[];
  /** The law at other variables, with the 95 % interval of its mean, without end where the rows do not determine it. Throws ArgumentError. */
  predict(variables: LawRow): Estimate;
}

/** Iterations from each start, and from the best that they lead to. */
const startIterations = 60;
const lastIterations = 500;
/** How far the logarithm of a parameter is moved for a derivative. */
const difference = 1e-5;
/** Of the largest singular value: what is less counts as zero. */
const rankTolerance = 1e-9;
/** Part in a direction in which the law does not change from which on a parameter, or the law elsewhere, is open. */
const openPart = 1e-3;

/** The variables of a law, other fields beside them or not. */
function checkVariables(path: string, given: unknown, { variables, zeros = [] }: LawForm): LawRow {
  const row = checkObject(path, given) as LawRow;
  for (const name of variables)
    numberInRange(pathOf(path, name), row[name], zeros.includes(name) ? { from: 0 } : { above: 0 });
  return row;
}

function checkRows(rows: unknown, form: LawForm): readonly LawRow[] {
  return checkList('rows', rows, 'an array of objects').map((row, index) => {
    const path = pathOf('rows', index);
    const given = checkVariables(path, row, form);
    numberInRange(pathOf(path, 'loss'), given['loss'], form.isDifference ? {} : { from: 0 });
    return given;
  });
}

function checkFixed(given: unknown, names: readonly string[]): Readonly<Record<string, number>> {
  const fields = checkFields('options.fixed', given as object | undefined, names);
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined) numberInRange(pathOf('options.fixed', name), value, { above: 0 });
  return fields as Readonly<Record<string, number>>;
}

/** Law and derivatives by the logarithms of the parameters that are fitted. */
class Fitted {
  readonly names: readonly string[];
  readonly #form: LawForm;
  readonly #fixed: Readonly<Record<string, number>>;

  constructor(form: LawForm, fixed: Readonly<Record<string, number>>) {
    this.#form = form;
    this.#fixed = fixed;
    this.names = Object.keys(form.parameters).filter((name) => fixed[name] === undefined);
  }

  parameters(logs: readonly number[]): Record<string, number> {
    return {
      ...this.#fixed,
      ...Object.fromEntries(this.names.map((name, i) => [name, Math.exp(logs[i]!)])),
    };
  }

  at(logs: readonly number[]): (row: LawRow) => number {
    const parameters = this.parameters(logs);
    return (row) => this.#form.value(parameters, row);
  }

  gradient(logs: readonly number[]): (row: LawRow) => number[] {
    const moved = (i: number, by: number): ((row: LawRow) => number) =>
      this.at(logs.map((log, j) => (i === j ? log + by : log)));
    const pairs = logs.map((_, i) => [moved(i, difference), moved(i, -difference)] as const);
    return (row) => pairs.map(([up, down]) => (up(row) - down(row)) / (2 * difference));
  }

  /** A point between the form's ends, by a random 32-bit integer for each parameter. */
  start(random: Uint32Array): number[] {
    return this.names.map((name, i) => {
      const [low, high] = this.#form.parameters[name]!;
      return Math.log(low) + (random[i]! / 2 ** 32) * Math.log(high / low);
    });
  }
}

const squaresOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value * value, 0);

/** The logarithms of least squares among what the starts lead to; null if none leads to finite numbers. */
async function leastSquares(
  fitted: Fitted,
  rows: readonly LawRow[],
  starts: number,
  seed: number,
): Promise<number[] | null> {
  const { levenbergMarquardt } = await optionalPackage(
    'fitLaw',
    'ml-levenberg-marquardt',
    () => import('ml-levenberg-marquardt'),
  );
  // In units of the losses themselves: the method's thresholds are absolute.
  const unit = Math.sqrt(squaresOf(rows.map(({ loss }) => loss!)) / rows.length) || 1;
  const data = { x: rows.map((_, i) => i), y: rows.map(({ loss }) => loss! / unit) };
  const lawIn = (logs: number[]): ((index: number) => number) => {
    const law = fitted.at(logs);
    return (index) => law(rows[index]!) / unit;
  };
  const gradientIn = (logs: number[]): ((index: number) => number[]) => {
    const gradient = fitted.gradient(logs);
    return (index) => gradient(rows[index]!).map((part) => part / unit);
  };
  const count = fitted.names.length;
  const random = randomIntegers(starts * count, { seed });
  const errorOf = (logs: readonly number[]): number => {
    const law = fitted.at(logs);
    return squaresOf(rows.map((row) => row['loss']! - law(row)));
  };
  let best: number[] | null = null;
  let least = Number.POSITIVE_INFINITY;
  const descend = (initialValues: number[], maxIterations: number): void => {
    try {
      const { parameterValues } = levenbergMarquardt(data, lawIn, {
        jacobianFunction: gradientIn,
        ...{ initialValues, maxIterations, errorTolerance: 0, improvementThreshold: 1e-12, damping: 0.1 },
      });
      const error = errorOf(parameterValues);
      if (error < least) [best, least] = [parameterValues, error];
    } catch {
      // A start from which the steps leave the finite numbers, or end in a singular matrix, leads nowhere.
    }
  };
  for (let i = 0; i < starts; i++)
    descend(fitted.start(random.subarray(i * count, (i + 1) * count)), startIterations);
  if (best !== null) descend(best, lastIterations);
  return best;
}

/** What rows say of parameters. */
interface Uncertainty {
  /** The inverse of J^T J. */
  readonly covariance: readonly (readonly number[])[];
  /** Directions in which the law does not change on the rows. */
  readonly open: readonly (readonly number[])[];
}

/** What the rows say of the parameters at the optimum. */
async function uncertainty(
  fitted: Fitted,
  logs: readonly number[],
  rows: readonly LawRow[],
): Promise<Uncertainty> {
  const { Matrix, SVD } = await optionalPackage('fitLaw', 'ml-matrix', () => import('ml-matrix'));
  const svd = new SVD(new Matrix(rows.map(fitted.gradient(logs))), { autoTranspose: true });
  const [largest = 0] = svd.diagonal;
  const right = svd.rightSingularVectors.to2DArray();
  const kept = svd.diagonal.map((value) => value > rankTolerance * largest);
  const covariance = logs.map((_, i) =>
    logs.map((_, j) =>
      svd.diagonal.reduce(
        (sum, value, k) => (kept[k] ? sum + (right[i]![k]! * right[j]![k]!) / value ** 2 : sum),
        0,
      ),
    ),
  );
  const open = logs.flatMap((_, k) => (kept[k] ? [] : [right.map((row) => row[k]!)]));
  return { covariance, open };
}

/**
 * A law fitted to runs by least squares of the loss.
 *
 * @param rows For each run its `loss` and the form's variables, numbers above 0; other fields are left alone. More rows than
 *   parameters that are fitted.
 * @throws ArgumentError naming the argument, the row and its field; also if `ml-levenberg-marquardt` or `ml-matrix`, which are not
 * bundled, is not installed.
 *
 * @example
 * const { parameters, predict } = await fitLaw('chinchilla', rows);
 * predict({ parameters: 7e9, tokens: 1e12 }); // { value, low, high }
 */
export async function fitLaw(
  name: LawFormName,
  rows: readonly LawRow[],
  options: FitLawOptions = {},
): Promise<LawFit> {
  oneOf('form', name, Object.keys(lawForms) as LawFormName[]);
  const form: LawForm = lawForms[name];
  checkFields('options', options, ['fixed', 'starts', 'seed']);
  const fixed = checkFixed(options.fixed, Object.keys(form.parameters));
  const starts = integerInRange('options.starts', options.starts, 1, 10_000, 24);
  const seed = integerInRange('options.seed', options.seed, 0, 2 ** 32 - 1, 1);
  const checked = checkRows(rows, form);
  const fitted = new Fitted(form, fixed);
  const count = fitted.names.length;
  if (count === 0)
    throw new ArgumentError('options.fixed', options.fixed, 'at least one parameter left to fit');
  if (checked.length <= count)
    throw new ArgumentError(
      'rows',
      rows,
      `more than ${count} rows, for ${count} parameters: ${fitted.names.join(', ')}`,
    );
  const logs = await leastSquares(fitted, checked, starts, seed);
  if (logs === null) throw new ArgumentError('rows', rows, `numbers to which ${form.formula} can be fitted`);
  return described(name, fitted, logs, checked, await uncertainty(fitted, logs, checked));
}

function described(
  form: LawFormName,
  fitted: Fitted,
  logs: readonly number[],
  rows: readonly LawRow[],
  { covariance, open }: Uncertainty,
): LawFit {
  const degreesOfFreedom = rows.length - logs.length;
  const law = fitted.at(logs);
  const derivatives = fitted.gradient(logs);
  const residuals = squaresOf(rows.map((row) => row['loss']! - law(row)));
  const mean = rows.reduce((sum, { loss }) => sum + loss!, 0) / rows.length;
  const spread = squaresOf(rows.map(({ loss }) => loss! - mean));
  const width = studentQuantile(degreesOfFreedom) * Math.sqrt(residuals / degreesOfFreedom);
  const values = fitted.parameters(logs);
  const without = { low: 0, high: Number.POSITIVE_INFINITY };
  const estimate = (parameter: string): Estimate => {
    const value = values[parameter]!;
    const i = fitted.names.indexOf(parameter);
    if (i < 0) return { value, low: value, high: value };
    const factor = Math.exp(width * Math.sqrt(covariance[i]![i]!));
    const isOpen = open.some((direction) => Math.abs(direction[i]!) > openPart);
    if (isOpen || !(value * factor < Number.POSITIVE_INFINITY)) return { value, ...without };
    return { value, low: value / factor, high: value * factor };
  };
  const parameters = Object.fromEntries(
    Object.keys(values).map((parameter) => [parameter, estimate(parameter)]),
  );
  return {
    ...{ form, parameters, rows: rows.length, degreesOfFreedom },
    fixed: Object.keys(values).filter((name) => !fitted.names.includes(name)),
    undetermined: fitted.names.filter((name) => parameters[name]!.high === without.high),
    rms: Math.sqrt(residuals / rows.length),
    r2: spread === 0 ? Number.NaN : 1 - residuals / spread,
    predict(variables) {
      const given = checkVariables('variables', variables, lawForms[form]);
      const value = law(given);
      const gradient = derivatives(given);
      const along = (direction: readonly number[]): number =>
        gradient.reduce((sum, part, i) => sum + part * direction[i]!, 0);
      const size = Math.sqrt(squaresOf(gradient));
      if (open.some((direction) => Math.abs(along(direction)) > openPart * size))
        return { value, ...without };
      const variance = along(covariance.map(along));
      const half = width * Math.sqrt(Math.max(variance, 0));
      return { value, low: value - half, high: value + half };
    },
  };
}
