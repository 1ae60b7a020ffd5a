/**
 * Where the kernels of `assembly/arithmetic/fused.ts` fit, and their constants: nearest-even results of add, sub, mul and fma in
 * float formats with signed zeros and subnormals, beyond whose range lies an infinity, a NaN, or nothing.
 */
import { powerOfTwo } from '../../formats/binary64.ts';
import type { FloatFormat, Format } from '../../formats/format.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import * as parameters from './parameters.ts';

type Family = 'magic' | 'pattern';

/** What the constants are about: bit patterns where the format has binary32's exponent range, magic numbers otherwise. */
function familyOf(format: Format): Family | undefined {
  const isCommon =
    format.kind === 'float' &&
    (format.specials === 'ieee' || format.specials === 'fn') &&
    format.hasNegativeZero &&
    format.subnormals === true &&
    format.mantissaBits > 0 &&
    format.exponentBits !== Infinity &&
    format.precision < 24;
  if (!isCommon) return undefined;
  const { emin, emax, precision, specials } = format;
  if (specials === 'ieee' && emin === -126 && emax === 127) return 'pattern';
  // The anchor added to any number of the format is exact.
  return emin >= -126 && emax <= emin - precision + 47 ? 'magic' : undefined;
}

/** Writes the constants by which binary32 operands are looked at, and says so in the block, where there are such. */
export function writeLook(format: Format, block: Uint8Array): void {
  const family = familyOf(format);
  if (family === undefined || format.kind !== 'float') return;
  const view = new DataView(block.buffer);
  const look = family === 'pattern' ? parameters.lookByPattern : parameters.lookByAnchor;
  view.setUint32(parameters.lookSlot, look, true);
  view.setUint32(parameters.fusedMagnitudesSlot, 0x7fffffff, true);
  view.setFloat32(parameters.fusedMaximumSlot, format.max, true);
  view.setFloat32(parameters.fusedAnchorSlot, powerOfTwo(format.emin - format.precision + 24), true);
  view.setUint32(parameters.fusedRestSlot, 2 ** (24 - format.precision) - 1, true);
}

function isCommonRounding({ rounding, saturation, subnormals }: ResolvedRounding): boolean {
  return (
    rounding === 'nearest-even' && subnormals === 'keep' && (saturation === 'none' || saturation === 'finite')
  );
}

const groups: Record<string, number> = { add: 0, sub: 1, mul: 2 };

/** Kernels that do everything in one loop, where there are such. */
export interface FusedKernels {
  /** The one that looks at the operands. */
  readonly looking: number | undefined;
  /** The one for operands that are known to be numbers of the format, if it is faster than two loops. */
  readonly knowing: number | undefined;
}

const none: FusedKernels = { looking: undefined, knowing: undefined };

/** The kernels of fused multiply-adds by multiples of the quantum; writes their constants. */
function magicFma(
  { emin, emax, precision, hasInfinity }: FloatFormat,
  isClamped: boolean,
  view: DataView,
): FusedKernels {
  const fraction = precision - 1;
  const end = isClamped ? parameters.clampedEnd : hasInfinity ? parameters.scaledEnd : parameters.exceededEnd;
  const scale = end === parameters.scaledEnd ? 127 - emax : 0;
  // The quanta, their inverses and the scale are normal numbers; so is what stands for the inverse of infinity's.
  if (emin - fraction < -126 || fraction - emin > 127 || emax < 1 || (hasInfinity && fraction < 2))
    return none;
  view.setInt32(parameters.fusedInversesSlot, (254 + fraction) << 23, true);
  view.setFloat32(parameters.fusedQuantaSlot, powerOfTwo(scale - fraction), true);
  view.setFloat32(parameters.fusedUnscaleSlot, powerOfTwo(-scale), true);
  view.setFloat32(parameters.fusedHalfOneSlot, 0.5, true);
  view.setUint32(parameters.fusedKeptSlot, 0x7fffffff - (2 ** (24 - precision) - 1), true);
  const knowing = parameters.fusedMagicFmaBase + end;
  return { looking: knowing + 4, knowing };
}

/**
 * The kernels for an operation whose intermediates in binary32 lanes are of the form; writes their constants
 * but for those of `writeLook`.
 *
 * @param top Results are below 2^(top + 1).
 * @param block A block of lane constants of binary32.
 */
export function fusedKernels(
  operation: string,
  form: number,
  format: Format,
  options: ResolvedRounding,
  top: number,
  block: Uint8Array,
): FusedKernels {
  const group = groups[operation];
  const family = familyOf(format);
  const isFma = operation === 'fma';
  if ((group === undefined && !isFma) || family === undefined || !isCommonRounding(options)) return none;
  const { emin, precision, max, hasInfinity } = format as FloatFormat;
  const isPattern = family === 'pattern';
  const fmaForm = isPattern ? parameters.formGuarded : parameters.formOdd;
  if (form !== (isFma ? fmaForm : parameters.formPlain)) return none;
  const dropped = 24 - precision;
  // The magic numbers of all results are binary32 numbers.
  if (!isPattern && top + dropped > 126) return none;
  const isClamped = options.saturation === 'finite';
  const view = new DataView(block.buffer);
  view.setUint32(parameters.fusedExponentsSlot, 0x7f800000, true);
  view.setFloat32(parameters.fusedClampSlot, isClamped ? max : Infinity, true);
  view.setFloat32(parameters.fusedTopSlot, hasInfinity ? Infinity : NaN, true);
  view.setFloat32(parameters.fusedFloorSlot, powerOfTwo(emin), true);
  view.setUint32(parameters.fusedShiftSlot, dropped << 23, true);
  view.setUint32(parameters.fusedHalfSlot, 2 ** (dropped - 1) - 1, true);
  view.setUint32(parameters.fusedLowestSlot, 2 ** dropped, true);
  if (group !== undefined) {
    const looking = parameters.fusedBase + group * 4 + (isPattern ? 2 : 0) + (isClamped ? 1 : 0);
    return { looking, knowing: undefined };
  }
  view.setUint32(parameters.fusedFiniteSlot, 0x7f7fffff, true);
  view.setUint32(parameters.joinedSignSlot, 0x80000000, true);
  if (!isPattern) return magicFma(format as FloatFormat, isClamped, view);
  const kernel = parameters.fusedPatternFmaBase + (isClamped ? parameters.clampedEnd : parameters.naturalEnd);
  return { looking: kernel, knowing: kernel };
}
