/**
 * Clamping at quantiles with the excess kept sparse and exact: outlier clamping and compensation (OCC). Source: Wang, Wei, Liang
 * et al., "Optimizing large language model training using FP4 quantization", arXiv 2501.17116, section 3.2.
 */

import { isFloat32Array, type RealArray } from '../../array-kinds.ts';
import { checkFields, numberInRange } from '../../check.ts';
import { clampBeyond, finiteAt } from '../../kernels/quantizers/selection.ts';
import { boundedBy, carrierOf } from '../../operations/carrier.ts';
import { leastForSelection } from '../selection.ts';
import { unchanged } from './elementwise.ts';
import { aroundSparse, checkIndices, gather, withoutSparse } from './sparse.ts';
import { checkedTransform, newLike, residueOf, type Transform, type TransformData } from './transform.ts';

export interface ClampResidualOptions {
  /** The upper bound is this quantile of the tensor, the lower one that of 1 - alpha: above 0.5, at most 1. Default 0.99. */
  readonly alpha?: number;
}

/** The finite elements of x at some places of their order, which are told by their number. */
function ranked(x: RealArray, ranksOf: (count: number) => readonly number[]): number[] {
  if (isFloat32Array(x) && x.length >= leastForSelection) return finiteAt(x, ranksOf);
  // Typed arrays sort as numbers.
  const sorted = x.filter(Number.isFinite).sort();
  return ranksOf(sorted.length).map((rank) => sorted[rank]!);
}

/**
 * The quantiles of the finite elements, interpolated between the two nearest ranks: rank p (n - 1), in binary64, rounded to the
 * precision of the array. Undefined where there are none.
 */
function quantiles(x: RealArray, probabilities: readonly number[]): number[] | undefined {
  const places: number[] = [];
  const values = ranked(x, (count) => {
    if (count === 0) return [];
    for (const probability of probabilities) places.push(probability * (count - 1));
    return places.flatMap((place) => [Math.floor(place), Math.min(Math.floor(place) + 1, count - 1)]);
  });
  if (places.length === 0) return undefined;
  return places.map((place, i) => {
    const [low, high] = [values[2 * i]!, values[2 * i + 1]!];
    const value = low + (place - Math.floor(place)) * (high - low);
    return isFloat32Array(x) ? Math.fround(value) : value;
  });
}

/** x clamped one by one into `values`: the definition. Returns the indices of what lies beyond. */
export function clampReference(x: RealArray, low: number, high: number, values: RealArray): Uint32Array {
  let beyond = 0;
  for (let i = 0; i < x.length; i++) if (x[i]! < low || x[i]! > high) beyond++;
  const indices = new Uint32Array(beyond);
  for (let i = 0, next = 0; i < x.length; i++) {
    const element = x[i]!;
    values[i] = element < low ? low : element > high ? high : element;
    if (element < low || element > high) indices[next++] = i;
  }
  return indices;
}

/**
 * x clamped to the quantiles 1 - alpha and alpha of the tensor; what lies beyond is kept as it is beside its index. Inverse: at
 * those places x + (y - bound), so that the quantiser's error at the bound stays, as in a product with the sparse term added;
 * inverse(forward(x)) is exactly x. NaN and infinities count for no quantile; infinities lie beyond the bounds, NaN stays in the clamped tensor.
 *
 * The product of x is that of the clamped tensor plus that of `sparseTerm(residue)`.
 *
 * @example
 * const { values, residue } = clampResidual({ alpha: 0.75 }).forward(new Float32Array([0, 1, 2, 3, 40]), [5]);
 * values; // [1, 1, 2, 3, 3]
 * sparseTerm(residue); // { indices: [0, 4], values: [-1, 37] }
 *
 * @throws ArgumentError for an alpha out of range.
 */
export function clampResidual(options?: ClampResidualOptions): Transform {
  const given = checkFields('', options, ['alpha']);
  const alpha = numberInRange('alpha', given.alpha, { above: 0.5, to: 1 }, 0.99);

  return checkedTransform({
    name: 'clamp-residual',
    inProduct: 'adds',
    forward: (x, _shape) => {
      const values = newLike(x);
      const [low, high] = (quantiles(x, [1 - alpha, alpha]) ?? [-Infinity, Infinity]) as [number, number];
      const indices = isFloat32Array(x)
        ? clampBeyond(x, low, high, values as Float32Array)
        : clampReference(x, low, high, values);
      return { values, residue: { kind: 'clamped', indices, values: gather(x, indices), low, high } };
    },
    inverse: (values, _shape, residue) => {
      const { indices, values: kept, low, high } = residueOf(residue, 'clamped');
      checkIndices(indices, values.length);
      const x = newLike(values);
      x.set(values);
      const { max } = carrierOf(values);
      for (let i = 0; i < indices.length; i++) {
        const place = indices[i]!;
        const bound = kept[i]! > high ? high : low;
        const error = values[place]! - bound;
        // x exactly where the bound is undisturbed, -0 too.
        x[place] = error === 0 ? kept[i]! : boundedBy(kept[i]!, kept[i]! + error, max);
      }
      return x;
    },
    pullback: aroundSparse,
    forwardGradient: (gradient, _x, _shape, residue) =>
      withoutSparse(gradient, residueOf(residue, 'clamped').indices),
    inverseGradient: unchanged,
    toJSON: (): TransformData => ({ name: 'clamp-residual', alpha }),
  } satisfies Transform);
}
