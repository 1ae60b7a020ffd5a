/**
 * Quantisers: format x rounding x scale x transform x gradient rule x strength. What the kernels take goes to them; the
 * rest to the reference, `run.ts`, which gives the same bits.
 */
import { isFloat32Array, type Numbers, type RealArray, realArray, resultArray } from '../../array-kinds.ts';
import { checkFields, checkFunction, checkObject, oneOf } from '../../check.ts';
import type { Format } from '../../formats/format.ts';
import type { QuantizerPlan } from '../../kernels/quantizers/index.ts';
import { type ResolvedRounding, resolveRounding } from '../../rounding/options.ts';
import {
  blend,
  blendGradient,
  checkQuantization,
  type GradientRule,
  type Gradients,
  type Quantization,
} from '../gradients/index.ts';
import { axisIndex, axisOption, checkShape, type Grouping } from '../grouping.ts';
import {
  checkResidue,
  noResidue,
  type Residue,
  type Transform,
  type TransformContext,
} from '../transforms/transform.ts';
import { scaleSource } from './learned.ts';
import { checkNaN, codesOf, fillHoles, withoutNaN } from './nan.ts';
import { type KernelRun, kernelPlan, runOnKernels } from './on-kernels.ts';
import { type CallOptions, checkCall, type QuantizerOptions, resolveQuantizer } from './options.ts';
import { type Quantized, quantized, unpackQuantized } from './quantized.ts';
import { type Run, runQuantizer } from './run.ts';
import type { ResolvedScale } from './scale-options.ts';
import { decodeFactor } from './scales.ts';
import { type QuantizerState, stateNames, trackerOf } from './tracking.ts';

/** What happened to a tensor: what gradient rules and analyses look at, and what takes a gradient back. */
export interface Explained extends Quantization {
  /** What the quantiser was given, before transforms; zeros in place of NaN that are replaced. */
  readonly given: RealArray;
  readonly residue: Residue;
  readonly context: TransformContext;
}

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

const unpackNames: readonly string[] = ['dtype', 'residue', 'axis'];

/** A tensor cleaned of NaN and transformed, and what that leaves to be undone. */
interface Prepared {
  readonly given: RealArray;
  readonly x: RealArray;
  readonly holes: readonly number[];
  readonly shape: readonly number[];
  readonly residue: Residue;
  readonly context: TransformContext;
}

/** What is stored of a tensor, from a run of the kernels. */
function fromKernels(
  { values, outcome }: KernelRun,
  grouping: Grouping,
  shape: readonly number[],
): Pick<Run, 'elements' | 'values' | 'layout' | 'tensorEncode' | 'zeroPoints'> & {
  readonly scales: Pick<Run['scales'], 'stored'>;
} {
  const { elements, scales, tensorEncode } = outcome!;
  return {
    elements,
    values,
    layout: { grouping, shape },
    scales: { stored: scales },
    tensorEncode: tensorEncode.length === 0 ? undefined : tensorEncode,
    zeroPoints: undefined,
  };
}

