/**
 * Four over six: the better of two scales for each group, with the operations of `src/quantizers/four-over-six.ts` in their order. Errors
 * are sums of binary32 numbers one after the other, so the lanes are four groups, or four lines of a tile.
 */
import {
  amaxSlot,
  commonSlot,
  denominatorSlot,
  encodeSlot,
  errorSquared,
} from '../../generated/layout-quantizers';

const largestBits: i32 = 0x7f7fffff;
const exponentBits: i32 = 0x7f800000;

/** To nearest even in equal steps below a binade, `shift` exponent bits above which the sum rounds. */
@inline
function nearest(magnitude: v128, most: f32, floor: f32, shift: i32): v128 {
  const clamped = f32x4.pmin(magnitude, f32x4.splat(most));
  const binade = v128.and(f32x4.pmax(clamped, f32x4.splat(floor)), i32x4.splat(exponentBits));
  const magic = i32x4.add(binade, i32x4.splat(shift << 23));
  return f32x4.sub(f32x4.add(clamped, magic), magic);
}

@inline
function scaleFor(unrounded: v128): v128 {
  return nearest(unrounded, 448, 0.015625, 20);
}

@inline
function multiplierOf(scale: v128, decode: v128): v128 {
  const inverse = f32x4.div(f32x4.splat(1), f32x4.mul(scale, decode));
  return f32x4.pmin(inverse, i32x4.splat(largestBits));
}

/** What four numbers, one a line, add to the errors of their lines. The image has the sign of x: magnitudes differ by as much. */
@inline
function term(squares: v128, x: v128, scale: v128, multiplier: v128, amax: v128, denominator: v128): v128 {
  const magnitude = f32x4.abs(x);
  const element = nearest(f32x4.mul(magnitude, multiplier), 6, 1, 22);
  const value = f32x4.div(f32x4.mul(f32x4.mul(element, scale), amax), denominator);
  const difference = f32x4.sub(value, magnitude);
  return v128.bitselect(f32x4.mul(difference, difference), f32x4.abs(difference), squares);
}

/** The errors of four lines of `length` numbers. */
function lineErrors(
  squares: v128,
  line0: usize,
  line1: usize,
  line2: usize,
  line3: usize,
  length: i32,
  scale: v128,
  multiplier: v128,
  amax: v128,
  denominator: v128,
): v128 {
  let sum = f32x4.splat(0);
  let at: usize = 0;
  for (const stop = <usize>(length & ~3) << 2; at < stop; at += 16) {
    const a = v128.load(line0 + at);
    const b = v128.load(line1 + at);
    const c = v128.load(line2 + at);
    const d = v128.load(line3 + at);
    const ab0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const ab1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const cd0 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
    const cd1 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
    sum = f32x4.add(sum, term(squares, v128.shuffle<i64>(ab0, cd0, 0, 2), scale, multiplier, amax, denominator));
    sum = f32x4.add(sum, term(squares, v128.shuffle<i64>(ab0, cd0, 1, 3), scale, multiplier, amax, denominator));
    sum = f32x4.add(sum, term(squares, v128.shuffle<i64>(ab1, cd1, 0, 2), scale, multiplier, amax, denominator));
    sum = f32x4.add(sum, term(squares, v128.shuffle<i64>(ab1, cd1, 1, 3), scale, multiplier, amax, denominator));
  }
  for (const stop = <usize>length << 2; at < stop; at += 4) {
    let x = v128.load32_splat(line0 + at);
    x = f32x4.replace_lane(x, 1, load<f32>(line1 + at));
    x = f32x4.replace_lane(x, 2, load<f32>(line2 + at));
    x = f32x4.replace_lane(x, 3, load<f32>(line3 + at));
    sum = f32x4.add(sum, term(squares, x, scale, multiplier, amax, denominator));
  }
  return sum;
}

