/** The tensor that `halfulp analyze` looks at: drawn from a distribution, or read from a file. */

import { checkSome } from '../../check.ts';
import { ArgumentError, DamagedFileError } from '../../errors.ts';
import { parseJson } from '../../json.ts';
import {
  FileFormatError,
  mostAxes,
  mostElements,
  readNpy,
  type ShapedNumbers,
} from '../../model-files/npy.ts';
import { sizeOf } from '../../shape.ts';
import { readBytes, readText } from '../read-file.ts';
import { distributionNames, distributions } from './distributions.ts';

/** The numbers of nested arrays of equal lengths. */
function readNumbers(text: string): ShapedNumbers {
  let given: unknown;
  try {
    given = parseJson(text);
  } catch (error) {
    throw new FileFormatError(`no JSON: ${(error as Error).message}`);
  }
  const shape: number[] = [];
  for (let level = given; Array.isArray(level); level = level[0]) shape.push(level.length);
  const numbers: number[] = [];
  const collect = (item: unknown, depth: number, path: string): void => {
    if (depth === shape.length) {
      if (typeof item !== 'number') throw new FileFormatError(`${path}: not a number`);
      if (!Number.isFinite(item)) throw new FileFormatError(`${path}: beyond the range of binary64`);
      numbers.push(item);
      return;
    }
    if (!Array.isArray(item) || item.length !== shape[depth])
      throw new FileFormatError(`${path}: not an array of ${shape[depth]} as its neighbours`);
    for (const [i, part] of item.entries()) collect(part, depth + 1, `${path}[${i}]`);
  };
  if (shape.length === 0) throw new FileFormatError('not an array of numbers');
  collect(given, 0, 'data');
  return { values: Float64Array.from(numbers), shape };
}

function readFile(path: string): ShapedNumbers {
  try {
    return path.endsWith('.npy') ? readNpy(readBytes(path, '--data')) : readNumbers(readText(path, '--data'));
  } catch (error) {
    if (error instanceof FileFormatError) throw new DamagedFileError(path, error.message);
    throw error;
  }
}

/** A reader of shapes: `64,1024`. */
export function readShape(option: string): (text: string) => number[] {
  return (text) => {
    const words = text.split(',');
    if (words.length <= mostAxes && words.every((word) => /^\d{1,10}$/.test(word))) {
      const shape = words.map(Number);
      const size = sizeOf(shape);
      if (size >= 1 && size <= mostElements) return shape;
    }
    throw new ArgumentError(
      option,
      text,
      `up to ${mostAxes} lengths with commas between them, product from 1 to 2^28`,
    );
  };
}

/**
 * The tensor that `--data`, `--shape` and `--seed` ask for. Drawn numbers are binary32; those of JSON binary64; those of `.npy` as
 * `readNpy` has them.
 *
 * @throws ArgumentError for a name that is neither distribution nor file, or a shape that does not fit; DamagedFileError.
 */
export function loadData(data: string, shape: readonly number[] | undefined, seed: number): ShapedNumbers {
  const draw = Object.hasOwn(distributions, data) ? distributions[data] : undefined;
  if (draw !== undefined) {
    const sides = shape ?? [64, 1024];
    const count = sizeOf(sides);
    return { values: draw(count, sides.at(-1)!, seed), shape: sides };
  }
  if (!/\.(npy|json)$/.test(data))
    throw new ArgumentError('--data', data, `${distributionNames.join(', ')}, FILE.npy, FILE.json`);
  const read = readFile(data);
  checkSome('--data', read.values, 'a file with numbers', data);
  if (shape === undefined) return read;
  if (sizeOf(shape) !== read.values.length)
    throw new ArgumentError('--shape', shape.join(), `lengths whose product is ${read.values.length}`);
  return { values: read.values, shape };
}
