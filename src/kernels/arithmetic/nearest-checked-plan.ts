/** Where the kernels of `assembly/arithmetic/nearest-checked.ts` fit, and their constants. */
import { powerOfTwo } from '../../binary64.ts';
import * as layout from '../generated/layout-arithmetic.ts';
import { type OperationCase, topOf } from './fitting.ts';

/** The kernels' order: operations, then looks, then ends. */
const operations = ['add', 'mul'];

/**
 * The kernel for operands that are checked, or undefined; writes its constants.
 *
 * @param form Which intermediates in binary32 lanes serve.
 * @param block A block of lane constants, with those of `writeLook`.
 */
export function nearestCheckedKernel(
  given: OperationCase,
  form: number,
  block: Uint8Array,
): number | undefined {
  const { operation, format, options } = given;
  const { rounding, saturation, subnormals } = options;
  const view = new DataView(block.buffer);
  const look = view.getInt32(layout.lookSlot, true);
  const at = operations.indexOf(operation === 'sub' ? 'add' : operation);
  if (at < 0 || look === layout.lookNone || form !== layout.formPlain || format.kind !== 'float')
    return undefined;
  const isCommon = saturation === 'none' || saturation === 'finite';
  if (rounding !== 'nearest-even' || subnormals !== 'keep' || !isCommon) return undefined;
  const dropped = 24 - format.precision;
  // The magic numbers of all results are binary32 numbers.
  if (look === layout.lookByAnchor && topOf(given) + dropped > 126) return undefined;
  const isClamped = saturation === 'finite';
  view.setUint32(layout.flipSecondSlot, operation === 'sub' ? 2 ** 31 : 0, true);
  view.setFloat32(layout.nearestExponentsSlot, Infinity, true);
  view.setFloat32(layout.nearestClampSlot, isClamped ? format.max : Infinity, true);
  view.setUint32(layout.nearestHalfSlot, 2 ** (dropped - 1) - 1, true);
  view.setUint32(layout.nearestLowestSlot, 2 ** dropped, true);
  view.setFloat32(layout.nearestFloorSlot, powerOfTwo(format.emin), true);
  view.setUint32(layout.nearestShiftSlot, dropped << 23, true);
  view.setFloat32(layout.nearestTopSlot, format.hasInfinity ? Infinity : Number.NaN, true);
  const end = isClamped ? layout.endClamped : layout.endNatural;
  return layout.nearestCheckedBase + 4 * at + 2 * (look - layout.lookByAnchor) + end;
}