/** The errors of the lines of a group added in halves, line i and line i + n/2, and so on, beginning with `whole`. */
function groupError(
  squares: v128,
  source: usize,
  lines: i32,
  whole: i32,
  width: i32,
  scale: v128,
  multiplier: v128,
  amax: v128,
  denominator: v128,
  sums: usize,
): f32 {
  const pitch = <usize>width << 2;
  const last = lines - 1;
  for (let line = 0; line < whole; line += 4) {
    const at = sums + (<usize>line << 2);
    if (line > last) {
      v128.store(at, f32x4.splat(0));
      continue;
    }
    const errors = lineErrors(
      squares,
      source + <usize>line * pitch,
      source + <usize>min(line + 1, last) * pitch,
      source + <usize>min(line + 2, last) * pitch,
      source + <usize>min(line + 3, last) * pitch,
      width,
      scale,
      multiplier,
      amax,
      denominator,
    );
    // Lines that are not there err by nothing.
    const numbers = i32x4.add(i32x4.splat(line), i32x4(0, 1, 2, 3));
    v128.store(at, v128.and(errors, i32x4.lt_s(numbers, i32x4.splat(lines))));
  }
  for (let half = whole >> 1; half > 0; half >>= 1)
    for (let at = sums, stop = sums + (<usize>half << 2); at < stop; at += 4)
      store<f32>(at, load<f32>(at) + load<f32>(at + (<usize>half << 2)));
  return load<f32>(sums);
}

/**
 * The scales of groups, each the better of two, and what elements are multiplied by on the way in.
 *
 * @param lines Lines of each group, whose errors are sums of their own.
 * @param whole The least power of two that is at least the number of lines of a group that is whole.
 * @param sums Room for max(4, whole) numbers a group.
 */
export function chooseScales(
  error: i32,
  source: usize,
  groups: i32,
  size: i32,
  columns: i32,
  left: i32,
  lines: i32,
  whole: i32,
  maxima: usize,
  into: usize,
  out: usize,
  sums: usize,
  parameters: usize,
): void {
  const squares = i32x4.splat(error == errorSquared ? -1 : 0);
  const encode = v128.load32_splat(parameters, encodeSlot);
  const decode = v128.load32_splat(parameters, commonSlot);
  const amax = v128.load32_splat(parameters, amaxSlot);
  const denominator = v128.load32_splat(parameters, denominatorSlot);
  size = min(size, columns);
  const isEven = columns % size == 0;
  for (let rest = groups; rest > 0; ) {
    const length = min(size, left);
    // Four groups of one length, each a line.
    const isFour = lines == 1 && rest >= 4 && (isEven || left >= 4 * size);
    const largest = isFour ? v128.load(maxima) : v128.load32_splat(maxima);
    const toSix = f32x4.mul(f32x4.div(largest, f32x4.splat(6)), encode);
    const six = scaleFor(toSix);
    const four = scaleFor(f32x4.mul(toSix, f32x4.splat(1.5)));
    const byFour = multiplierOf(four, decode);
    const bySix = multiplierOf(six, decode);
    const count = isFour ? 4 : 1;
    let isBetter: v128;
    if (lines == 1) {
      const pitch = isFour ? <usize>size << 2 : 0;
      const line1 = source + pitch;
      const line2 = line1 + pitch;
      const line3 = line2 + pitch;
      const ofFour = lineErrors(squares, source, line1, line2, line3, length, four, byFour, amax, denominator);
      const ofSix = lineErrors(squares, source, line1, line2, line3, length, six, bySix, amax, denominator);
      isBetter = f32x4.lt(ofFour, ofSix);
    } else {
      const width = length / lines;
      const ofFour = groupError(squares, source, lines, whole, width, four, byFour, amax, denominator, sums);
      const ofSix = groupError(squares, source, lines, whole, width, six, bySix, amax, denominator, sums);
      isBetter = f32x4.lt(f32x4.splat(ofFour), f32x4.splat(ofSix));
    }
    const scale = v128.bitselect(four, six, isBetter);
    const multiplier = v128.bitselect(byFour, bySix, isBetter);
    if (isFour) {
      v128.store(into, multiplier);
      v128.store(out, scale);
    } else {
      store<f32>(into, f32x4.extract_lane(multiplier, 0));
      store<f32>(out, f32x4.extract_lane(scale, 0));
    }
    const step = <usize>count << 2;
    maxima += step;
    into += step;
    out += step;
    source += step * <usize>length;
    rest -= count;
    left -= count * length;
    while (left <= 0) left += columns;
    sums += <usize>count * <usize>max(4, whole) << 2;
  }
}
