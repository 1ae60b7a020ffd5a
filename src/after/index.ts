/** Weights put into few bits after training: codebooks, error terms, masks, searched floats, second-order rounding. */
export {
  type ActivationRange,
  type ActivationRangeOptions,
  activationRange,
  type RangeName,
  rangeNames,
} from './activation-range.ts';
export {
  type ChannelMaskOptions,
  type ChannelMaskResult,
  channelMask,
  fromChannelMask,
} from './channel-mask.ts';
export { fromCodebooks, type KmeansOptions, type KmeansResult, kmeansCodebooks } from './kmeans.ts';
export { type LowRankOptions, type LowRankResult, lowRankError, withErrorTerm } from './low-rank.ts';
export type { MatrixShape } from './matrix.ts';
export {
  type MinifloatCandidate,
  type MinifloatOptions,
  type MinifloatResult,
  searchMinifloat,
} from './minifloat.ts';
export { type SecondOrderOptions, type SecondOrderResult, secondOrder } from './second-order.ts';
