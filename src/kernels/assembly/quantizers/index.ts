/** The module of quantisers. Every buffer, scratch included, is given by the caller. */
export { columnMaxima, spread } from './columns';
export { piece, placeColumns, placeGroups } from './generated';
export { encodeScales, powerScales, twoLevelScales } from './scales';
export { absoluteMaxima, addSums, groupStatistics, multiplyStatistics } from './statistics';
export { narrowGroups, wideFactors, widenGroups } from './wide';
