/** What the gradient rules share: maps of elements and sums over groups. */
import { isRealArray, type RealArray, realArray } from '../../array-kinds.ts';
import { checkLength, checkObject, numberInRange, within } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { isFormat } from '../../formats/index.ts';
import { checkGrouping, checkShape, countGroups, forEachGroup } from '../grouping.ts';
import { newLike } from '../transforms/transform.ts';
import type { Quantization } from './gradient.ts';

const whatItIs = 'what explain gave';

/** Throws ArgumentError naming the field, below `path`, of what says less than a rule needs. */
export function checkQuantization(path: string, given: Quantization): void {
  const { x, shape, format, low, high, grouping } = checkObject(path, given, whatItIs) as Quantization;
  if (!isRealArray(x)) throw new ArgumentError(`${path}.x`, x, whatItIs);
  const count = within(path, () => {
    checkShape(shape, x.length);
    return countGroups(checkGrouping(grouping), shape);
  });
  const lengths = {
    values: x.length,
    scaled: x.length,
    elements: x.length,
    scales: count,
    zeroPoints: count,
  };
  for (const [field, length] of Object.entries(lengths)) {
    const array = given[field as keyof typeof lengths];
    if (array === undefined && field === 'zeroPoints') continue;
    if (!isRealArray(array) || array.length !== length)
      throw new ArgumentError(`${path}.${field}`, array, `${length} numbers, ${whatItIs}`);
  }
  if (!isFormat(format)) throw new ArgumentError(`${path}.format`, format, whatItIs);
  numberInRange(`${path}.low`, low);
  numberInRange(`${path}.high`, high, { from: low });
}

/** Reads the gradient of a quantised tensor. Throws ArgumentError unless it fits the tensor. */
export function checkGradient<A extends RealArray>(quantization: Quantization, given: A): A {
  checkQuantization('quantization', quantization);
  const gradient = realArray('gradient', given) as A;
  const { length } = quantization.x;
  checkLength('gradient', gradient, length, `${length} elements, as x`, given);
  return gradient;
}

/** The gradient times a factor an element, rounded once to the precision of the gradient. */
export function scaleEach<A extends RealArray>(gradient: A, factor: (index: number) => number): A {
  const result = newLike(gradient);
  for (let i = 0; i < gradient.length; i++) result[i] = gradient[i]! * factor(i);
  return result;
}

/** Calls `visit(group, index)` for each element, group by group. */
export function eachOfGroups(
  quantization: Quantization,
  visit: (group: number, index: number) => void,
): void {
  forEachGroup(
    quantization.grouping,
    quantization.shape,
    (group, start, rows, rowStride, columns, columnStride) => {
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++) visit(group, start + r * rowStride + c * columnStride);
    },
  );
}
