/** The module of 8-bit codes for tensors that are held for a while. Every buffer is given by the caller. */
export { decode, encode, extremes } from './between';
export { adamBlocks, decodeBlocks, encodeBlocks } from './blocks';
export { adamExpanded, expand, spans } from './expansion';
