/** Weights as the methods after training see them: a row for each output, a column for each input of a product. */
import { kindOf } from '../array-kinds.ts';
import { checkLength, integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';

/** Rows and columns. */
export type MatrixShape = readonly [rows: number, columns: number];

/** Checks that numbers are a matrix of that shape. */
export function checkMatrix(
  path: string,
  x: { readonly length: number },
  [rows, columns]: MatrixShape,
): void {
  integerInRange('shape[0]', rows, 1, 2 ** 31);
  integerInRange('shape[1]', columns, 1, 2 ** 31);
  checkLength(path, x, rows * columns, `${rows} x ${columns} numbers`);
}

/** Numbers from 0, one for each weight, not all 0. */
export function checkSensitivity(path: string, given: Float32Array | undefined, shape: MatrixShape): void {
  if (given === undefined) return;
  checkMatrix(path, given, shape);
  const wrong = given.findIndex((value) => !(value >= 0 && value < Infinity));
  if (wrong >= 0) throw new ArgumentError(`${path}[${wrong}]`, given[wrong], 'a finite number from 0');
}

/** Inputs of a layer, samples x columns. */
export function checkActivations(given: Float32Array, columns: number): void {
  const isWhole = kindOf(given) === 'Float32Array' && given.length > 0 && given.length % columns === 0;
  if (!isWhole) throw new ArgumentError('activations', given, `a Float32Array, samples x ${columns} columns`);
}

/** The same numbers, columns as rows. */
export function turnedMatrix(x: Float32Array, [rows, columns]: MatrixShape): Float32Array {
  const turned = new Float32Array(x.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = x[i * columns + j]!;
  return turned;
}
