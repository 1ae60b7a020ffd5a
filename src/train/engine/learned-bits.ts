/**
 * Learned numbers of bits: what of a slot's noise is trained, how it becomes the bits of each group, and the term of the objective that
 * makes bits fewer. A weight reads the same numbers whatever loop trains it: the term acts through the gradient of the trained numbers,
 * which nothing else depends on.
 *
 * Sources: "Gaussian weight sampling for scalable, efficient and stable pseudo-quantization training", arXiv 2505.11170 (lines to a
 * target, the mean); Defossez, Adi, Synnaeve, "Differentiable model compression via pseudo quantization noise", arXiv 2104.09987, and
 * the authors' implementation (logistic, the size in megabytes).
 */
import { exp, log } from '../../approximate.ts';
import { countGroups, forEachGroup, type Grouping } from '../../quantizers/grouping.ts';
import type { QuantizerState } from '../../quantizers/tracking.ts';
import type { LearnBits, OperandSpec } from '../linear-slots.ts';

/** What a slot remembers: what its quantiser does, what is trained of its noise, one a group, the numbers of its form, the values of its format. */
export interface SlotMemory extends QuantizerState {
  readonly bits?: readonly number[];
  readonly form?: readonly number[];
  readonly levels?: readonly number[];
  /** The scales and zero points that codes were made with which stay as they are. */
  readonly fixedScales?: readonly number[];
  readonly fixedZeroPoints?: readonly number[];
  /** What the quantiser of a weight remembered in a step that is not over, before it made the image that the step has. */
  readonly earlier?: EarlierMemory;
}

/** A memory in a step, before an image was made. */
export interface EarlierMemory extends Pick<QuantizerState, 'average' | 'history'> {
  readonly step: number;
}

/** How bits are learned: what the recipe says, and the bits that they begin with. */
export interface BitLearning extends LearnBits {
  readonly initial: number;
}

/** What a slot has to say of learned bits; undefined: nothing. */
export function bitLearning({ learn, transform }: OperandSpec): BitLearning | undefined {
  const found = learn?.find((one) => one.of === 'bits');
  return found === undefined
    ? undefined
    : { ...found, initial: (transform as unknown as { readonly bits: number }).bits };
}

const fewest = 1;
const most = 32;

const logistic = (p: number): number => 1 / (1 + exp(-p));

/** What training begins with. */
export function initialParameter({ initial, range }: BitLearning): number {
  if (range === undefined) return 1;
  return Math.fround(log((initial - range[0]) / (range[1] - initial)));
}

/** The bits that a trained number stands for: target + p (initial - target), or low + (high - low) / (1 + e^-p). */
export function bitsOf({ initial, target, range }: BitLearning, p: number): number {
  if (range === undefined) return target! + p * (initial - target!);
  return range[0] + (range[1] - range[0]) * logistic(p);
}

/** Their derivative. */
function slopeOf({ initial, target, range }: BitLearning, p: number): number {
  if (range === undefined) return initial - target!;
  const part = logistic(p);
  return (range[1] - range[0]) * part * (1 - part);
}

/** A trained number as binary32 has it, whose bits are from 1 to 32. */
export function settledParameter(learning: BitLearning, p: number): number {
  const { initial, target, range } = learning;
  // Beyond that a logistic function has no slope that binary32 could follow.
  if (range !== undefined) return Math.fround(Math.max(-16, Math.min(16, p)));
  const ends = [fewest, most].map((bits) => (bits - target!) / (initial - target!));
  return Math.fround(Math.max(Math.min(...ends), Math.min(Math.max(...ends), p)));
}

const bitsOfMegabyte = 2 ** 23;

/** Elements of each group. */
export function sizesOf(grouping: Grouping, shape: readonly number[]): Float64Array {
  const sizes = new Float64Array(countGroups(grouping, shape));
  forEachGroup(grouping, shape, (group, _start, rows, _rowStride, columns) => {
    sizes[group]! += rows * columns;
  });
  return sizes;
}

/** What the task's loss says of bits, and what is needed to say what the term does. */
export interface BitGradients {
  /** With respect to the bits of each group. */
  readonly bits: Float64Array;
  readonly grouping: Grouping;
  readonly shape: readonly number[];
}

/** The term of the objective, and the gradients of the whole with respect to the trained numbers. */
export function trainedBits(
  learning: BitLearning,
  parameters: readonly number[],
  { bits, grouping, shape }: BitGradients,
): { readonly penalty: number; readonly gradient: Float64Array } {
  const { penalty: { kind, weight } = { kind: 'mean', weight: 0 } } = learning;
  const sizes = kind === 'size' ? sizesOf(grouping, shape) : undefined;
  let penalty = 0;
  const gradient = bits.map((ofBits, group) => {
    const p = parameters[group]!;
    const slope = slopeOf(learning, p);
    if (sizes === undefined) {
      penalty += (weight * p) / bits.length;
      return ofBits * slope + weight / bits.length;
    }
    const factor = (weight * sizes[group]!) / bitsOfMegabyte;
    penalty += factor * bitsOf(learning, p);
    return ofBits * slope + factor * slope;
  });
  return { penalty, gradient };
}
