/** For tests: arbitraries of formats and numbers, and the laws of rounding, for this library's implementation or yours. */
export { anyFloat, anyFormat, boundary, code, finite, nearTie, nextMagnitude, real } from './arbitraries.ts';
export { checkLaws, type FormatUnderTest, laws, lawsOf, type RoundingUnderTest } from './laws.ts';
