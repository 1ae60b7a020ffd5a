/** Arrays with a shape in the arithmetic of a format. */
export { arithmetic } from './arithmetic.ts';
export type {
  ArrayInput,
  EntryOptions,
  MatrixLike,
  Nested,
  StridedLike,
  TensorLike,
} from './entry.ts';
export type { Expression, ExpressionOperand } from './expression-types.ts';
export type { ElementwiseMethods, ElementwiseOptions } from './method-types.ts';
export type { Range } from './ranges.ts';
export type { AxisOptions, ReductionOptions, SumReductionOptions } from './reductions.ts';
export {
  type Arithmetic,
  type ArrayOperand,
  isShaped,
  type ProductOptions,
  type ShapedArray,
  shaped,
} from './shaped-array.ts';
