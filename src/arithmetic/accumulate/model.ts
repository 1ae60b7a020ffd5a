/** The accumulator model of sums and products: its options, defaults and checks. What it does is in `inner-product.ts`. */
import { checkAbsent, checkFields, integerInRange, oneOf, refusedAs, within } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { Format } from '../../formats/format.ts';
import { type FormatSpelling, toFormat } from '../../formats/names.ts';
import { nearestWords } from '../../nearest-words.ts';
import type { AccumulationOrder, ProductModel } from '../../products/model.ts';
import {
  dropsHighBits,
  hasAllCodes,
  type ResolvedRounding,
  type RoundingMode,
  type RoundOptions,
  resolveRounding,
  roundingModes,
} from '../../rounding/options.ts';
import {
  findMatrixUnit,
  isMatrixUnit,
  type MatrixUnit,
  type MatrixUnitParameters,
  matrixUnitNames,
} from '../matrix-unit/index.ts';
import { type OperationPlan, planOperations } from '../operations.ts';

/** How an inner product is computed. `docs/accumulation.md` defines every word of it. */
export interface AccumulatorModel {
  /**
   * Whether each product is rounded, to the accumulator's format, before it is added. Default `'rounded'`, and `'exact'` with
   * `accumulate: 'exact'`; there `'rounded'` means to the arithmetic's format.
   */
  readonly products?: 'exact' | 'rounded';
  /**
   * The format of partial sums, by itself or by name; `'exact'` for none, with one rounding at the end; or a matrix unit, by itself,
   * by name or by its parameters, which settles everything else. Default: the arithmetic's format.
   */
  readonly accumulate?: Format | FormatSpelling | MatrixUnit | MatrixUnitParameters;
  /** Default `'sequential'`. */
  readonly order?: AccumulationOrder;
  /** Mode of the roundings to the accumulator's format. Default: the arithmetic's. */
  readonly rounding?: RoundingMode;
}

/** An accumulator model with every default filled in, and what operations in its formats need to know. */
export type ResolvedAccumulator = ProductModel<OperationPlan, MatrixUnit>;

function optionsFor(
  target: Format,
  own: Format,
  options: ResolvedRounding,
  rounding: RoundingMode,
): RoundOptions {
  const { saturation, subnormals, randomBits, variant } = options;
  // A format without subnormals rounds to its smallest normal number by default; that is no wish for other formats.
  const isDefault =
    own.kind === 'float' && own.subnormals !== true && subnormals === 'round-to-minimum-normal';
  return {
    rounding,
    saturation: dropsHighBits(options) && !hasAllCodes(target) ? 'none' : saturation,
    subnormals: isDefault ? 'keep' : subnormals,
    randomBits,
    variant,
  };
}

function resolveOrder(order: AccumulationOrder | undefined): AccumulationOrder {
  if (order === undefined || order === 'sequential' || order === 'pairwise') return order ?? 'sequential';
  if (typeof order !== 'object' || order === null)
    throw new ArgumentError('order', order, 'sequential, pairwise, { chunk: n }');
  const { chunk, sums: given } = checkFields('order', order, ['chunk', 'sums']);
  if (chunk === undefined) throw new ArgumentError('order', order, 'sequential, pairwise, { chunk: n }');
  const sums = oneOf('order.sums', given, ['rounded', 'exact'], 'rounded');
  return { chunk: integerInRange('order.chunk', chunk, 1, Number.MAX_SAFE_INTEGER), sums };
}

/** The names of `AccumulatorModel`. */
export const modelNames: readonly (keyof AccumulatorModel)[] = [
  'products',
  'accumulate',
  'order',
  'rounding',
];

/**
 * What partial sums are rounded to: `'exact'`, a matrix unit, or a format.
 *
 * @throws ArgumentError with the nearest names.
 */
export function sumsOf(path: string, given: unknown): Format | 'exact' | MatrixUnit {
  if (given === 'exact') return given;
  const unit = within(path, () => findMatrixUnit(given));
  if (unit !== undefined) return unit;
  return refusedAs(
    () => toFormat(given as Format),
    ({ accepted }) => {
      const others = ['exact', ...matrixUnitNames.flatMap(({ alias, name }) => [alias, name])];
      const near = nearestWords(given, others);
      const words = near.length > 0 ? `${near.join(', ')}, or a format` : accepted;
      return new ArgumentError(
        path,
        given,
        `${words}, exact, a matrix unit such as hopper-fp8 or { kind, operands, group, ... }`,
      );
    },
  );
}

function checkAlone({ products, order, rounding }: AccumulatorModel, unit: MatrixUnit): void {
  for (const [name, given] of Object.entries({ products, order, rounding }))
    checkAbsent(name, given, `nothing with the matrix unit ${unit.name}`);
}

/**
 * Fills in the defaults of a model, whose names are checked, and checks it.
 *
 * @param format The arithmetic's format: that of the result.
 * @param options The arithmetic's; saturation, subnormals and random bits hold for the accumulator too.
 * @throws ArgumentError that names the option.
 */
export function resolveAccumulator(
  format: Format,
  options: ResolvedRounding,
  model: AccumulatorModel = {},
): ResolvedAccumulator {
  const accumulate = model.accumulate === undefined ? format : sumsOf('accumulate', model.accumulate);
  const conversion = { format, options };
  // Also what was jammed before: the least integer is even, where sums saturate.
  const jams = options.rounding === 'jamming';
  if (isMatrixUnit(accumulate)) {
    checkAlone(model, accumulate);
    const converts = accumulate.result.name !== format.name || jams;
    return { products: 'exact', accumulate, order: 'sequential', conversion, converts };
  }
  const usual = accumulate === 'exact' ? 'exact' : 'rounded';
  const products = oneOf('products', model.products, ['exact', 'rounded'], usual);
  const order = resolveOrder(model.order);
  const rounding = oneOf('rounding', model.rounding, roundingModes, options.rounding);
  const targetOf = (target: Format): OperationPlan =>
    planOperations(target, resolveRounding(target, optionsFor(target, format, options, rounding)));
  if (accumulate === 'exact') {
    // There is one rounding of sums, the last: it is the accumulator's.
    const last = targetOf(format);
    return {
      products: products === 'exact' ? 'exact' : last,
      accumulate: 'exact',
      order,
      conversion: last,
      converts: true,
    };
  }
  const target = targetOf(accumulate);
  return {
    products: products === 'exact' ? 'exact' : target,
    accumulate: target,
    order,
    conversion,
    converts: (target.format !== format && String(target.format) !== format.name) || jams,
  };
}

/** The model for so many terms. An empty sum is its addend, and the conversion is all that happens to it. */
export function modelFor(length: number, model: ResolvedAccumulator): ResolvedAccumulator {
  if (length > 0) return model;
  const { conversion } = model;
  return { products: 'exact', accumulate: 'exact', order: 'sequential', conversion, converts: true };
}
