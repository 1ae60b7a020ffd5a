/**
 * Multiplication of all elements by one factor, as Quartet's 3/4 that keeps stochastic rounding from clipping where a constant
 * scale would (Castro et al., "Quartet: native FP4 training can be optimal", arXiv 2505.14669, section 4.2).
 */

import { checkFields, numberInRange } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { boundedBy, carrierOf } from '../../operations/carrier.ts';
import { passedBy } from './elementwise.ts';
import {
  checkedTransform,
  newLike,
  noResidue,
  residueOf,
  type Transform,
  type TransformData,
} from './transform.ts';

export interface PrescaleOptions {
  /** Finite and not 0; taken as given, not rounded to the precision of the array. */
  readonly factor: number;
}

/**
 * x times a factor; inverse: divided by it. Exact both ways for powers of two (short of overflow and underflow); otherwise two
 * roundings, |x' - x| <= 2 u |x| to first order in u, 2^-24 for a Float32Array. A product of prescaled operands is the product
 * times their factors.
 *
 * @example
 * prescale({ factor: 0.75 }).forward(new Float32Array([4, 8]), [2]).values; // [3, 6]
 *
 * @throws ArgumentError for a factor that is 0 or not finite.
 */
export function prescale(options: PrescaleOptions): Transform {
  const factor = numberInRange('factor', checkFields('', options, ['factor']).factor);
  if (factor === 0) throw new ArgumentError('factor', factor, 'a finite number that is not 0');
  return checkedTransform({
    name: 'prescale',
    inProduct: 'scales',
    forward: (x, _shape) => {
      const values = newLike(x);
      const { max } = carrierOf(x);
      for (let i = 0; i < x.length; i++) values[i] = boundedBy(x[i]!, x[i]! * factor, max);
      return { values, residue: noResidue };
    },
    inverse: (values, _shape, residue) => {
      residueOf(residue, 'none');
      const x = newLike(values);
      const { max } = carrierOf(values);
      for (let i = 0; i < values.length; i++) x[i] = boundedBy(values[i]!, values[i]! / factor, max);
      return x;
    },
    pullback: passedBy,
    forwardGradient: (gradient) => gradient.map((g) => g * factor) as typeof gradient,
    inverseGradient: (gradient) => gradient.map((g) => g / factor) as typeof gradient,
    toJSON: (): TransformData => ({ name: 'prescale', factor }),
  } satisfies Transform);
}
