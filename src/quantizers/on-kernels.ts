/**
 * Quantisers on kernels: what the kernels need to know of a quantiser, and which tensors they take; the reference does the
 * rest. No numerics live here.
 */
import { isFloat32Array } from '../array-kinds.ts';
import { exponentOf, scaleByPowerOfTwo } from '../binary64.ts';
import { fitsBinary32 } from '../formats/real-arrays.ts';
import { quantizeArray } from '../kernels/quantizers/quantizer-arrays.ts';
import type { Outcome } from '../kernels/quantizers/quantizer-pass.ts';
import { type GroupLayout, pieceFor } from '../kernels/quantizers/quantizer-pieces.ts';
import {
  type KernelStatistic,
  needsWholeGroups,
  planQuantizer,
  type QuantizerPlan,
  type ScaleForm,
} from '../kernels/quantizers/quantizer-plan.ts';
import { rangesOfGroups, scaleIntoUnits, scaleOutOfUnits } from '../kernels/quantizers/units.ts';
import { carrierOf, toBinary32 } from '../operations/carrier.ts';
import type { RealArray } from '../operations/conversions.ts';
import type { ResolvedRounding } from '../rounding/options.ts';
import { integerOf64Bits } from '../rounding/options.ts';
import { sizeOf } from '../shape.ts';
import { type GroupLoops, referenceLoops } from './elements.ts';
import { aroundAxis, countGroups, type Grouping } from './grouping.ts';
import { type Direction, trailingBits } from './power-of-two.ts';
import type { CallOptions, ResolvedQuantizer } from './quantizer-options.ts';
import type { Statistic } from './scale-options.ts';
import { tensorEncodeScale } from './scales.ts';

/** What a plan depends on. */
type Described = Pick<ResolvedQuantizer, 'format' | 'scale' | 'low' | 'high'> & {
  readonly rounding: ResolvedRounding;
};

const isBinary32 = (x: number): boolean => Math.fround(x) === x;

/** Which power of two a threshold becomes: its exponent less `emax`, one more where its trailing 23 bits are at least `raisedFrom`. */
interface PowerOfThreshold {
  readonly emax: number;
  readonly raisedFrom: number;
}

/** Of a block by its largest magnitude: see `blockExponent`. */
function powerOfMaximum({ format, scale: { direction, target } }: Described): PowerOfThreshold {
  const emax = exponentOf(target);
  switch (direction) {
    case 'floor':
      return { emax, raisedFrom: 2 ** 23 };
    case 'ceil':
      return { emax, raisedFrom: 1 };
    case 'even':
      return { emax, raisedFrom: 2 ** 23 - Math.floor(2 ** (22 - trailingBits(format)!)) };
    case 'rceil':
      return powerOfQuotient('rceil', target);
  }
}

/** The least trailing significand from which on a significand is at least `bound`. */
const trailingFrom = (bound: number): number => Math.ceil((bound - 1) * 2 ** 23);

/** Of the quotient by the target: see `quotientExponent`. */
function powerOfQuotient(direction: Direction, target: number): PowerOfThreshold {
  const exponent = exponentOf(target);
  const significand = scaleByPowerOfTwo(target, -exponent);
  switch (direction) {
    case 'floor':
      return { emax: exponent + 1, raisedFrom: trailingFrom(significand) };
    case 'ceil':
    case 'rceil':
      return { emax: exponent, raisedFrom: Math.floor((significand - 1) * 2 ** 23) + 1 };
    case 'even': {
      // From three quarters of the target's significand on the quotient is nearer to 1 than to a half, and so on.
      const bound = 1.5 * significand;
      return bound < 2
        ? { emax: exponent, raisedFrom: trailingFrom(bound) }
        : { emax: exponent + 1, raisedFrom: trailingFrom(bound / 2) };
    }
  }
}

