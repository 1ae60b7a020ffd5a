/** The module of quantisers. Every buffer, scratch included, is given by the caller. */
export { chooseScales } from './choice';
export { columnMaxima, spread } from './columns';
export { gatherGroups } from './gather';
export { piece, placeColumns, placeGroups } from './generated';
export { encodeScales, powerScales, twoLevelScales } from './scales';
export { candidates, keepBetter, squaredErrors } from './search';
export { absoluteMaxima, addSums, meanStatistics, multiplyStatistics, takeMeans } from './statistics';
export { narrowGroups, wideFactors, widenGroups } from './wide';
export { addRanges, intoUnits, outOfUnits } from './units';
