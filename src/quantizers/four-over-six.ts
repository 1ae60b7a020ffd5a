/**
 * Four over six: an NVFP4 block is tried with the scale that maps its maximum to 6 and with the one that maps it to 4, and keeps
 * the better. The order of the binary32 operations, errors included, decides bits; it is that of TransformerEngine's
 * reference. Source: Cook et al., "Four over six: more accurate NVFP4 quantization with adaptive block scaling", arXiv
 * 2512.02010.
 */
import { formats } from '../formats/catalogue.ts';
import { toBinary32 } from '../operations/carrier.ts';
import type { RealArray } from '../operations/conversions.ts';
import { resolveRounding } from '../rounding/options.ts';
import { roundScalar } from '../rounding/round.ts';
import type { BlockError } from './scale-options.ts';

const { fround } = Math;
const { binary32, e4m3fn } = formats;
const clampScale = resolveRounding(e4m3fn, { saturation: 'finite' });

/** One block: its members row by row, and the rows of a whole block (the last rows of a ragged one are missing). */
interface FourOverSixBlock {
  readonly members: RealArray;
  readonly columns: number;
  readonly rows: number;
  /** The largest magnitudes of the block, and of the tensor or row. */
  readonly blockMax: number;
  readonly amax: number;
  readonly tensorEncode: number;
}

/** Magnitudes: a tie goes to the neighbour with the even significand. */
function nearestMagnitude(size: number): number {
  if (size <= 0.25) return 0;
  if (size < 0.75) return 0.5;
  if (size <= 1.25) return 1;
  if (size < 1.75) return 1.5;
  if (size <= 2.5) return 2;
  if (size < 3.5) return 3;
  if (size <= 5) return 4;
  return size > 5 ? 6 : NaN;
}

/** A number as e2m1 has it, to nearest even and at most 6: what `round` gives, several times as fast. */
export function nearestE2m1(x: number): number {
  const nearest = nearestMagnitude(Math.abs(x));
  return x < 0 || Object.is(x, -0) ? -nearest : nearest;
}

/** The error of a row of the block under a scale: a sum in binary32, element by element. */
function rowError(
  block: FourOverSixBlock,
  row: number,
  scale: number,
  multiplier: number,
  denominator: number,
  error: BlockError,
): number {
  const { members, columns } = block;
  const amax = toBinary32(block.amax);
  let sum = 0;
  for (let i = row * columns; i < Math.min((row + 1) * columns, members.length); i++) {
    const x = toBinary32(members[i]!);
    const element = nearestE2m1(fround(x * multiplier));
    const value = fround(fround(fround(element * scale) * amax) / denominator);
    const difference = fround(value - x);
    sum = fround(sum + (error === 'mse' ? fround(difference * difference) : Math.abs(difference)));
  }
  return sum;
}

/** The error of the block: those of its rows added in halves, row i and row i + n/2, and so on. */
function blockError(block: FourOverSixBlock, scale: number, denominator: number, error: BlockError): number {
  const multiplier = Math.min(fround(1 / fround(scale * fround(1 / block.tensorEncode))), binary32.max);
  let count = 2 ** (32 - Math.clz32(block.rows - 1));
  const sums = Array.from({ length: count }, (_, row) =>
    rowError(block, row, scale, multiplier, denominator, error),
  );
  for (count /= 2; count >= 1; count /= 2)
    for (let row = 0; row < count; row++) sums[row] = fround(sums[row]! + sums[row + count]!);
  return sums[0]!;
}

/** The e4m3fn scale that a block gets: the one to 4 if its error is smaller, else the one to 6. */
export function fourOverSixScale(block: FourOverSixBlock, scaleMax: number, error: BlockError): number {
  const toSix = fround(fround(toBinary32(block.blockMax) / 6) * block.tensorEncode);
  const [four, six] = [fround(toSix * 1.5), toSix].map((scale) =>
    roundScalar(scale, e4m3fn, clampScale, 0),
  ) as [number, number];
  const denominator = 6 * scaleMax;
  const isBetter = blockError(block, four, denominator, error) < blockError(block, six, denominator, error);
  return isBetter ? four : six;
}
