/**
 * Straight-through rules with a mask: the gradient passes where the quantiser did not clip, or where it did not err much.
 *
 * Sources: clipped, as the forward mask of Castro et al., "Quartet: native FP4 training can be optimal", arXiv 2505.14669; trust,
 * Panferov, Chen, Tabesh et al., "QuEST: stable training of LLMs with 1-bit weights and activations", arXiv 2502.05003, section 3.
 */
import { isFloat32Array, type RealArray } from '../../array-kinds.ts';
import { scaleByPowerOfTwo, scaleOnce } from '../../binary64.ts';
import { checkBoolean, checkFields, numberInRange } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { formats } from '../../formats/catalogue.ts';
import type { FloatFormat } from '../../formats/format.ts';
import { nextUp } from '../../formats/neighbours.ts';
import { maskErrors, maskShifted, maskWithin } from '../../kernels/quantizers/masks.ts';
import { gaussianLevel, gaussianLevelOfBits } from '../gaussian.ts';
import { forEachGroup } from '../grouping.ts';
import { layoutOf } from '../on-kernels.ts';
import { extremeExponent } from '../statistics.ts';
import { newLike } from '../transforms/transform.ts';
import type { GradientData, GradientRule, Quantization } from './gradient.ts';
import { checkGradient, eachOfGroups } from './grouped.ts';

export interface ClippedOptions {
  /** Whether elements exactly at an end of the range are masked too, as Quartet does. Default false. */
  readonly strict?: boolean;
}

/**
 * The gradient where the element lies in the range of the quantiser, low <= scaled (+ zero point) <= high; 0 outside.
 *
 * @throws ArgumentError if an option is not accepted.
 */
export function clipped(options?: ClippedOptions): GradientRule {
  const strict = checkBoolean('strict', checkFields('', options, ['strict']).strict, false);
  return Object.freeze({
    name: 'clipped',
    pullback: (quantization, given) => {
      const gradient = checkGradient(quantization, given);
      return { x: within(gradient, quantization, strict) };
    },
    toJSON: (): GradientData => (strict ? { name: 'clipped', strict } : 'clipped'),
  } satisfies GradientRule);
}

/** The least number of a format that is at least a bound, or above it. */
function leastWithin(bound: number, strict: boolean, format: FloatFormat): number {
  const nearest = format.name === 'binary32' ? Math.fround(bound) : bound;
  return nearest < bound || (strict && nearest === bound) ? nextUp(nearest, format) : nearest;
}

/** The gradient where low <= scaled (+ zero point) <= high, or < and <, else 0. */
function within<A extends RealArray>(gradient: A, quantization: Quantization, strict: boolean): A {
  const { scaled, low, high, zeroPoints, grouping, shape } = quantization;
  const result = newLike(gradient);
  if (isFloat32Array(gradient) && gradient.length > 0) {
    const areSums = zeroPoints !== undefined || !isFloat32Array(scaled);
    const format = areSums ? formats.binary64 : formats.binary32;
    const ends = [leastWithin(low, strict, format), -leastWithin(-high, strict, format)] as const;
    const out = result as Float32Array;
    if (zeroPoints === undefined) maskWithin(gradient, scaled, ...ends, out);
    else maskShifted(gradient, scaled, zeroPoints, layoutOf(grouping, shape), ...ends, out);
    return result;
  }
  const mask = (u: number, i: number): void => {
    if (strict ? u > low && u < high : u >= low && u <= high) result[i] = gradient[i]!;
  };
  if (zeroPoints === undefined) for (let i = 0; i < gradient.length; i++) mask(scaled[i]!, i);
  else eachOfGroups(quantization, (group, i) => mask(scaled[i]! + zeroPoints[group]!, i));
  return result;
}

/** The root mean square of a group, in binary64 with an exponent without bounds, its squares added in row-major order. */
function rootMeanSquare(
  x: RealArray,
  [start, rows, rowStride, columns, columnStride]: readonly [number, number, number, number, number],
): number {
  let sum = 0;
  let largest = 0;
  for (let r = 0; r < rows; r++)
    for (let c = 0, i = start + r * rowStride; c < columns; c++, i += columnStride) {
      const element = x[i]!;
      sum += element * element;
      largest = Math.max(largest, Math.abs(element));
    }
  const exponent = extremeExponent(largest);
  if (exponent === 0) return Math.sqrt(sum / (rows * columns));
  sum = 0;
  for (let r = 0; r < rows; r++)
    for (let c = 0, i = start + r * rowStride; c < columns; c++, i += columnStride) {
      const scaled = scaleByPowerOfTwo(x[i]!, -exponent);
      sum += scaled * scaled;
    }
  return scaleOnce(Math.sqrt(sum / (rows * columns)), exponent);
}

export interface TrustOptions {
  /** b: the bits of the quantiser, for 2^b - 1 steps. Default: those of its format; 1.585 for ternary. */
  readonly bits?: number;
  /** c: the clipping point in standard deviations. Default: the Gaussian optimum for the bits given, or for the format. */
  readonly multiplier?: number;
}

/**
 * The gradient where |value - x| <= c sigma / (2^b - 1): where the error is at most half a step of a uniform grid of 2^b values
 * on +-c sigma. sigma is the root mean square of the group that shares a scale.
 *
 * @throws ArgumentError if an option is not accepted, or where there is no default for the bits of the format.
 */
export function trust(given?: TrustOptions): GradientRule {
  const options = checkFields('', given, ['bits', 'multiplier']);
  for (const name of ['bits', 'multiplier'] as const)
    if (options[name] !== undefined) numberInRange(name, options[name], { above: 0 });

  function constants({ format }: Quantization): { levels: number; multiplier: number } {
    const bits = options.bits ?? (format.name === 'ternary' ? 1.585 : format.bits);
    const published = options.bits === undefined ? gaussianLevel(format) : gaussianLevelOfBits(options.bits);
    const multiplier = options.multiplier ?? published;
    if (multiplier === undefined)
      throw new ArgumentError('multiplier', undefined, `a number above 0: no default for ${format.name}`);
    return { levels: bits === 1.585 ? 3 : 2 ** bits, multiplier };
  }

  return Object.freeze({
    name: 'trust',
    pullback: (quantization, given) => {
      const gradient = checkGradient(quantization, given);
      const { x, values, grouping, shape } = quantization;
      const { levels, multiplier } = constants(quantization);
      const result = newLike(gradient);
      const areFloat32 = isFloat32Array(gradient) && isFloat32Array(x) && isFloat32Array(values);
      if (areFloat32 && x.length > 0) {
        const layout = layoutOf(grouping, shape);
        maskErrors(gradient, x, values, layout, multiplier, levels - 1, result as Float32Array);
        return { x: result };
      }
      forEachGroup(grouping, shape, (_, start, rows, rowStride, columns, columnStride) => {
        const sigma = rootMeanSquare(x, [start, rows, rowStride, columns, columnStride]);
        const limit = (multiplier * sigma) / (levels - 1);
        for (let r = 0; r < rows; r++)
          for (let c = 0, i = start + r * rowStride; c < columns; c++, i += columnStride)
            if (Math.abs(values[i]! - x[i]!) <= limit) result[i] = gradient[i]!;
      });
      return { x: result };
    },
    toJSON: (): GradientData =>
      options.bits === undefined && options.multiplier === undefined
        ? 'trust'
        : { name: 'trust', ...options },
  } satisfies GradientRule);
}
