/**
 * AdaPT's decisions: word and fraction length of a layer from its weights and gradients. Numbers in, numbers out; whose layers they are,
 * and what is saved, is `src/train/engine/controllers.ts`.
 * Source: Kummer, Sidak, Reichmann, Gansterer, "Adaptive precision training (AdaPT)", arXiv 2107.13490, and the authors' implementation,
 * from which the constants of PushUp come.
 */
import { log } from '../../approximate.ts';

/** How many bits more PushUp asks for: the fewer, the more, or both halved, of its two estimates. */
export const strategies = ['min', 'mean', 'max'] as const;
export type Strategy = (typeof strategies)[number];

/** A controller of the formats of layers, as data. */
export interface AdaptSpec {
  readonly kind: 'adaPT';
  /** The fewest and the most gradients that a decision looks back on. Default [10, 100]. */
  readonly lookback?: readonly [least: number, most: number];
  /** The fewest and the most bins of histograms. Default [1, 100]. */
  readonly bins?: readonly [least: number, most: number];
  /** How fast the number of gradients follows their diversity. Default 0.33. */
  readonly momentum?: number;
  /** Bits above the fraction that a word has room for, its sign among them. Default 8. */
  readonly buffer?: number;
  /** Nats that a histogram may lose. Default 1e-3. */
  readonly tolerance?: number;
}

export type AdaptSettings = Required<AdaptSpec>;

export const adaptSettings = (spec: AdaptSpec): AdaptSettings => ({
  ...{ lookback: [10, 100], bins: [1, 100], momentum: 0.33, buffer: 8, tolerance: 1e-3 },
  ...spec,
});

/** Longest word: binary32 tensors have its numbers. */
export const longestWord = 24;

/** A signed fixed-point format: bits in all, and those after the point. */
export interface FixedPoint {
  readonly word: number;
  readonly fraction: number;
}

/** How often values fall into equal bins from the least to the largest of some; those outside count at the ends. */
function histogram(values: ArrayLike<number>, low: number, high: number, bins: number): Float64Array {
  const counts = new Float64Array(bins);
  const perUnit = bins / (high - low);
  for (let i = 0; i < values.length; i++) {
    const place = Math.floor((values[i]! - low) * perUnit);
    counts[Math.max(0, Math.min(bins - 1, place))]!++;
  }
  return counts;
}

/** The divergence of two histograms of as many values, in nats: infinite where one has a bin that the other has not. */
function divergence(p: Float64Array, q: Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++)
    if (p[i]! > 0) sum += q[i]! === 0 ? Infinity : (p[i]! / count) * log(p[i]! / q[i]!);
  return sum;
}

/** x on the grid of a format, to nearest, ties to even, clamped. */
function onGrid(x: number, { word, fraction }: FixedPoint): number {
  const steps = x * 2 ** fraction;
  const below = Math.floor(steps);
  const rest = steps - below;
  const isUp = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  const most = 2 ** (word - 1);
  return Math.max(-most, Math.min(most - 1, isUp ? below + 1 : below)) * 2 ** -fraction;
}

/** The least integer from `low` to `high` for which something holds, if it holds from there on; `high` if for none below it. */
function least(low: number, high: number, holds: (value: number) => boolean): number {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (holds(middle)) to = middle;
    else from = middle + 1;
  }
  return to;
}

/**
 * PushDown: the shortest fraction, and with it the shortest word, whose rounded weights have the histogram of the weights to a
 * tolerance; at most the present ones.
 */
export function pushDown(
  weights: ArrayLike<number>,
  { word, fraction }: FixedPoint,
  bins: number,
  tolerance: number,
): FixedPoint {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < weights.length; i++) {
    low = Math.min(low, weights[i]!);
    high = Math.max(high, weights[i]!);
  }
  if (!(low < high)) return { word, fraction };
  const given = histogram(weights, low, high, bins);
  const keeps = (format: FixedPoint): boolean => {
    const rounded = Float64Array.from(weights, (x) => onGrid(x, format));
    return divergence(given, histogram(rounded, low, high, bins), weights.length) <= tolerance;
  };
  const shortest = least(0, fraction, (bits) => keeps({ word: longestWord + bits, fraction: bits }));
  return {
    word: least(shortest + 1, Math.max(word, shortest + 1), (bits) =>
      keeps({ word: bits, fraction: shortest }),
    ),
    fraction: shortest,
  };
}

/** Gradients since the last decision. */
interface Lookback {
  readonly sumOfNorms: number;
  readonly normOfSum: number;
}

/** How little gradients agree: 1 where they are all one direction, infinite where they cancel. */
export const diversityOf = ({ sumOfNorms, normOfSum }: Lookback): number =>
  normOfSum === 0 ? Infinity : sumOfNorms / normOfSum;

/** PushUp: bits that further learning needs beside those of `pushDown`, and room for results. */
export function pushUp(
  { word, fraction }: FixedPoint,
  diversity: number,
  strategy: Strategy,
  buffer: number,
): FixedPoint {
  const above = diversity > 0 && diversity < Infinity ? log(diversity) - 1 : 0;
  let more = 1;
  if (above > 0) {
    const few = Math.max(Math.ceil(1 / (above * above)), 1);
    const many = Math.max(Math.min(Math.ceil(32 * above * above), 32) - fraction, 0);
    if (strategy === 'mean') more = Math.ceil((few + many) / 2);
    else more = strategy === 'min' ? Math.min(few, many) : Math.max(few, many);
  }
  const needed = Math.min(fraction + more, longestWord);
  const wide = Math.min(Math.max(word, needed) + 1, longestWord);
  const kept = Math.min(needed, longestWord - buffer);
  return { word: Math.max(Math.min(kept + buffer, longestWord), wide), fraction: kept };
}

/** How many gradients the next decision looks back on. */
export function nextLookback(
  lookback: number,
  diversity: number,
  { lookback: [few, many], momentum }: AdaptSettings,
): number {
  const wanted = Math.ceil(Math.min(Math.max(many / diversity, few), many));
  return Math.ceil(wanted * momentum + lookback * (1 - momentum));
}

/** How many bins the next histogram has. */
export function nextBins(bins: number, lookback: number, settings: AdaptSettings): number {
  const { lookback: ends, bins: range } = settings;
  const step = (lookback === ends[1] ? 1 : 0) - (lookback === ends[0] ? 1 : 0);
  return Math.min(Math.max(bins + step, range[0]), range[1]);
}

/** The next strategy, from the loss of the step and the mean of those before it: more bits where learning does not go on. */
export function nextStrategy(strategy: Strategy, mean: number, loss: number): Strategy {
  if (Math.abs(mean) > Math.abs(loss)) return 'min';
  return strategy === 'min' ? 'mean' : 'max';
}
