/**
 * The strength of a quantiser, lambda: a blend of a tensor and its quantised image, for phasing quantisation in. Source: Nielsen,
 * Schneider-Kamp, Galke, "Continual quantization-aware pre-training", arXiv 2502.11895, section 3.
 */
import { apartFrom, isFloat32Array, type RealArray, realArray, resultArray } from '../../array-kinds.ts';
import { numberInRange } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';

/** Checks lambda. Throws ArgumentError. */
export function checkStrength(strength: number): number {
  return numberInRange('strength', strength, { from: 0, to: 1 });
}

/**
 * x + lambda (quantised - x): difference, product and sum each rounded to the precision of the arrays; exactly x for lambda = 0
 * and exactly the quantised image for lambda = 1. Finite numbers give a finite one also where their difference is beyond the range.
 *
 * @param out May be x or `quantized`. Default: a new array.
 * @throws ArgumentError for a strength outside [0, 1] or arrays of different lengths or kinds.
 *
 * @example
 * blend(new Float32Array([1]), new Float32Array([2]), 0.25); // [1.25]
 */
export function blend<A extends RealArray>(x: A, quantized: A, strength: number, out?: A): A {
  checkStrength(strength);
  const left = realArray('x', x);
  const right = realArray('quantized', quantized);
  if (right.length !== left.length || isFloat32Array(right) !== isFloat32Array(left))
    throw new ArgumentError('quantized', quantized, `${left.length} elements of the kind of x`);
  const result = resultArray(out, left);
  if (strength === 0 || strength === 1) result.set(strength === 0 ? left : right);
  else mix(apartFrom(left, result), apartFrom(right, result), strength, result);
  return out ?? (result as A);
}

/**
 * One element whose difference, or its part, leaves the range: the same roundings on halves, which are exact for such numbers,
 * as if exponents had no end. What is doubled in the end lies between x and y, but for a rounding. An infinity stays one.
 */
function wideBlend(x: number, y: number, strength: number, rounded: (value: number) => number): number {
  if (!Number.isFinite(x)) return Number.isFinite(y) || x === y ? x : NaN;
  if (!Number.isFinite(y)) return y;
  const part = rounded(strength * rounded(y / 2 - x / 2));
  const blended = 2 * rounded(x / 2 + part);
  return Math.min(Math.max(blended, Math.min(x, y)), Math.max(x, y));
}

function mix(x: RealArray, y: RealArray, strength: number, out: RealArray): void {
  const rounded = isFloat32Array(x) ? Math.fround : (value: number): number => value;
  for (let i = 0; i < x.length; i++) {
    const [from, to] = [x[i]!, y[i]!];
    const part = rounded(strength * rounded(to - from));
    out[i] = Number.isFinite(part) ? from + part : wideBlend(from, to, strength, rounded);
  }
}

/**
 * The gradient through `blend`: lambda J g + (1 - lambda) g, from J g, what the rule made of g. It is the blend of g and J g, with
 * the same roundings, so straight-through stays g for every strength.
 *
 * @throws ArgumentError as `blend` does.
 */
export function blendGradient<A extends RealArray>(gradient: A, ruled: A, strength: number): A {
  return blend(gradient, ruled, strength);
}
