/** The bytes of every module of kernels that this version ships, as base64, by name: what a version of the numerics is told by. */
import arithmeticShared from './generated/arithmetic-shared.ts';
import arithmeticUnshared from './generated/arithmetic-unshared.ts';
import convolutionsShared from './generated/convolutions-shared.ts';
import convolutionsUnshared from './generated/convolutions-unshared.ts';
import errorsShared from './generated/errors-shared.ts';
import errorsUnshared from './generated/errors-unshared.ts';
import productsShared from './generated/products-shared.ts';
import productsUnshared from './generated/products-unshared.ts';
import quantizersShared from './generated/quantizers-shared.ts';
import quantizersUnshared from './generated/quantizers-unshared.ts';
import roundingShared from './generated/rounding-shared.ts';
import roundingUnshared from './generated/rounding-unshared.ts';
import transformsShared from './generated/transforms-shared.ts';
import transformsUnshared from './generated/transforms-unshared.ts';

export const shippedModules: Readonly<Record<string, string>> = {
  'arithmetic-shared': arithmeticShared,
  'arithmetic-unshared': arithmeticUnshared,
  'convolutions-shared': convolutionsShared,
  'convolutions-unshared': convolutionsUnshared,
  'errors-shared': errorsShared,
  'errors-unshared': errorsUnshared,
  'products-shared': productsShared,
  'products-unshared': productsUnshared,
  'quantizers-shared': quantizersShared,
  'quantizers-unshared': quantizersUnshared,
  'rounding-shared': roundingShared,
  'rounding-unshared': roundingUnshared,
  'transforms-shared': transformsShared,
  'transforms-unshared': transformsUnshared,
};
