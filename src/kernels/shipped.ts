/** The bytes of every module of kernels that this version ships, compressed, by name: what a version of the numerics is told by. */
import arithmetic from './generated/arithmetic.ts';
import convolutions from './generated/convolutions.ts';
import elementary from './generated/elementary.ts';
import eliminations from './generated/eliminations.ts';
import errors from './generated/errors.ts';
import products from './generated/products.ts';
import quantizers from './generated/quantizers.ts';
import ranges from './generated/ranges.ts';
import rounding from './generated/rounding.ts';
import transforms from './generated/transforms.ts';

export const shippedModules: Readonly<Record<string, string>> = {
  arithmetic,
  convolutions,
  elementary,
  eliminations,
  errors,
  products,
  quantizers,
  ranges,
  rounding,
  transforms,
};