function scaleForm(given: Described): ScaleForm | undefined {
  const { scale } = given;
  const { format, target, tensorScale, scaleMax } = scale;
  if (scale.powerOfTwo) {
    const [lowest, highest] = [exponentOf(format.min), exponentOf(format.max)];
    if (lowest < -127 || highest > 127) return undefined;
    const { prescale, gain, direction } = scale;
    const power = scale.from === 'absmax' ? powerOfMaximum(given) : powerOfQuotient(direction, target);
    return { kind: 'power', ...power, lowest, highest, prescale, gain };
  }
  if (tensorScale !== false) {
    const encodeOf = (amax: number): number => tensorEncodeScale(amax, scale);
    const fourOverSix = scale.fourOverSix && {
      isSquared: scale.fourOverSix === 'mse',
      denominator: 6 * scaleMax,
    };
    return { kind: 'two-level', per: tensorScale, format, target, encodeOf, fourOverSix };
  }
  return format.name === 'binary32' && isBinary32(target) ? { kind: scale.stored, target } : undefined;
}

const kernelStatistics: readonly Statistic[] = ['absmax', 'absmean', 'rms', 'std', 'mse'];
const isKernelStatistic = (from: Statistic): from is KernelStatistic => kernelStatistics.includes(from);

/** The kernels' plan of a quantiser (transform, strength and the treatment of NaN apart); undefined where they have none. */
export function kernelPlan(given: Described): QuantizerPlan | undefined {
  const { format, rounding, scale, low, high } = given;
  const { from, least, multiplier } = scale;
  if (scale.level !== 'statistic' || !fitsBinary32(format) || !isBinary32(least)) return undefined;
  const form = scaleForm(given);
  if (form === undefined || !isKernelStatistic(from)) return undefined;
  return planQuantizer({
    ...{ format, low, high, rounding, from, multiplier, least },
    isTracked: scale.decay !== undefined || scale.history !== undefined,
    scale: form,
    unsignedZeros: scale.isNvfp4,
  });
}

/** Elements that are done together, at most: kernels hold 16 bytes for each. */
const mostTogether = 2 ** 24;

/** The groups of a tensor as runs of neighbours, or bands of them; undefined where no kernel walks them, or there is nothing. */
export function kernelLayout(
  grouping: Grouping,
  shape: readonly number[],
  plan: QuantizerPlan,
): GroupLayout | undefined {
  if (shape.includes(0)) return undefined;
  const { scale } = plan.form;
  const layout = layoutOf(grouping, shape);
  if (pieceFor(layout, needsWholeGroups(plan)).length > mostTogether) return undefined;
  if (scale.kind !== 'two-level' || scale.per !== 'row') return layout;
  const isAlongRows = grouping.per !== 'tensor' && layout.band === undefined;
  return isAlongRows && layout.rows === countGroups({ per: 'row' }, shape) ? layout : undefined;
}

/** The groups of a tensor with elements as runs of neighbours, or bands of them. */
export function layoutOf(grouping: Grouping, shape: readonly number[]): GroupLayout {
  const length = sizeOf(shape);
  const [height, width] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  switch (grouping.per) {
    case 'tensor':
      return { rows: 1, columns: length, size: length };
    case 'row': {
      const rows = countGroups(grouping, shape);
      return { rows, columns: length / rows, size: length / rows };
    }
    case 'block': {
      const { outer, length: columns, inner } = aroundAxis(grouping.axis ?? -1, shape);
      if (inner === 1) return { rows: outer, columns, size: grouping.size };
      const band = { rows: grouping.size, height: columns, hasLines: false };
      return { rows: outer * columns, columns: inner, size: 1, band };
    }
    case 'column': {
      const rows = length / width;
      return { rows, columns: width, size: 1, band: { rows, height: rows, hasLines: false } };
    }
    case 'tile': {
      const band = { rows: grouping.rows, height, hasLines: true };
      return { rows: length / width, columns: width, size: Math.min(grouping.columns, width), band };
    }
  }
}

