/** Weights as the methods after training see them: a row for each output, a column for each input of a product. */
import { kindOf } from '../array-kinds.ts';
import { checkLength, integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';

/** Rows and columns. */
export type MatrixShape = readonly [rows: number, columns: number];

/** Refuses NaN and infinities. Throws ArgumentError. */
export function checkFinite(path: string, x: Float32Array): void {
  const wrong = x.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new ArgumentError(`${path}[${wrong}]`, x[wrong], 'a finite number');
}

function checkSize(path: string, x: Float32Array, [rows, columns]: MatrixShape): void {
  integerInRange('shape[0]', rows, 1, 2 ** 31);
  integerInRange('shape[1]', columns, 1, 2 ** 31);
  checkLength(path, x, rows * columns, `${rows} x ${columns} numbers`);
}

/** Checks that finite numbers are a matrix of that shape. */
export function checkMatrix(path: string, x: Float32Array, shape: MatrixShape): void {
  checkSize(path, x, shape);
  checkFinite(path, x);
}

/** Numbers from 0, one for each weight, not all 0. */
export function checkSensitivity(path: string, given: Float32Array | undefined, shape: MatrixShape): void {
  if (given === undefined) return;
  checkSize(path, given, shape);
  const wrong = given.findIndex((value) => !(value >= 0 && value < Infinity));
  if (wrong >= 0) throw new ArgumentError(`${path}[${wrong}]`, given[wrong], 'a finite number from 0');
}

/** Inputs of a layer, samples x columns, once for each group of as many rows of a matrix. */
export function checkActivations(given: Float32Array, [rows, columns]: MatrixShape, groups: number): void {
  if (rows % groups !== 0) throw new ArgumentError('groups', groups, `a divisor of ${rows} rows`);
  const each = groups * columns;
  const isWhole = kindOf(given) === 'Float32Array' && given.length > 0 && given.length % each === 0;
  const accepted = `a Float32Array, ${groups === 1 ? '' : `${groups} groups x `}samples x ${columns} columns`;
  if (!isWhole) throw new ArgumentError('activations', given, accepted);
  checkFinite('activations', given);
}
