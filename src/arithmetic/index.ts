/** Correctly rounded operations on numbers and arrays: the reference that kernels are tested against. */
export type {
  AccumulationOrder,
  Accumulations,
  AccumulatorModel,
  MatmulShape,
  MatvecShape,
  Quire,
  SumOptions,
} from './accumulate/index.ts';
export {
  type Arithmetic,
  type ArithmeticOptions,
  type CountingArithmetic,
  createArithmetic,
} from './arithmetic.ts';
export type { ArithmeticState } from './cursor.ts';
export type { ArithmeticCallOptions, BinaryMethod, TernaryMethod, UnaryMethod } from './elementwise.ts';
export {
  type FixedWord,
  fixedPoint,
  type QuantizeOptions,
  type WordFormat,
  type WordFormatSpelling,
} from './fixed-point.ts';
export type { Flags } from './flags.ts';
export {
  createFormatOf,
  type FormatOfArithmetic,
  type FormatOfOptions,
  type OperandFormats,
} from './format-of.ts';
export {
  type ExplainedUnit,
  type MatrixUnit,
  type MatrixUnitDescription,
  type MatrixUnitParameters,
  type MatrixUnitScales,
  matrixUnit,
  matrixUnitNames,
  type UnitStep,
  type UnitTerm,
} from './matrix-unit/index.ts';
export {
  type Operation,
  type OperationName,
  operate,
  operationNames,
  operationOf,
  planOperations,
} from './operations.ts';
export { type Real, roundReal, toReal } from './real.ts';
export type { CodeMethods, CodeResult, Trace, TracedMethods } from './single-operations.ts';
