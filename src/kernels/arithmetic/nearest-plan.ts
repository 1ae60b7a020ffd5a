/**
 * Where the kernels to nearest even in one loop fit, and their constants: those of `assembly/arithmetic/nearest-checked.ts`, `nearest-fma.ts`
 * and `nearest-fma-units.ts`, in binary32 arrays of the float formats that `check-plan.ts` knows.
 */
import { powerOfTwo } from '../../binary64.ts';
import type { FloatFormat } from '../../formats/format.ts';
import * as layout from '../generated/layout-arithmetic.ts';
import { binary32, isShort, type OperationCase, topOf } from './fitting.ts';

/** Kernels that do everything in one loop, where there are such. */
export interface LoopKernels {
  /** For operands that are known to be numbers of the format, if it is faster than two loops. */
  readonly known?: number | undefined;
  /** For operands that are checked. */
  readonly checked?: number | undefined;
}

/** The order of `nearestChecked`: operations, then checks, then ends. */
const operations = ['add', 'mul'];

/** Writes the constants that all of the kernels read. */
function writeCommon({ operation, options }: OperationCase, format: FloatFormat, view: DataView): void {
  const { emin, precision, max, hasInfinity } = format;
  const dropped = 24 - precision;
  view.setUint32(layout.signSlot, 2 ** 31, true);
  view.setUint32(layout.flipSecondSlot, operation === 'sub' ? 2 ** 31 : 0, true);
  view.setFloat32(layout.nearestExponentsSlot, Infinity, true);
  view.setFloat32(layout.nearestClampSlot, options.saturation === 'finite' ? max : Infinity, true);
  view.setUint32(layout.nearestHalfSlot, 2 ** (dropped - 1) - 1, true);
  view.setUint32(layout.nearestLowestSlot, 2 ** dropped, true);
  view.setUint32(layout.nearestFiniteSlot, 0x7f7fffff, true);
  view.setFloat32(layout.nearestFloorSlot, powerOfTwo(emin), true);
  view.setUint32(layout.nearestShiftSlot, dropped << 23, true);
  view.setFloat32(layout.nearestTopSlot, hasInfinity ? Infinity : Number.NaN, true);
}

/** The kernels of fused multiply-adds by units in the last place. */
function unitsKernels(format: FloatFormat, isClamped: boolean, view: DataView): LoopKernels {
  const { emin, emax, precision, hasInfinity } = format;
  const fraction = precision - 1;
  // The units, their inverses and the scale are normal numbers; so is what stands for the inverse of infinity's.
  if (emin - fraction < -126 || fraction - emin > binary32.top || emax < 1) return {};
  if (hasInfinity && fraction < 2) return {};
  const end = isClamped ? layout.endClamped : hasInfinity ? layout.endScaled : layout.endExceeded;
  const scale = end === layout.endScaled ? binary32.top - emax : 0;
  view.setInt32(layout.unitsInversesSlot, (2 * binary32.top + fraction) << 23, true);
  view.setFloat32(layout.unitsQuantaSlot, powerOfTwo(scale - fraction), true);
  view.setFloat32(layout.unscaleSlot, powerOfTwo(-scale), true);
  view.setFloat32(layout.unitsHalfSlot, 0.5, true);
  view.setUint32(layout.unitsKeptSlot, 2 ** 31 - 2 ** (24 - precision), true);
  const at = end - layout.endClamped;
  return { known: layout.nearestUnitsBase + at, checked: layout.nearestUnitsCheckedBase + at };
}

/**
 * The kernels; writes their constants.
 *
 * @param form Which intermediates in binary32 lanes serve.
 * @param block A block of lane constants, with those of `writeCheck`.
 */
export function nearestKernels(given: OperationCase, form: number, block: Uint8Array): LoopKernels {
  const { operation, format, options } = given;
  const { rounding, saturation, subnormals } = options;
  const view = new DataView(block.buffer);
  const check = view.getInt32(layout.checkSlot, true);
  if (check === layout.checkNone || format.kind !== 'float') return {};
  const isCommon = saturation === 'none' || saturation === 'finite';
  if (rounding !== 'nearest-even' || subnormals !== 'keep' || !isCommon) return {};
  const isPattern = check === layout.checkByPattern;
  // The magic numbers of all results are binary32 numbers.
  if (!isPattern && topOf(given) + 24 - format.precision > 126) return {};
  writeCommon(given, format, view);
  const end = saturation === 'finite' ? layout.endClamped : layout.endNatural;
  if (operation === 'fma') {
    if (!isPattern) return form === layout.formOdd ? unitsKernels(format, saturation === 'finite', view) : {};
    const kernel = layout.nearestFmaBase + end;
    return isShort(format) ? { known: kernel, checked: kernel } : {};
  }
  const at = operations.indexOf(operation === 'sub' ? 'add' : operation);
  if (at < 0 || form !== layout.formPlain) return {};
  return { checked: layout.nearestCheckedBase + 4 * at + 2 * (check - layout.checkByAnchor) + end };
}
