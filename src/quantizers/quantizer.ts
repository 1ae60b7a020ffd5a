/**
 * Quantisers: format x rounding x scale x transform x gradient rule x strength. What one does with a tensor is `steps.ts`, its
 * gradients are `pullback.ts`.
 */
import { type Numbers, type RealArray, realArray, resultArray } from '../array-kinds.ts';
import { checkFields, checkObject, oneOf, refusedAs } from '../check.ts';
import type { Format } from '../formats/format.ts';
import type { FormatSpelling, QuantizerSpelling, QuantizerText } from '../formats/spelled.ts';
import type { ResolvedRounding, RoundingMode } from '../rounding/options.ts';
import {
  type GradientData,
  type GradientRule,
  type Gradients,
  gradientRule,
  straightThrough,
} from './gradients/index.ts';
import { axisOption, checkShape } from './grouping.ts';
import { namedQuantizerOptions } from './named.ts';
import { type Explained, pullback } from './pullback.ts';
import { type Quantized, unpackQuantized } from './quantized.ts';
import {
  type CallOptions,
  checkCall,
  type NaNInGroups,
  type PartReaders,
  type QuantizerOptions,
  resolveQuantizer,
} from './quantizer-options.ts';
import type { ResolvedScale } from './scale-options.ts';
import { runStepped, steppedOf } from './stepped.ts';
import { QuantizerSteps } from './steps.ts';
import { type QuantizerState, stateNames } from './tracking.ts';
import { type TransformData, transform } from './transforms/index.ts';
import { checkResidue, noResidue, type Residue, type Transform } from './transforms/transform.ts';

export interface Quantizer {
  readonly format: Format;
  readonly rounding: ResolvedRounding;
  readonly scale: ResolvedScale;
  readonly transform: Transform | undefined;
  readonly gradient: GradientRule;
  readonly strength: number;
  /** The ends of the elements in use: -127 and 127 for int8. */
  readonly low: number;
  readonly high: number;
  /**
   * Codes, scales and values of x. `strength` plays no part.
   *
   * @param shape Row-major shape of x. Default: one row.
   * @throws ArgumentError for a shape, carrier or call option that does not fit; RangeError for NaN that neither elements nor
   *   scales can hold, unless `nan` says otherwise, and for formats without codes.
   */
  quantize(x: Numbers, shape?: readonly number[], call?: CallOptions): Quantized;
  /**
   * x quantised and dequantised, blended with x by `strength`.
   *
   * @param shape Row-major shape of x. Default: one row.
   * @param out Where the values go, of x's kind and length; may be x. Default: a new array.
   * @throws ArgumentError as `quantize`, or if out does not fit.
   */
  fakeQuantize<A extends RealArray>(x: A, shape?: readonly number[], out?: A, call?: CallOptions): A;
  fakeQuantize(x: Numbers, shape?: readonly number[], out?: RealArray, call?: CallOptions): RealArray;
  /**
   * Every step of quantising x: scaled numbers, elements, values, decode scales. With a transform, x and values are transformed.
   */
  explain(x: Numbers, shape?: readonly number[], call?: CallOptions): Explained;
  /**
   * Gradients with respect to x, and to scales, zero points and levels where the rule trains them, from the one with respect to
   * fakeQuantize(x): with a strength of less than 1 that of the blend, with `invert: false` of the values as they stay transformed.
   * Those of constant and learned scales are with respect to the scales as they are stored, others to the value of one unit.
   */
  pullback<A extends RealArray>(explained: Explained, gradient: A): Gradients<A>;
  /** The inverse of `quantize(...).pack()`. `dtype`: what the values were made of, default 'float32'. */
  unpack(
    bytes: Uint8Array,
    shape: readonly number[],
    rest?: { readonly dtype?: 'float32' | 'float64'; readonly residue?: Residue; readonly axis?: number },
  ): Quantized;
  /** Averages, windows and learned scales so far, as plain data; {} for quantisers without memory. */
  state(): QuantizerState;
  /** Takes up a state. Throws ArgumentError for one that does not fit. */
  restore(state: QuantizerState): void;
  toJSON(): QuantizerOptions;
}

/** Reads a part; what is wrong in it is named as a field of the part. */
const ofPart = <T>(part: string, read: () => T): T =>
  refusedAs(read, ({ argument }) => (argument === part ? part : `${part}.${argument}`));

/** Transforms and gradient rules from objects or plain data. */
const parts: PartReaders = {
  transform(given) {
    if (given === undefined) return undefined;
    return typeof given === 'object' && given !== null && 'forward' in given
      ? (given as Transform)
      : ofPart('transform', () => transform(given as TransformData));
  },
  gradient(given) {
    if (given === undefined) return straightThrough();
    return typeof given === 'object' && given !== null && 'pullback' in given
      ? (given as GradientRule)
      : ofPart('gradient', () => gradientRule(given as GradientData));
  },
};

const unpackNames: readonly string[] = ['dtype', 'residue', 'axis'];