/** The gradients of given and learned scales, from those of the value of one unit: with respect to what is stored. */
function ofStored(
  units: Float64Array,
  { scales }: Explained,
  { stored, prescale, gain }: ResolvedScale,
): Float64Array {
  return units.map((gradient, group) => {
    // One unit is 1 / stored, or stored gain / prescale.
    const unit = scales[group]!;
    return stored === 'encode' ? -gradient * unit * unit : (gradient * gain) / prescale;
  });
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
 * @throws ArgumentError if an option is not accepted.
 */
export function quantizer(options: QuantizerOptions): Quantizer {
  const resolved = resolveQuantizer(options);
  const { format, scale, transform, gradient, strength, low, high, invert } = resolved;
  const tracker = trackerOf(scale);
  const source = scaleSource(resolved);

  const rounding = resolveRounding(format, resolved.round);
  // Made when first needed: a plan may need tables.
  let plan: QuantizerPlan | undefined;
  let isPlanned = false;

  function prepare(given: RealArray, shape: readonly number[], call: CallOptions): Prepared {
    checkShape(shape, given.length);
    const { axis, seed, stream, offset } = call;
    if (axis !== undefined) axisIndex(axis, shape);
    const entries = Object.entries({ axis, seed, stream, offset }).filter(([, value]) => value !== undefined);
    const context: TransformContext = Object.fromEntries(entries);
    const { x: whole, holes } = withoutNaN(given, resolved);
    const { values: x, residue } =
      transform === undefined
        ? { values: whole, residue: noResidue }
        : transform.forward(whole, shape, context);
    return { given: whole, x, holes, shape, residue, context };
  }

  /** What the rule says of scales, zero points and levels, given the gradient of the values, scaled by the strength. */
  function trained<A extends RealArray>(
    { x: _, ...parameters }: Gradients<A>,
    explained: Explained,
  ): Omit<Gradients<A>, 'x'> {
    const isGiven = scale.from === 'constant' || scale.from === 'learned';
    const { scales } = parameters;
    const all = { ...parameters, ...(scales && isGiven && { scales: ofStored(scales, explained, scale) }) };
    if (strength === 1) return all;
    return Object.fromEntries(
      Object.entries(all).map(([name, each]) => [name, each.map((g) => strength * g)]),
    );
  }

  function run({ x, holes, shape }: Prepared, call: CallOptions): Run {
    const fixed = source.scalesFor(x, shape);
    const done = runQuantizer(x, shape, { options: resolved, tracker, fixed }, call);
    if (resolved.nan === 'max') fillHoles(done, holes, high);
    if (call.update ?? true) {
      tracker.commit();
      source.commit();
    }
    return done;
  }

  function runFast(
    { x, holes, shape }: Prepared,
    call: CallOptions,
    withCodes: boolean,
    out?: RealArray,
  ): KernelRun | undefined {
    if (!isPlanned) plan = kernelPlan({ format, rounding, scale, low, high });
    isPlanned = true;
    if (plan === undefined || (resolved.nan === 'max' && holes.length > 0)) return undefined;
    return runOnKernels(plan, scale.grouping, x, shape, call, withCodes, out as Float32Array | undefined);
  }

  function restored(values: RealArray, { shape, residue, context }: Prepared): RealArray {
    return transform === undefined || !invert ? values : transform.inverse(values, shape, residue, context);
  }

  return Object.freeze({
    format,
    rounding,
    scale,
    transform,
    gradient,
    strength,
    low,
    high,
    quantize(given, shapeGiven, callGiven): Quantized {
      const x = realArray('x', given);
      const shape = shapeGiven === undefined ? [x.length] : shapeGiven;
      const call = checkCall(callGiven);
      checkNaN(x, resolved);
      const prepared = prepare(x, shape, call);
      const { residue, context } = prepared;
      const fast = runFast(prepared, call, true);
      const done = fast === undefined ? run(prepared, call) : fromKernels(fast, scale.grouping, shape);
      const { scales, zeroPoints, tensorEncode } = done;
      const tensorScales = tensorEncode && Float32Array.from(tensorEncode, (encodeScale) => 1 / encodeScale);
      const codes = codesOf(done, format);
      const stored = {
        options: resolved,
        shape,
        codes,
        scales: scales.stored,
        tensorScales,
        zeroPoints,
        residue,
      };
      const values = restored(done.values, prepared);
      return quantized(stored, { transform, context, isFloat32: isFloat32Array(x) }, values);
    },
    fakeQuantize<A extends RealArray>(
      given: A,
      shape?: readonly number[],
      out?: A,
      callGiven?: CallOptions,
    ): A {
      const x = realArray('x', given) as A;
      const target = out === undefined ? undefined : resultArray(out, x);
      const call = checkCall(callGiven);
      const prepared = prepare(x, shape === undefined ? [x.length] : shape, call);
      const isDirect = transform === undefined && strength === 1;
      const fast = runFast(prepared, call, false, isDirect ? target : undefined);
      if (isDirect && fast !== undefined) return out ?? (fast.values as RealArray as A);
      const image = restored((fast ?? run(prepared, call)).values, prepared) as A;
      const blended = blend(x, image, strength, target);
      return out ?? blended;
    },
    explain(given, shapeGiven, callGiven): Explained {
      const x = realArray('x', given);
      const shape = shapeGiven === undefined ? [x.length] : shapeGiven;
      const call = checkCall(callGiven);
      const prepared = prepare(x, shape, call);
      const { layout, scales, zeroPoints, tensorEncode: _, ...rest } = run(prepared, call);
      const { residue, context } = prepared;
      return {
        ...rest,
        given: prepared.given,
        residue,
        context,
        shape,
        format,
        low,
        high,
        grouping: layout.grouping,
        scales: Float64Array.from(scales.stored, (_stored, group) => decodeFactor(scales, group)),
        ...(zeroPoints === undefined ? {} : { zeroPoints }),
      };
    },
    pullback<A extends RealArray>(explained: Explained, outer: A): Gradients<A> {
      const given = realArray('gradient', outer) as A;
      checkQuantization('explained', explained);
      const { given: x, values, shape, residue, context } = explained;
      if (transform === undefined) {
        const ruled = gradient.pullback(explained, given);
        return { x: blendGradient(given, ruled.x, strength), ...trained(ruled, explained) };
      }
      if (!invert) {
        const ruled = gradient.pullback(explained, given);
        checkFunction('transform.forwardGradient', transform.forwardGradient);
        const ofX = transform.forwardGradient(ruled.x, x, shape, residue, context);
        return { x: ofX, ...trained(ruled, explained) };
      }
      let trainsMore = false;
      const inner = (within: A): A => {
        const { x: ruled, ...parameters } = gradient.pullback(explained, within);
        trainsMore = Object.keys(parameters).length > 0;
        return ruled;
      };
      const ofX = transform.pullback(given, shape, residue, inner, context);
      const blended = blendGradient(given, ofX, strength);
      if (!trainsMore) return { x: blended };
      checkFunction('transform.inverseGradient', transform.inverseGradient);
      const ofValues = transform.inverseGradient(given, values, shape, residue, context);
      return { x: blended, ...trained(gradient.pullback(explained, ofValues), explained) };
    },
    unpack(bytes, shape, rest): Quantized {
      const given = checkFields('', rest, unpackNames);
      const { residue = noResidue } = given;
      const axis = axisOption(given.axis);
      checkResidue(residue);
      const dtype = oneOf('dtype', given.dtype, ['float32', 'float64'], 'float32');
      const context = axis === undefined ? {} : { axis };
      return unpackQuantized(bytes, resolved, shape, residue, {
        transform,
        context,
        isFloat32: dtype === 'float32',
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
      const { format: _, rounding = 'nearest-even', ...rest } = options;
      return { format: format.name, rounding, ...rest };
    },
  } satisfies Quantizer);
}
