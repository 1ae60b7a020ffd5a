/**
 * The strength of a quantiser, lambda: a blend of a tensor and its quantised image, for phasing quantisation in. Source: Nielsen,
 * Schneider-Kamp, Galke, "Continual quantization-aware pre-training", arXiv 2502.11895, section 3.
 */
import { ArgumentError } from '../../errors.ts';
import type { RealArray } from '../arrays.ts';
import { newLike } from '../transforms/transform.ts';

/** Checks lambda. Throws ArgumentError. */
export function checkStrength(strength: number): number {
  if (typeof strength === 'number' && strength >= 0 && strength <= 1) return strength;
  throw new ArgumentError('strength', strength, 'a number from 0 to 1');
}

/**
 * x + lambda (quantised - x): difference, product and sum each rounded to the precision of the arrays; exactly x for lambda = 0
 * and exactly the quantised image for lambda = 1.
 *
 * @param out May be x or `quantized`. Default: a new array.
 * @throws ArgumentError for a strength outside [0, 1] or arrays of different lengths.
 *
 * @example
 * blend(new Float32Array([1]), new Float32Array([2]), 0.25); // [1.25]
 */
export function blend<A extends RealArray>(x: A, quantized: A, strength: number, out: A = newLike(x)): A {
  checkStrength(strength);
  if (quantized.length !== x.length)
    throw new ArgumentError('quantized', quantized, `${x.length} elements, as x`);
  if (out.length !== x.length) throw new ArgumentError('out', out, `${x.length} elements, as x`);
  if (strength === 0 || strength === 1) {
    out.set(strength === 0 ? x : quantized);
    return out;
  }
  const rounded = x instanceof Float32Array ? Math.fround : (value: number): number => value;
  for (let i = 0; i < x.length; i++) out[i] = x[i]! + rounded(strength * rounded(quantized[i]! - x[i]!));
  return out;
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
