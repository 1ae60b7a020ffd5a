/** The constants by which binary32 operands are checked for numbers that are none of the format's, faster than by rounding them. */
import { powerOfTwo } from '../../binary64.ts';
import type { Format } from '../../formats/format.ts';
import * as layout from '../generated/layout-arithmetic.ts';

/** By bit patterns where the format has binary32's exponent range, by an anchor where its sum with any number of the format is exact. */
function checkOf(format: Format): number {
  const isCommon =
    format.kind === 'float' &&
    (format.specials === 'ieee' || format.specials === 'fn') &&
    format.hasNegativeZero &&
    format.subnormals === true &&
    format.mantissaBits > 0 &&
    format.exponentBits !== Infinity &&
    format.precision < 24;
  if (!isCommon) return layout.checkNone;
  const { emin, emax, precision, specials } = format;
  if (specials === 'ieee' && emin === -126 && emax === 127) return layout.checkByPattern;
  return emin >= -126 && emax <= emin - precision + 47 ? layout.checkByAnchor : layout.checkNone;
}

/** Writes the constants, and says so in the block, where there are such. */
export function writeCheck(format: Format, block: Uint8Array): void {
  const check = checkOf(format);
  if (check === layout.checkNone || format.kind !== 'float') return;
  const view = new DataView(block.buffer);
  view.setUint32(layout.checkSlot, check, true);
  view.setUint32(layout.magnitudesSlot, 0x7fffffff, true);
  view.setFloat32(layout.maximumSlot, format.max, true);
  view.setFloat32(layout.anchorSlot, powerOfTwo(format.emin - format.precision + 24), true);
  view.setUint32(layout.restSlot, 2 ** (24 - format.precision) - 1, true);
}
