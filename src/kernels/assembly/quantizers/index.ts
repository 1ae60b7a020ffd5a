/** The module of quantisers. Every buffer, scratch included, is given by the caller. */
export { columnMaxima, placeColumns, spread } from './columns';
export { placeGroups } from './elements';
export { encodeScales, powerScales, twoLevelScales } from './scales';
export { absoluteMaxima, absoluteSums } from './statistics';