/** The loops over the elements of Float32Arrays. */
const kernelLoops: GroupLoops = {
  intoUnits(x, scaled, { grouping, shape }, scales, clipsInfinities) {
    const { into: factors, dividesInto: divides } = scales;
    const scaling = { factors, divides, most: carrierOf(scaled).max, clipsInfinities };
    scaleIntoUnits(x as Float32Array, scaled, layoutOf(grouping, shape), scaling);
  },
  outOfUnits(elements, values, layout, scales, zeroPoints, ends) {
    const { out: factors, dividesOut: divides } = scales;
    // Products of two levels may have more bits than binary64.
    if (scales.isTwoLevel || !isFloat32Array(elements))
      referenceLoops.outOfUnits(elements, values, layout, scales, zeroPoints, ends);
    else {
      const { grouping, shape } = layout;
      const scaling = { factors, divides, zeroPoints, ends };
      scaleOutOfUnits(elements, values as Float32Array, layoutOf(grouping, shape), scaling);
    }
  },
  rangesOf(x, { grouping, shape }, lows, highs) {
    rangesOfGroups(x as Float32Array, layoutOf(grouping, shape), lows, highs);
  },
  maximaOf(x, layout, groups) {
    const [lows, highs] = [new Float64Array(groups), new Float64Array(groups)];
    this.rangesOf(x, layout, lows, highs);
    return highs.map((high, group) => Math.max(high, -lows[group]!));
  },
};

/** The loops over the elements of a tensor: kernels, where they take it. */
export function loopsFor(x: RealArray, shape: readonly number[]): GroupLoops {
  return isFloat32Array(x) && !shape.includes(0) ? kernelLoops : referenceLoops;
}

/** The rounding of one call; undefined where the call has random integers of its own, or an index that it must not have. */
export function callRounding(
  rounding: ResolvedRounding,
  { seed, stream, offset = rounding.offset, random }: CallOptions,
  length: number,
): ResolvedRounding | undefined {
  const isIndex = Number.isSafeInteger(offset) && offset >= 0 && offset <= Number.MAX_SAFE_INTEGER - length;
  if (random !== undefined || !isIndex) return undefined;
  return {
    ...rounding,
    seed: seed === undefined ? rounding.seed : integerOf64Bits('seed', seed),
    stream: stream === undefined ? rounding.stream : integerOf64Bits('stream', stream),
    offset,
  };
}

/** A run of the kernels: values, and what else was asked for. */
export interface KernelRun {
  readonly values: Float32Array;
  readonly outcome: Outcome | undefined;
}

/**
 * Quantises x by kernels.
 *
 * @param out Where values go; may be x. Default: a new array.
 * @param codes The array for elements, where these and scales are wanted too.
 * @param track What statistics of earlier calls make of those of this one.
 * @returns undefined, and nothing is written, where the reference must do it (or refuse it).
 */
export function runOnKernels(
  plan: QuantizerPlan,
  grouping: Grouping,
  x: RealArray,
  shape: readonly number[],
  call: CallOptions,
  codes: RealArray | undefined,
  out?: Float32Array,
  track?: (current: Float64Array) => Float64Array,
): KernelRun | undefined {
  if (!isFloat32Array(x)) return undefined;
  const layout = kernelLayout(grouping, shape, plan);
  const rounding = callRounding(plan.form.rounding, call, x.length);
  if (layout === undefined || rounding === undefined) return undefined;
  const outcome = codes && {
    elements: codes,
    scales: new Float32Array(countGroups(grouping, shape)),
    tensorEncode: new Float64Array(countTensorScales(plan, layout)),
  };
  const values = out ?? new Float32Array(x.length);
  const used =
    plan.form.isTracked && track !== undefined
      ? (found: Float32Array) => Float32Array.from(track(Float64Array.from(found)), toBinary32)
      : undefined;
  quantizeArray(x, values, layout, plan, rounding, outcome, call.threads, used);
  return { values, outcome };
}

function countTensorScales({ form: { scale } }: QuantizerPlan, { rows }: GroupLayout): number {
  if (scale.kind !== 'two-level') return 0;
  return scale.per === 'row' ? rows : 1;
}
