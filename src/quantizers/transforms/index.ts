/** Transforms before quantising: each in a file of its own, and all from plain data. */
import { checkFields, checkList, checkObject, named, oneOf, within } from '../../check.ts';
import { type ClampResidualOptions, clampResidual } from './clamp-residual.ts';
import { compose } from './compose.ts';
import { type HadamardOptions, hadamard } from './hadamard.ts';
import { type LogShiftOptions, logShift } from './log-shift.ts';
import { type NoiseOptions, noise } from './noise.ts';
import { keepOutliers, type OutlierOptions } from './outliers.ts';
import { type PowerExpansionOptions, powerExpansion } from './power-expansion.ts';
import { type PrescaleOptions, prescale } from './prescale.ts';
import { type ShiftGroupOptions, shiftGroups } from './shift-groups.ts';
import { checkTransform, type Transform, type TransformData } from './transform.ts';

export { transformerEngineSigns } from './hadamard.ts';
export type { NoiseTransform } from './noise.ts';
export { type SparseTerm, sparseTerm } from './sparse.ts';
export {
  type InnerPullback,
  type InProduct,
  type Residue,
  residueBytes,
  type Transform,
  type TransformContext,
  type TransformData,
  type Transformed,
} from './transform.ts';
export {
  type ClampResidualOptions,
  clampResidual,
  compose,
  type HadamardOptions,
  hadamard,
  keepOutliers,
  type LogShiftOptions,
  logShift,
  type NoiseOptions,
  noise,
  type OutlierOptions,
  type PowerExpansionOptions,
  type PrescaleOptions,
  powerExpansion,
  prescale,
  type ShiftGroupOptions,
  shiftGroups,
};

/** Makes a transform of each name; the options are checked by the transforms themselves. */
const makers: Readonly<Record<string, (options: never) => Transform>> = {
  hadamard: (options: HadamardOptions) => hadamard(options),
  prescale: (options: PrescaleOptions) => prescale(options),
  'log-shift': (options: LogShiftOptions) => logShift(options),
  'power-expansion': (options: PowerExpansionOptions) => powerExpansion(options),
  'clamp-residual': (options: ClampResidualOptions) => clampResidual(options),
  'keep-outliers': (options: OutlierOptions) => keepOutliers(options),
  'shift-groups': (options: ShiftGroupOptions) => shiftGroups(options),
  noise: (options: NoiseOptions) => noise(options),
  compose: (options: { parts?: readonly TransformData[] }) => {
    const parts = checkList('parts', checkFields('', options, ['parts']).parts, 'an array of transforms');
    return compose(
      ...Array.from(parts, (part, i) => within(`parts[${i}]`, () => transform(part as TransformData))),
    );
  },
};

/** The names of the transforms. */
export const transformNames: readonly string[] = Object.freeze(Object.keys(makers));

/**
 * The transform of plain data, as `toJSON` gives it or a configuration has it.
 *
 * @example
 * transform({ name: 'hadamard', size: 16, seed: 1 });
 * transform(JSON.parse(JSON.stringify(compose(clampResidual(), hadamard())))); // the same as before
 *
 * @throws ArgumentError for an unknown name or an option that is not accepted.
 */
export function transform(data: TransformData): Transform {
  const [name, options] = named(checkObject('transform', data, 'an object with name, ...'));
  return makers[oneOf('name', name, transformNames)]!(options as never);
}

/** The data without axes, which differ between the operands of a product. */
const withoutAxes = (given: Transform): string =>
  JSON.stringify(given, (key: string, value: unknown) => (key === 'axis' ? undefined : value));

/**
 * Whether a product of operands with these transforms, each along its axis of the contraction, is that of the untransformed
 * operands: both cancel and are the same up to the axis.
 *
 * @example
 * cancelInProduct(hadamard({ size: 16, seed: 1 }), hadamard({ size: 16, seed: 1 })); // true; with seed 2: false
 */
export function cancelInProduct(a: Transform, b: Transform): boolean {
  checkTransform('a', a);
  checkTransform('b', b);
  return a.inProduct === 'cancels' && b.inProduct === 'cancels' && withoutAxes(a) === withoutAxes(b);
}
