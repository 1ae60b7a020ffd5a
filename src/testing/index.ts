/**
 * For tests: arbitraries of formats and numbers, the laws of rounding, and test vectors with their verification, for this library's
 * implementation or yours.
 */

export {
  type CaseOptions,
  type Level,
  type Mismatch,
  type MismatchKind,
  mismatchKinds,
  type OperationOptions,
  type TestVector,
  type VectorForm,
  VectorLineError,
  type VectorOperation,
  type VectorOptions,
  type VectorSource,
  type VectorTextOptions,
  type Verification,
  type VerifyOptions,
  vectorForms,
  vectorOperations,
  vectors,
  vectorText,
  verify,
} from '../vectors/index.ts';
export { anyFloat, anyFormat, boundary, code, finite, nearTie, nextMagnitude, real } from './arbitraries.ts';
export { checkLaws, type FormatUnderTest, laws, lawsOf, type RoundingUnderTest } from './laws.ts';
