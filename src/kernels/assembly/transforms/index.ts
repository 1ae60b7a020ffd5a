/** The module of transforms. Every buffer is given by the caller. */
export { hadamardColumns, hadamardRows } from './hadamard';
export { logarithmSums, placeSteps } from './magnitudes';
export { shiftMagnitudes } from './powers';
export { scaleBySlopes } from './slopes';
export { bucketOf, clampBeyond, countBucket, countFinite } from './selection';
