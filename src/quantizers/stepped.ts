/**
 * Quantising through an elementwise transform to a narrow float, as a table: each magnitude ends as one of a few values, and which one
 * changes only at a few magnitudes. Those are found with the transform itself, so the bits are those of transforming, rounding and
 * transforming back one element after the other: some nanoseconds an element, not the hundreds of two
 * logarithms and two powers.
 */
import { isFloat32Array, type RealArray } from '../array-kinds.ts';
import type { FloatFormat, Format } from '../formats/format.ts';
import { type LogarithmSums, magnitudesFor, type StepTable } from '../kernels/quantizers/magnitudes.ts';
import type { ResolvedRounding } from '../rounding/options.ts';
import type { ResolvedScale } from './scale-options.ts';
import { type ScalarShift, scalarShiftOf } from './transforms/log-shift.ts';
import type { Transform } from './transforms/transform.ts';

/** From this length on the table is made sooner than each element is turned. */
const leastLength = 128;

/** What of a quantiser decides whether it is such a table. */
interface SteppedOptions {
  readonly format: Format;
  readonly rounding: ResolvedRounding;
  readonly scale: ResolvedScale;
  readonly transform: Transform | undefined;
}

/** The magnitudes of a format from 0 on, and for each but 0 the least binary32 number that is rounded to it or beyond. */
interface Steps {
  readonly values: Float32Array;
  readonly bounds: Float32Array;
}

const view = new DataView(new ArrayBuffer(4));

function bitsOf(x: number): number {
  view.setFloat32(0, x);
  return view.getUint32(0);
}

function numberOf(bits: number): number {
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

/** To nearest even, whose ties lie half-way between two values. */
function stepsOf(format: FloatFormat): Steps {
  const values = Float32Array.from(format.values().filter((x) => x > 0 || Object.is(x, 0)));
  const bounds = values.map((value, i) => {
    if (i === 0) return 0;
    const middle = (values[i - 1]! + value) / 2;
    return i % 2 === 0 ? middle : numberOf(bitsOf(middle) + 1);
  });
  return { values, bounds };
}

const infinite = 0x7f800000;

/** The least positive binary32 pattern whose image is at least `bound`, looked for from `guess` on; the infinite one if there is none. */
function leastPattern({ forward }: ScalarShift, bound: number, guess: number): number {
  const reaches = (bits: number): boolean => forward(Float32Array.of(numberOf(bits)))[0]! >= bound;
  let low = Math.min(Math.max(guess, 1), infinite - 1);
  let high = low;
  if (reaches(low))
    for (let stride = 1; low > 1 && reaches(low); stride *= 2) low = Math.max(low - stride, 1);
  else
    for (let stride = 1; high < infinite && !reaches(high); stride *= 2)
      high = Math.min(high + stride, infinite);
  while (low < high) {
    const middle = low + ((high - low) >>> 1);
    if (reaches(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

/** The patterns of all bounds: mostly the guess or its neighbour, so that the images of these are found together. */
function leastPatterns(shift: ScalarShift, bounds: Float32Array, guesses: Float32Array): Int32Array {
  const near = new Int32Array(3 * bounds.length);
  new Int32Array(guesses.buffer, guesses.byteOffset, guesses.length).forEach((guess, i) => {
    const middle = Math.min(Math.max(guess, 2), infinite - 2);
    near.set([middle - 1, middle, middle + 1], 3 * i);
  });
  const images = shift.forward(new Float32Array(near.buffer));
  return Int32Array.from(bounds, (bound, i) => {
    const at = 3 * i;
    if (images[at]! >= bound || !(images[at + 2]! >= bound)) return leastPattern(shift, bound, near[at + 1]!);
    return near[images[at + 1]! >= bound ? at + 1 : at + 2]!;
  });
}

/** What a finite tensor with these sums is put through; undefined where that is no table. */
type TableOf = (sums: LogarithmSums) => StepTable | undefined;

/** Undefined: the options are not those of a table. */
export function steppedOf({ format, rounding, scale, transform }: SteppedOptions): TableOf | undefined {
  const isPlain =
    format.kind === 'float' &&
    format.bits <= 8 &&
    format.isSigned &&
    format.hasSubnormals &&
    rounding.rounding === 'nearest-even' &&
    rounding.saturation === 'finite' &&
    rounding.subnormals === 'keep';
  const isUnscaled = scale.from === 'constant' && scale.value === 1 && scale.grouping.per === 'tensor';
  const shiftOf = transform && scalarShiftOf(transform);
  if (!isPlain || !isUnscaled || shiftOf === undefined) return undefined;
  const steps = stepsOf(format);
  return (sums) => {
    const shift = shiftOf(sums);
    if (!shift.isMonotonic) return undefined;
    const inverse = (x: Float32Array): Float32Array => transform!.inverse(x, [x.length], shift.residue);
    const images = inverse(steps.values);
    const guesses = inverse(steps.bounds);
    const bounds = leastPatterns(shift, steps.bounds.subarray(1), guesses.subarray(1));
    return { bounds, images: new Int32Array(images.buffer, images.byteOffset, images.length) };
  };
}

/** Values of x by the table, in `out` or a new array; undefined where that does not serve, or x is too short for it to pay. */
export function runStepped(
  tableOf: TableOf,
  x: RealArray,
  out: RealArray | undefined,
): Float32Array | undefined {
  if (!isFloat32Array(x) || x.length < leastLength) return undefined;
  const target = (out ?? new Float32Array(x.length)) as Float32Array;
  const { kernels, stream } = magnitudesFor(x, target);
  const sums = kernels.sums(x.length, stream);
  const table = sums && tableOf(sums);
  if (table === undefined) return undefined;
  kernels.place(x.length, stream, table);
  return target;
}
