/**
 * What a quantiser does with one tensor, step by step: NaN out, transform, scales and elements (by the kernels, where they take it,
 * or by the reference, `run.ts`, which gives the same bits), and the transform back.
 */
import { isFloat32Array, type RealArray } from '../array-kinds.ts';
import type { QuantizerPlan } from '../kernels/quantizers/quantizer-plan.ts';
import { type ResolvedRounding, resolveRounding } from '../rounding/options.ts';
import { blend } from './gradients/strength.ts';
import { axisIndex, checkShape, type Grouping } from './grouping.ts';
import { type ScaleSource, scaleSource } from './learned.ts';
import { checkNaN, codesOf, fillHoles, withoutNaN } from './nan.ts';
import { type KernelRun, kernelPlan, loopsFor, runOnKernels } from './on-kernels.ts';
import type { Explained } from './pullback.ts';
import { type Quantized, quantized } from './quantized.ts';
import type { CallOptions, ResolvedQuantizer } from './quantizer-options.ts';
import { type Run, runQuantizer, scaledUnder, unitsLike } from './run.ts';
import { decodeFactor, newScales, useScale } from './scales.ts';
import { type Tracker, trackerOf } from './tracking.ts';
import { noResidue, type Residue, type TransformContext } from './transforms/transform.ts';

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

const remembers = ({ update, training }: CallOptions): boolean => update ?? training ?? true;

/** A quantiser with its memory and its plan. */
export class QuantizerSteps {
  readonly options: ResolvedQuantizer;
  readonly rounding: ResolvedRounding;
  readonly tracker: Tracker;
  readonly source: ScaleSource;
  // Made when first needed: a plan may need tables.
  #plan: QuantizerPlan | undefined;
  #isPlanned = false;

  constructor(options: ResolvedQuantizer) {
    this.options = options;
    this.tracker = trackerOf(options.scale);
    this.source = scaleSource(options);
    this.rounding = resolveRounding(options.format, options.round);
  }

  #prepare(tensor: RealArray, shape: readonly number[], call: CallOptions): Prepared {
    const { transform } = this.options;
    checkShape(shape, tensor.length);
    const { axis, seed, stream, offset, threads } = call;
    if (axis !== undefined) axisIndex(axis, shape);
    const given = { axis, seed, stream, offset, threads };
    const entries = Object.entries(given).filter(([, value]) => value !== undefined);
    const context: TransformContext = Object.fromEntries(entries);
    const { x: whole, holes } = withoutNaN(tensor, this.options);
    const { values: x, residue } =
      transform === undefined
        ? { values: whole, residue: noResidue }
        : transform.forward(whole, shape, context);
    return { given: whole, x, holes, shape, residue, context };
  }

  #trackIn({ training = true }: CallOptions): (current: Float64Array) => Float64Array {
    return (current) => this.tracker.track(current, training);
  }

  /** By the reference, its loops by kernels where they take the tensor. */
  #run({ x, holes, shape }: Prepared, call: CallOptions): Run {
    const { options, tracker, source } = this;
    const track = this.#trackIn(call);
    const fixed = source.scalesFor(x, shape);
    const loops = loopsFor(x, shape);
    const done = runQuantizer(x, shape, { options, track, fixed, loops }, call);
    if (options.nan === 'max') fillHoles(done, holes, options.high);
    if (remembers(call)) {
      tracker.commit();
      source.commit();
    }
    return done;
  }

  /** By the kernels; undefined where they do not take it. */
  #runFast(
    { x, holes, shape }: Prepared,
    call: CallOptions,
    codes: RealArray | undefined,
    out?: RealArray,
  ): KernelRun | undefined {
    const { format, scale, low, high, nan } = this.options;
    if (!this.#isPlanned) this.#plan = kernelPlan({ format, rounding: this.rounding, scale, low, high });
    this.#isPlanned = true;
    const plan = this.#plan;
    if (plan === undefined || (nan === 'max' && holes.length > 0)) return undefined;
    const target = out as Float32Array | undefined;
    const run = runOnKernels(plan, scale.grouping, x, shape, call, codes, target, this.#trackIn(call));
    if (run !== undefined && remembers(call)) this.tracker.commit();
    return run;
  }

  /** A whole run by the kernels, which give what they store: the rest follows from it. */
  #explainFast(prepared: Prepared, call: CallOptions): Run | undefined {
    const { options } = this;
    const { x, shape } = prepared;
    const fast = this.#runFast(prepared, call, unitsLike(x, options));
    if (fast === undefined) return undefined;
    const {
      elements,
      values,
      layout,
      scales: given,
      tensorEncode,
    } = fromKernels(fast, options.scale.grouping, shape);
    const scales = newScales(given.stored.length, options.scale);
    const perLevel = given.stored.length / (tensorEncode?.length ?? 1);
    for (let group = 0; group < given.stored.length; group++) {
      const encode = tensorEncode?.[Math.floor(group / perLevel)] ?? 1;
      useScale(options.scale, scales, group, given.stored[group]!, encode);
    }
    const scaled = scaledUnder(x, layout, scales, options, loopsFor(x, shape));
    return { x, layout, scaled, elements, values, scales, tensorEncode, zeroPoints: undefined };
  }

  #restored(values: RealArray, { shape, residue, context }: Prepared): RealArray {
    const { transform, invert } = this.options;
    return transform === undefined || !invert ? values : transform.inverse(values, shape, residue, context);
  }

  quantize(x: RealArray, shape: readonly number[], call: CallOptions): Quantized {
    const { options } = this;
    const { format, scale, transform } = options;
    checkNaN(x, options);
    const prepared = this.#prepare(x, shape, call);
    const { residue, context } = prepared;
    const fast = this.#runFast(prepared, call, new Float32Array(x.length));
    const done = fast === undefined ? this.#run(prepared, call) : fromKernels(fast, scale.grouping, shape);
    const { scales, zeroPoints, tensorEncode } = done;
    const tensorScales = tensorEncode && Float32Array.from(tensorEncode, (encodeScale) => 1 / encodeScale);
    const stored = { codes: codesOf(done, format), scales: scales.stored, tensorScales, zeroPoints };
    const values = this.#restored(done.values, prepared);
    return quantized(
      { options, shape, residue, ...stored },
      { transform, context, isFloat32: isFloat32Array(x) },
      values,
    );
  }

  /** The values, in `target` or a new array. */
  fakeQuantize<A extends RealArray>(
    x: A,
    shape: readonly number[],
    call: CallOptions,
    target: A | undefined,
  ): A {
    const { transform, strength } = this.options;
    const prepared = this.#prepare(x, shape, call);
    const isDirect = transform === undefined && strength === 1;
    const fast = this.#runFast(prepared, call, undefined, isDirect ? target : undefined);
    if (isDirect && fast !== undefined) return fast.values as RealArray as A;
    const image = this.#restored((fast ?? this.#run(prepared, call)).values, prepared) as A;
    return blend(x, image, strength, target);
  }

  explain(x: RealArray, shape: readonly number[], call: CallOptions): Explained {
    const { format, low, high } = this.options;
    const prepared = this.#prepare(x, shape, call);
    const run = this.#explainFast(prepared, call) ?? this.#run(prepared, call);
    const { layout, scales, zeroPoints, tensorEncode: _, ...rest } = run;
    const { given, residue, context } = prepared;
    return {
      ...rest,
      ...{ given, residue, context, shape, format, low, high },
      grouping: layout.grouping,
      scales: scales.out.map((_, group) => decodeFactor(scales, group)),
      ...(zeroPoints === undefined ? {} : { zeroPoints }),
    };
  }
}
