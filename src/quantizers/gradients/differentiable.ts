/**
 * The differentiable gradient estimator (DGE): the derivative of a smooth step between neighbouring values. Source: Wang, Wei,
 * Liang et al., "Optimizing large language model training using FP4 quantization", arXiv 2501.17116, section 3.1, equations 7, 8.
 */
import { isFloat32Array } from '../../array-kinds.ts';
import { checkFields, checkNumber, numberInRange } from '../../check.ts';
import type { Format } from '../../formats/format.ts';
import { nextDown, nextUp } from '../../formats/neighbours.ts';
import { scaleBySlopes } from '../../kernels/quantizers/slopes.ts';
import { log2Magnitude, powerOfTwoReal } from '../transforms/powers.ts';
import { newLike } from '../transforms/transform.ts';
import type { GradientData, GradientRule, Quantization } from './gradient.ts';
import { checkGradient, eachOfGroups, scaleEach } from './grouped.ts';

export interface DifferentiableOptions {
  /** k, the sharpness of the step: at least 1; 1 is straight-through within the range. Default 5. */
  readonly sharpness?: number;
  /** The largest factor, above 0: the derivative is infinite in the middle of a step. Default 3. */
  readonly clip?: number;
}

/**
 * The estimator's factor at a number between two neighbouring values of a format.
 *
 * @param x In units of the format, low <= x <= high.
 * @example
 * differentiableFactor(0.1, 0, 0.5); // 0.30096..., for e2m1's step from 0 to 0.5
 */
export function differentiableFactor(x: number, low: number, high: number, sharpness = 5, clip = 3): number {
  checkNumber('x', x);
  numberInRange('low', low);
  numberInRange('high', high, { above: low });
  numberInRange('sharpness', sharpness, { from: 1 });
  numberInRange('clip', clip, { above: 0 });
  return factorAt(x, low, high, sharpness, clip);
}

function factorAt(x: number, low: number, high: number, sharpness: number, clip: number): number {
  // One rounding besides the quotient's, and the same bits for the mirrored step.
  const position = Math.abs(2 * x - (low + high)) / (high - low);
  if (position === 0) return clip;
  const slope = powerOfTwoReal((1 / sharpness - 1) * log2Magnitude(position)) / sharpness;
  return Math.min(slope, clip);
}

const tables = new WeakMap<Format, Float64Array>();

/** The finite values of a format, 0 without a sign, ascending. Kept. */
function valuesOf(format: Format): Float64Array {
  let known = tables.get(format);
  if (known === undefined) {
    const values = new Set(format.values().map((value) => value + 0));
    known = Float64Array.from(values).filter(Number.isFinite).sort();
    tables.set(format, known);
  }
  return known;
}

/** Of few values; the largest slope a number that binary64 lanes reach. */
const hasKernel = (format: Format, clip: number): boolean => format.bits <= 8 && clip <= 2 ** 200;

/** The factors one by one: the definition. */
export function factorsReference(quantization: Quantization, sharpness: number, clip: number): Float64Array {
  const { scaled, elements, format, low, high, zeroPoints } = quantization;
  const factors = new Float64Array(scaled.length);
  eachOfGroups(quantization, (group, i) => {
    const x = scaled[i]! + (zeroPoints?.[group] ?? 0);
    if (x < low || x > high) return;
    const [below, above] = cell(x, elements[i]!, format);
    factors[i] = factorAt(x, below, above, sharpness, clip);
  });
  return factors;
}

/** The neighbours around x, given the value of the format that x became: one of them. */
function cell(x: number, element: number, format: Format): [number, number] {
  const value = element + 0; // formats without -0 do not know it
  return x < value || value === format.max
    ? [nextDown(value, format), value]
    : [value, nextUp(value, format)];
}

/**
 * The gradient times min(|2 (x - lo) / (hi - lo) - 1|^(1/k - 1) / k, clip), x in units of the scale (plus the zero point) and lo,
 * hi the values of the format around it. 0 outside the quantiser's range. The factor is 1/k at the values themselves; unclipped, its
 * average over a step is 1, clipped at 3 with k = 5 it is 0.5936.
 *
 * @throws ArgumentError if an option is not accepted.
 */
export function differentiable(options?: DifferentiableOptions): GradientRule {
  const given = checkFields('', options, ['sharpness', 'clip']);
  const sharpness = numberInRange('sharpness', given.sharpness, { from: 1 }, 5);
  const clip = numberInRange('clip', given.clip, { above: 0 }, 3);

  return Object.freeze({
    name: 'dge',
    pullback: (quantization, given) => {
      const gradient = checkGradient(quantization, given);
      const { scaled, elements, format, low, high, zeroPoints } = quantization;
      const areFloat32 = isFloat32Array(gradient) && isFloat32Array(scaled) && isFloat32Array(elements);
      if (areFloat32 && zeroPoints === undefined && hasKernel(format, clip)) {
        const result = newLike(gradient);
        const slopes = { values: valuesOf(format), low, high, sharpness, clip };
        scaleBySlopes(gradient, scaled, elements, slopes, result as Float32Array);
        return { x: result };
      }
      const factors = factorsReference(quantization, sharpness, clip);
      return { x: scaleEach(gradient, (i) => factors[i]!) };
    },
    toJSON: (): GradientData => (sharpness === 5 && clip === 3 ? 'dge' : { name: 'dge', sharpness, clip }),
  } satisfies GradientRule);
}
