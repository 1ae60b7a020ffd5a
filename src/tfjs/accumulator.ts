/**
 * The accumulator of a policy: how matrix products and convolutions are summed. Resolves what the user says to a model of
 * `src/arithmetic`, and runs a product with it: by the kernels where there is one, by the reference otherwise.
 */

import { drawsOf } from '../arithmetic/accumulate/draws.ts';
import { matrixProduct } from '../arithmetic/accumulate/matrix-product.ts';
import {
  type AccumulatorModel,
  type ResolvedAccumulator,
  resolveAccumulator,
  sumsOf,
} from '../arithmetic/accumulate/model.ts';
import { isMatrixUnit, type MatrixUnit, type MatrixUnitParameters } from '../arithmetic/matrix-unit/index.ts';
import { readOperands } from '../arithmetic/matrix-unit/matrix-unit.ts';
import { checkFields, pathOf, within } from '../check.ts';
import { type Format, type FormatSpelling, formats } from '../formats/index.ts';
import { firstNonMember } from '../kernels/arithmetic/operation-arrays.ts';
import { matmulArray } from '../kernels/products/product-arrays.ts';
import { drawingParts } from '../products/model.ts';
import { type BatchShape, resolveProductShape } from '../products/shape.ts';
import { type ResolvedRounding, resolveRounding } from '../rounding/options.ts';
import { checkTensorFormat } from './check-tensors.ts';

/**
 * How products are summed: `'binary32'` (as the float32 kernels do: product and sum each rounded to binary32, in order),
 * another format (product and sum each rounded to it, in order), `'exact'`, a matrix unit, or a model; formats and units by
 * themselves or by name, units by their parameters as well (`{ kind: 'aligned', ... }`). Roundings of a model are to nearest even unless it says otherwise; the last one is the role's.
 */
export type AccumulatorSpec =
  | FormatSpelling
  | 'exact'
  | Format
  | MatrixUnit
  | MatrixUnitParameters
  | AccumulatorModel;

const modelFields = ['products', 'accumulate', 'order', 'rounding'];

/** An accumulator as a model, whose format or matrix unit is found. Throws ArgumentError that names the field. */
function accumulatorModel(path: string, spec: unknown): AccumulatorModel {
  const isModel = typeof spec === 'object' && spec !== null && !('kind' in spec);
  if (!isModel) return { accumulate: sumsOf(path, spec) };
  checkFields(path, spec, modelFields);
  const { accumulate } = spec as AccumulatorModel;
  if (accumulate === undefined) return spec as AccumulatorModel;
  return { ...spec, accumulate: sumsOf(pathOf(path, 'accumulate'), accumulate) };
}

/** The matrix unit that an accumulator is; undefined: it is none. */
export function unitOf(spec: AccumulatorSpec): MatrixUnit | undefined {
  const { accumulate } = accumulatorModel('accumulate', spec);
  return isMatrixUnit(accumulate) ? accumulate : undefined;
}

/**
 * Whether it is the 32-bit integers that layers of a recipe may sum in: of the elements of scaled images, whose units their results are
 * multiplied by. As tensors have no such values, it is no accumulator of anything else.
 */
export const isInteger32 = (spec: AccumulatorSpec | null): boolean => spec === 'int32';

/** Checks an accumulator by itself, whatever its results are rounded to. Throws ArgumentError that names the field. */
export function checkAccumulator(path: string, spec: unknown): void {
  const model = accumulatorModel(path, spec);
  within(path, () => resolveAccumulator(formats.binary32, resolveRounding(formats.binary32), model));
}

/** Whether these are the sums of the float32 kernels. */
const isPlain = (spec: AccumulatorSpec, { accumulate }: AccumulatorModel): boolean =>
  accumulate === formats.binary32 && (typeof spec === 'string' || spec === accumulate);

/**
 * Sums with these results: of the rounding that holds for the kernel. `null`: those of the float32 kernels.
 *
 * @param sums Format of the partial sums of a model that names none. Default: that of the results.
 */
export function resolveAccumulatorSpec(
  spec: AccumulatorSpec | undefined,
  format: Format,
  options: ResolvedRounding,
  sums: Format = format,
): ResolvedAccumulator | null {
  if (spec === undefined) return null;
  const model = { accumulate: sums, ...accumulatorModel('accumulator', spec) };
  if (isPlain(spec, model)) return null;
  const { accumulate } = model;
  const resolved = within('accumulator', () =>
    resolveAccumulator(
      format,
      options,
      isMatrixUnit(accumulate) || accumulate === 'exact' ? model : { rounding: 'nearest-even', ...model },
    ),
  );
  const result = isMatrixUnit(resolved.accumulate) ? resolved.accumulate.result : resolved.conversion.format;
  checkTensorFormat('accumulator', result, spec);
  return resolved;
}

/** A model with where its random integers come from. */
export interface Accumulation {
  readonly model: ResolvedAccumulator;
  /** The options for so many draws, and the cursor moves on. */
  take(slots: number): ResolvedRounding;
}

/** The options of one call. */
export function callOf({ model, take }: Accumulation, shape: BatchShape): ResolvedRounding {
  const { m, n, k, batch = 1 } = shape;
  return drawingParts(model, true).length === 0
    ? { ...model.conversion.options, offset: 0 }
    : take(batch * m * n * Math.max(k, 1));
}

/** Throws ArgumentError for operands that are no numbers of a unit's format. */
export function checkUnitOperands(unit: MatrixUnit, a: Float32Array, b: Float32Array): void {
  readOperands(unit, 'a', a, firstNonMember);
  readOperands(unit, 'b', b, firstNonMember);
}

/** out = op(a) op(b) on arrays: by a kernel, else by the reference. */
export function accumulateArrays(
  a: Float32Array,
  b: Float32Array,
  out: Float32Array,
  shape: BatchShape,
  model: ResolvedAccumulator,
  call: ResolvedRounding,
): void {
  const { accumulate } = model;
  const [left, right] = isMatrixUnit(accumulate)
    ? [readOperands(accumulate, 'a', a, firstNonMember), readOperands(accumulate, 'b', b, firstNonMember)]
    : [a, b];
  if (matmulArray(left, right, out, shape, model, call)) return;
  const whole = resolveProductShape(shape);
  const k = Math.max(whole.k, 1);
  const draw = drawsOf(call, drawingParts(model, true), out.length * k);
  matrixProduct(
    left,
    right,
    undefined,
    out,
    whole,
    model,
    (output) => (part, index) => draw(part, output * k + index),
  );
}
