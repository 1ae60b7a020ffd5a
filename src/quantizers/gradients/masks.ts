/**
 * Straight-through rules with a mask: the gradient passes where the quantiser did not clip, or where it did not err much.
 *
 * Sources: clipped, as the forward mask of Castro et al., "Quartet: native FP4 training can be optimal", arXiv 2505.14669; trust,
 * Panferov, Chen, Tabesh et al., "QuEST: stable training of LLMs with 1-bit weights and activations", arXiv 2502.05003, section 3.
 */
import { checkBoolean, checkFields, numberInRange } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { scaleByPowerOfTwo, scaleOnce } from '../../formats/binary64.ts';
import { gaussianLevel, gaussianLevelOfBits } from '../gaussian.ts';
import { extremeExponent } from '../statistics.ts';
import type { GradientData, GradientRule, Quantization } from './gradient.ts';
import { checkGradient, eachOfGroups, groupSums, maskEach } from './grouped.ts';

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
      const { scaled, low, high, zeroPoints } = quantization;
      const inside = (u: number): boolean => (strict ? u > low && u < high : u >= low && u <= high);
      if (zeroPoints === undefined) return { x: maskEach(gradient, (i) => inside(scaled[i]!)) };
      const passes = new Uint8Array(gradient.length);
      eachOfGroups(quantization, (group, i) => {
        if (inside(scaled[i]! + zeroPoints[group]!)) passes[i] = 1;
      });
      return { x: maskEach(gradient, (i) => passes[i] === 1) };
    },
    toJSON: (): GradientData => (strict ? { name: 'clipped', strict } : 'clipped'),
  } satisfies GradientRule);
}

/** By which power of two the elements of each group are scaled, so that their squares are binary64 numbers. */
function groupExponents(quantization: Quantization): number[] {
  const largest = new Float64Array(quantization.scales.length);
  eachOfGroups(quantization, (group, i) => {
    largest[group] = Math.max(largest[group]!, Math.abs(quantization.x[i]!));
  });
  return Array.from(largest, extremeExponent);
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
      const { x, values } = quantization;
      const { levels, multiplier } = constants(quantization);
      const counts = groupSums(quantization, () => 1);
      const exponents = groupExponents(quantization);
      const scaled = (i: number, group: number): number => scaleByPowerOfTwo(x[i]!, -exponents[group]!);
      const squares = groupSums(quantization, (i, group) => scaled(i, group) * scaled(i, group));
      const limits = squares.map((sum, group) => {
        const sigma = scaleOnce(Math.sqrt(sum / counts[group]!), exponents[group]!);
        return (multiplier * sigma) / (levels - 1);
      });
      const passes = new Uint8Array(gradient.length);
      eachOfGroups(quantization, (group, i) => {
        if (Math.abs(values[i]! - x[i]!) <= limits[group]!) passes[i] = 1;
      });
      return { x: maskEach(gradient, (i) => passes[i] === 1) };
    },
    toJSON: (): GradientData =>
      options.bits === undefined && options.multiplier === undefined
        ? 'trust'
        : { name: 'trust', ...options },
  } satisfies GradientRule);
}