/** What a text does not say. */
export interface NamedOptions {
  readonly rounding?: RoundingMode;
  readonly transform?: TransformData;
  /** Random bits of stochastic rounding. */
  readonly seed?: number | bigint;
  /** What becomes of NaN: as in `quantizer`. */
  readonly nan?: NaNInGroups;
}

/**
 * The quantiser of a text: a block format's name (`mxfp4`, `nvfp4`, `bfp(7,16)`), or a format of numbers with what its scale is per
 * (default `tensor`), what it is taken from (default `absmax`, `absmean` for ternary and binary) and how it is stored (default
 * binary32), in any order; `FORMAT/unscaled` has a scale of 1. A float of more than 8 bits, a posit, a fixed-point or logarithmic format by
 * itself rounds as `round` does, without a scale.
 *
 * @throws ArgumentError for a text that is none.
 *
 * @example
 * namedQuantizer('nvfp4');
 * namedQuantizer('int4/block:32/mse');
 * namedQuantizer('e2m1/block:16/scale:ue5m3', { transform: { name: 'hadamard', size: 16 } });
 */
export function namedQuantizer<const T extends QuantizerSpelling>(
  text: QuantizerText<T>,
  options?: NamedOptions,
): Quantizer {
  const given = checkFields('', options, ['rounding', 'transform', 'seed', 'nan']);
  return quantizer({ ...namedQuantizerOptions(text), ...given });
}

/**
 * A quantiser. `docs/quantizers.md` defines every statistic and scale to the bit.
 *
 * For the plain case (binary32 scales) every operation is one operation of x's precision, rounded once: scale = target /
 * statistic; element = round(x scale), within the range; value = element / scale. A group whose statistic is not a finite number is
 * NaN throughout.
 *
 * @example
 * const weights = quantizer({ format: 'ternary', scale: { per: 'tensor', from: 'absmean' } });
 * weights.fakeQuantize(new Float32Array([0.1, -0.4, 0.25, 0])); // [0.1875, -0.1875, 0.1875, 0]
 *
 * @param given Its options, or its name: `'int4/row'`, `'mxfp4'` (`namedQuantizer`).
 * @throws ArgumentError if an option is not accepted.
 */
export function quantizer<const T extends QuantizerSpelling, const F extends FormatSpelling>(
  given: QuantizerOptions<F> | QuantizerText<T>,
): Quantizer {
  const options = typeof given === 'string' ? namedQuantizerOptions(given) : given;
  const resolved = resolveQuantizer(options, parts);
  const steps = new QuantizerSteps(resolved);
  const { tracker, source, rounding } = steps;
  const { format, scale, gradient, strength, low, high, invert } = resolved;
  const stepped = invert && strength === 1 ? steppedOf({ ...resolved, rounding }) : undefined;
  return Object.freeze({
    ...{ format, rounding, scale, transform: resolved.transform, gradient, strength, low, high },
    quantize(given, shape, call): Quantized {
      const x = realArray('x', given);
      return steps.quantize(x, shape === undefined ? [x.length] : shape, checkCall(call));
    },
    fakeQuantize<A extends RealArray>(given: A, shape?: readonly number[], out?: A, call?: CallOptions): A {
      const x = realArray('x', given) as A;
      const target = out === undefined ? undefined : resultArray(out, x);
      const whole = shape === undefined ? [x.length] : shape;
      const said = checkCall(call);
      checkShape(whole, x.length);
      const isStepped = stepped !== undefined && said.axis === undefined;
      const quick = isStepped ? (runStepped(stepped, x, target) as RealArray as A | undefined) : undefined;
      const values = quick ?? steps.fakeQuantize(x, whole, said, target);
      return out ?? values;
    },
    explain(given, shape, call): Explained {
      const x = realArray('x', given);
      return steps.explain(x, shape === undefined ? [x.length] : shape, checkCall(call));
    },
    pullback: <A extends RealArray>(explained: Explained, outer: A): Gradients<A> =>
      pullback(resolved, explained, outer),
    unpack(bytes, shape, rest): Quantized {
      const given = checkFields('', rest, unpackNames);
      const { residue = noResidue } = given;
      const axis = axisOption(given.axis);
      checkResidue(residue);
      const isFloat32 = oneOf('dtype', given.dtype, ['float32', 'float64'], 'float32') === 'float32';
      const context = axis === undefined ? {} : { axis };
      return unpackQuantized(bytes, resolved, shape, residue, {
        transform: resolved.transform,
        context,
        isFloat32,
      });
    },
    state: (): QuantizerState => ({ ...tracker.state(), ...source.state() }),
    restore(state: QuantizerState): void {
      checkObject('state', state, 'what state() gave');
      checkFields('state', state, stateNames);
      tracker.restore(state);
      source.restore(state);
    },
    toJSON(): QuantizerOptions {
      const { format: _, rounding: mode = 'nearest-even', ...rest } = options;
      return { format: format.name, rounding: mode, ...rest };
    },
  } satisfies Quantizer);
}
