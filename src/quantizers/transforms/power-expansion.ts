/**
 * Dynamic range expansion: a power of each magnitude, so that a group of small range uses the whole range of its format. Source:
 * Xi, Cai, Zhu et al., "COAT: compressing optimizer states and activation for memory-efficient FP8 training", arXiv 2410.19313,
 * section 4.2.
 */

import type { RealArray } from '../../array-kinds.ts';
import { checkFields, numberInRange } from '../../check.ts';
import { formats } from '../../formats/catalogue.ts';
import { countGroups, type Grouping, groupingAt } from '../grouping.ts';
import { checkStatistics, collectGroups, mapGroups, passedBy } from './elementwise.ts';
import { inversePower, log2Magnitude, type PowerOf, powerGradient, powerOfTwoReal } from './powers.ts';
import {
  checkedTransform,
  type Residue,
  residueOf,
  type Transform,
  type TransformData,
} from './transform.ts';

export interface PowerExpansionOptions {
  /** Which elements share k and c. Default: blocks of 128 along the last axis. */
  readonly grouping?: Grouping;
  /** The ratio of magnitudes to expand to. Default 448^2 / 2, that of e4m3fn as COAT counts it. */
  readonly range?: number;
}

const optionNames: readonly (keyof PowerExpansionOptions)[] = ['grouping', 'range'];

/** Steps of k in 1. */
const steps = 16;
/** The least ratio that counts, and the bounds of k: guards for groups of equal magnitudes, whose k would be infinite. */
const leastRatio = 1.0001;
const leastPower = 1 / 16;
const mostPower = 64;

const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

/** k and c of a group, binary32 values. Zeros, NaNs and infinities do not count; without others 1 and 1. */
function statistics(elements: RealArray, range: number): [number, number] {
  let least = Infinity;
  let most = 0;
  for (const x of elements) {
    if (x === 0 || !Number.isFinite(x)) continue;
    least = Math.min(least, Math.abs(x));
    most = Math.max(most, Math.abs(x));
  }
  if (most === 0) return [1, 1];
  const ratio = Math.max(log2Magnitude(most) - log2Magnitude(least), log2Magnitude(leastRatio));
  const power = Math.floor((steps * log2Magnitude(range)) / ratio) / steps;
  const centre = Math.fround(Math.sqrt(most) * Math.sqrt(least));
  // Groups of binary64 numbers may lie beyond binary32.
  return [
    clamp(power, leastPower, mostPower),
    clamp(centre, formats.binary32.minSubnormal, formats.binary32.max),
  ];
}

/** (|x| / c)^k is 2^(-k log2 c) |x|^k. */
function expansionPower(residue: Residue): PowerOf {
  const { values: stored } = residueOf(residue, 'statistics');
  return (group) => {
    const power = stored[2 * group]!;
    return { power, shift: -power * log2Magnitude(stored[2 * group + 1]!) };
  };
}

/**
 * y = sign(x) (|x| / c)^k; inverse |x| = |y|^(1/k) c. For each group, c = sqrt(max min) over non-zero finite magnitudes and k =
 * floor(16 log2(range) / log2(max / min)) / 16, at least 1/16 and at most 64 (max / min counts as 1.0001 at least). k > 1 expands,
 * k < 1 compresses. NaN, infinities and signed zeros pass as they are.
 *
 * c is rounded to binary32, k is exact in it (they are stored: 8 bytes a group); powers are computed in binary64 and rounded once.
 * |x' - x| <= (1 + 1/k) u |x| plus terms below 2^-40 |x|.
 *
 * @example
 * // A ratio of 4 is expanded with k = floor(16 log2(100352) / 2) / 16 = 8.25.
 * powerExpansion().forward(new Float32Array([1, 4]), [2]).values; // [2 ** -8.25, 2 ** 8.25]
 *
 * @throws ArgumentError if an option is not accepted.
 */
export function powerExpansion(options?: PowerExpansionOptions): Transform {
  const given = checkFields('', options, optionNames);
  const grouping = groupingAt('grouping', given.grouping, { per: 'block', size: 128 });
  const range = numberInRange('range', given.range, { above: 1 }, 448 ** 2 / 2);

  return checkedTransform({
    name: 'power-expansion',
    inProduct: 'never',
    forward: (x, shape) => {
      const stored = new Float32Array(2 * countGroups(grouping, shape));
      collectGroups(x, shape, grouping, (group, elements) => {
        stored.set(statistics(elements, range), 2 * group);
      });
      const values = mapGroups(x, shape, grouping, (element, group) => {
        if (element === 0 || !Number.isFinite(element)) return element;
        const logarithm = log2Magnitude(element) - log2Magnitude(stored[2 * group + 1]!);
        const magnitude = powerOfTwoReal(stored[2 * group]! * logarithm);
        return element < 0 ? -magnitude : magnitude;
      });
      return { values, residue: { kind: 'statistics', perGroup: 2, values: stored } };
    },
    inverse: (values, shape, residue) => {
      const stored = checkStatistics(residueOf(residue, 'statistics'), 2, grouping, shape);
      return mapGroups(values, shape, grouping, (element, group) => {
        if (element === 0 || !Number.isFinite(element)) return element;
        const logarithm = log2Magnitude(element) / stored[2 * group]!;
        const magnitude = powerOfTwoReal(logarithm + log2Magnitude(stored[2 * group + 1]!));
        return element < 0 ? -magnitude : magnitude;
      });
    },
    pullback: passedBy,
    forwardGradient: (gradient, x, shape, residue) =>
      powerGradient(gradient, x, shape, grouping, expansionPower(residue)),
    inverseGradient: (gradient, values, shape, residue) =>
      powerGradient(gradient, values, shape, grouping, inversePower(expansionPower(residue))),
    toJSON: (): TransformData => ({ name: 'power-expansion', grouping, range }),
  } satisfies Transform);
}
