/**
 * Scales that are not taken from the tensor at hand: constants, and learned ones, which begin with the first tensor and are
 * changed by a trainer from then on.
 *
 * Source of the start 2 mean|x| / sqrt(largest element): Esser et al., "Learned step size quantization", arXiv 1902.08153,
 * section 2.1.
 */
import { checkLength } from '../check.ts';
import { bounded } from '../operations/carrier.ts';
import type { RealArray } from '../operations/conversions.ts';
import { forEachMembers } from './elements.ts';
import { countGroups } from './grouping.ts';
import type { ResolvedQuantizer } from './quantizer-options.ts';
import { rangeOf, statisticOf } from './statistics.ts';
import { type QuantizerState, stateNumbers } from './tracking.ts';
import { affineIn } from './zero-points.ts';

/** One scale, and where there are zero points one zero point, a group. */
export interface FixedScales {
  readonly scales: Float64Array;
  readonly zeroPoints?: Float64Array;
}

/** The scales of the first tensor; 1 for groups of zeros, and where the statistic is not finite. */
function initialScales(
  x: RealArray,
  shape: readonly number[],
  { format, scale }: ResolvedQuantizer,
): FixedScales {
  const scales = new Float64Array(countGroups(scale.grouping, shape)).fill(1);
  const zeroPoints = new Float64Array(scales.length);
  forEachMembers(x, { grouping: scale.grouping, shape }, (members, group) => {
    if (scale.initial === 'minmax' && format.kind === 'int') {
      const { low, high } = rangeOf(members);
      const affine = affineIn(format, scale)(low, high);
      if (Number.isNaN(affine.scale)) return;
      scales[group] = affine.scale;
      zeroPoints[group] = affine.zeroPoint;
      return;
    }
    const isLargest = scale.initial === 'absmax';
    const statistic = statisticOf(members, isLargest ? 'absmax' : 'absmean', 100);
    if (!(statistic > 0 && statistic < Infinity)) return;
    const value = isLargest ? statistic / scale.target : (statistic / Math.sqrt(scale.target)) * 2;
    // A state holds finite numbers, and 0 is no scale.
    scales[group] = Math.max(bounded(value, Number.MAX_VALUE), Number.MIN_VALUE);
  });
  return scale.hasZeroPoint ? { scales, zeroPoints } : { scales };
}

export interface ScaleSource {
  /** The scales to use for x; undefined where they are taken from x itself. */
  scalesFor(x: RealArray, shape: readonly number[]): FixedScales | undefined;
  /** Remembers the latest scales. */
  commit(): void;
  state(): QuantizerState;
  /** Throws ArgumentError for what is no state of this source. */
  restore(state: QuantizerState): void;
}

const noState = {
  commit: (): void => undefined,
  state: (): QuantizerState => ({}),
  restore: (): void => undefined,
};

function learnedScales(options: ResolvedQuantizer): ScaleSource {
  let learned: FixedScales | undefined;
  let pending: FixedScales | undefined;
  return {
    scalesFor(x, shape): FixedScales {
      pending = learned ?? initialScales(x, shape, options);
      return pending;
    },
    commit(): void {
      learned = pending;
    },
    state(): QuantizerState {
      if (learned === undefined) return {};
      const { scales, zeroPoints } = learned;
      return { scales: [...scales], ...(zeroPoints === undefined ? {} : { zeroPoints: [...zeroPoints] }) };
    },
    restore(state): void {
      if (state.scales === undefined) {
        learned = undefined;
        return;
      }
      const scales = stateNumbers('scales', state.scales);
      if (!options.scale.hasZeroPoint) {
        learned = { scales };
        return;
      }
      const zeroPoints = stateNumbers('zeroPoints', state.zeroPoints);
      checkLength(
        'state.zeroPoints',
        zeroPoints,
        scales.length,
        `${scales.length} numbers, one a scale`,
        state.zeroPoints,
      );
      learned = { scales, zeroPoints };
    },
  };
}

/** As many numbers as a list has, or there are groups. */
function perGroup(value: number | readonly number[], groups: number): Float64Array {
  return typeof value === 'number' ? new Float64Array(groups).fill(value) : Float64Array.from(value);
}

/** Where the scales of a quantiser come from, if not from each tensor. */
export function scaleSource(options: ResolvedQuantizer): ScaleSource {
  const { from, value, zeroPoint, grouping } = options.scale;
  if (from === 'learned') return learnedScales(options);
  if (from !== 'constant') return { scalesFor: () => undefined, ...noState };
  return {
    scalesFor: (_x, shape) => {
      const groups = countGroups(grouping, shape);
      const scales = perGroup(value!, groups);
      return zeroPoint === undefined ? { scales } : { scales, zeroPoints: perGroup(zeroPoint, groups) };
    },
    ...noState,
  };
}
