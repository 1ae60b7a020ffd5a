/** Which number of a format a real becomes: modes, saturation, the scalar reference, counter-based random bits. */
export {
  dropsHighBits,
  hasAllCodes,
  isStochastic,
  operandRounding,
  type ResolvedRounding,
  type RoundingMode,
  type RoundOptions,
  resolveRounding,
  roundingModes,
  roundingNames,
  type Saturation,
  type StochasticVariant,
  type SubnormalTreatment,
  saturations,
  stochasticVariants,
  subnormalTreatments,
} from './options.ts';
export {
  drawIntegers,
  philox4x32,
  type RandomOptions,
  randomInteger,
  randomIntegers,
  type Words2,
  type Words4,
} from './philox.ts';
export { roundArrayReference, roundScalar } from './round.ts';
