/**
 * Where the kernels of `assembly/arithmetic/fused.ts` fit, and their constants: nearest-even results of add, sub, mul and fma in
 * float formats with signed zeros and subnormals, beyond whose range lies an infinity, a NaN, or nothing.
 */
import { powerOfTwo } from '../../formats/binary64.ts';
import type { FloatFormat, Format } from '../../formats/format.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import * as parameters from './parameters.ts';

type Family = 'magic' | 'pattern';

/** How the results are rounded, if they can be here. */
function familyOf({ emin, emax, precision, specials }: FloatFormat, top: number): Family | undefined {
  if (specials === 'ieee' && emin === -126 && emax === 127) return precision < 24 ? 'pattern' : undefined;
  // The magic numbers are normal binary32 numbers, and the anchor added to any number of the format is exact.
  const anchor = emin - precision + 24;
  return emin >= -126 && top + 24 - precision <= 126 && emax <= anchor + 23 ? 'magic' : undefined;
}

function isCommon(
  format: Format,
  { rounding, saturation, subnormals }: ResolvedRounding,
): format is FloatFormat {
  return (
    format.kind === 'float' &&
    (format.specials === 'ieee' || format.specials === 'fn') &&
    format.hasNegativeZero &&
    format.subnormals === true &&
    format.mantissaBits > 0 &&
    format.exponentBits !== Infinity &&
    rounding === 'nearest-even' &&
    subnormals === 'keep' &&
    (saturation === 'none' || saturation === 'finite')
  );
}

const groups: Record<string, number> = { add: 0, sub: 1, mul: 2, fma: 3 };

/**
 * The kernel for an operation whose intermediates in binary32 lanes are of the form, or undefined; writes its constants.
 *
 * @param top Results are below 2^(top + 1).
 * @param block A block of lane constants of binary32.
 */
export function fusedKernel(
  operation: string,
  form: number,
  format: Format,
  options: ResolvedRounding,
  top: number,
  block: Uint8Array,
): number | undefined {
  const group = groups[operation];
  if (group === undefined || !isCommon(format, options)) return undefined;
  const family = familyOf(format, top);
  const isPattern = family === 'pattern';
  const fmaForm = isPattern ? parameters.formGuarded : parameters.formOdd;
  if (family === undefined || form !== (operation === 'fma' ? fmaForm : parameters.formPlain))
    return undefined;
  const isClamped = options.saturation === 'finite';
  const dropped = 24 - format.precision;
  const view = new DataView(block.buffer);
  view.setUint32(parameters.fusedMagnitudesSlot, 0x7fffffff, true);
  view.setUint32(parameters.fusedExponentsSlot, 0x7f800000, true);
  view.setFloat32(parameters.fusedClampSlot, isClamped ? format.max : Infinity, true);
  view.setFloat32(parameters.fusedMaximumSlot, format.max, true);
  view.setFloat32(parameters.fusedTopSlot, format.hasInfinity ? Infinity : NaN, true);
  view.setFloat32(parameters.fusedFloorSlot, powerOfTwo(format.emin), true);
  view.setFloat32(parameters.fusedAnchorSlot, powerOfTwo(format.emin - format.precision + 24), true);
  view.setUint32(parameters.fusedShiftSlot, dropped << 23, true);
  view.setUint32(parameters.fusedRestSlot, 2 ** dropped - 1, true);
  view.setUint32(parameters.fusedHalfSlot, 2 ** (dropped - 1) - 1, true);
  view.setUint32(parameters.fusedLowestSlot, 2 ** dropped, true);
  return parameters.fusedBase + group * 4 + (isPattern ? 2 : 0) + (isClamped ? 1 : 0);
}
