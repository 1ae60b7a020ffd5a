/** The module of transforms. Every buffer is given by the caller. */
export { logarithmSums, placeSteps } from './magnitudes';
export { addSquares, maskErrors, maskShifted, maskWithin } from './masks';
export { piece } from './piece';
export { shiftMagnitudes } from './powers';
export { scaleBySlopes } from './slopes';
export { bucketOf, clampBeyond, countBucket, countFinite } from './selection';
