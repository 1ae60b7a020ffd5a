/**
 * The accumulator of a policy: how matrix products and convolutions are summed. Resolves what the user says to a model of
 * `src/arithmetic`, and runs a product with it: by the kernels where there is one, by the reference otherwise.
 */

import { drawsOf } from '../arithmetic/accumulate/draws.ts';
import { matrixProduct } from '../arithmetic/accumulate/matrix-product.ts';
import {
  type AccumulatorModel,
  drawingParts,
  isMatrixUnit,
  type ResolvedAccumulator,
  resolveAccumulator,
} from '../arithmetic/accumulate/model.ts';
import { matrixUnit, matrixUnitNames } from '../arithmetic/matrix-unit/index.ts';
import { readOperands } from '../arithmetic/matrix-unit/matrix-unit.ts';
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/index.ts';
import { firstNonMember } from '../kernels/arithmetic/arrays.ts';
import { type MatmulShape, matmulArray } from '../kernels/index.ts';
import { resolveProductShape } from '../kernels/products/shape.ts';
import type { ResolvedRounding } from '../rounding/options.ts';
import { fitsBinary32 } from '../tensor/arrays.ts';

/**
 * How products are summed: `'binary32'` (as the float32 kernels do: product and sum each rounded to binary32, in order), the
 * name of another format (product and sum each rounded to it, in order), `'exact'`, the name of a matrix unit, or a model.
 * Roundings of a model are to nearest even unless it says otherwise; the last one is the role's.
 */
export type AccumulatorSpec = string | AccumulatorModel;

/** Sums with these results: of the rounding that holds for the kernel. */
export function resolveAccumulatorSpec(
  spec: AccumulatorSpec | undefined,
  format: Format,
  options: ResolvedRounding,
): ResolvedAccumulator | null {
  if (spec === undefined || spec === 'binary32') return null;
  if (typeof spec !== 'string' && (typeof spec !== 'object' || spec === null))
    throw new ArgumentError(
      'accumulator',
      spec,
      'the name of a format or of a matrix unit, exact, or a model',
    );
  const given = typeof spec === 'string' ? { accumulate: spec } : spec;
  const { accumulate } = given;
  const isUnit =
    typeof accumulate === 'string' &&
    matrixUnitNames.some(({ name, alias }) => name === accumulate || alias === accumulate);
  const model: AccumulatorModel = isUnit ? { ...given, accumulate: matrixUnit(accumulate) } : given;
  const isExact = isUnit || isMatrixUnit(model.accumulate) || model.accumulate === 'exact';
  const resolved = resolveAccumulator(
    format,
    options,
    isExact ? model : { rounding: 'nearest-even', ...model },
  );
  const result = isMatrixUnit(resolved.accumulate) ? resolved.accumulate.result : resolved.conversion.format;
  if (!fitsBinary32(result))
    throw new ArgumentError('accumulator', spec, 'one whose results are binary32 numbers, as tensors are');
  return resolved;
}

/** A model with where its random integers come from. */
export interface Accumulation {
  readonly model: ResolvedAccumulator;
  /** The options for so many draws, and the cursor moves on. */
  take(slots: number): ResolvedRounding;
}

/** The options of one call. */
export function callOf({ model, take }: Accumulation, shape: MatmulShape): ResolvedRounding {
  const { m, n, k, batch = 1 } = shape;
  return drawingParts(model, true).length === 0
    ? { ...model.conversion.options, offset: 0 }
    : take(batch * m * n * Math.max(k, 1));
}

/** out = op(a) op(b) on arrays: by a kernel, else by the reference. */
export function accumulateArrays(
  a: Float32Array,
  b: Float32Array,
  out: Float32Array,
  shape: MatmulShape,
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
