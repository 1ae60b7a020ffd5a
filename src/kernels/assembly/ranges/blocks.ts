/**
 * 8-bit codes of a table in blocks, a binary32 scale for each block: the twin of `src/train/optimizers/block-codes.ts` and of quantisers
 * whose scales come from largest magnitudes. What is packed are `count` codes, then the scales, at any address.
 *
 * A table begins with the values of its 256 codes. At byte 1024 is what turns the lower half of the pattern of a negative number: all
 * ones, or 0 where the codes of negative numbers rise with their magnitudes. From byte 1040 on it has, by the upper half of the pattern
 * of a number in units of its scale, what added to the turned pattern gives a sum whose upper half is the code: a look-up, an addition
 * and a shift. What is no finite number has the code of 0.
 *
 * Numbers are coded sixteen at a time, a run.
 */

const infinity: i32 = 0x7f800000;
const magnitude: i32 = 0x7fffffff;
const turns: usize = 1024;
const changes: usize = 1040;

/** Bytes of room for runs whose codes are looked up later, for a run that is not full, and for its codes. */
const ring: usize = 256;
const padded: usize = 64;

/** The values of four codes. */
@inline
function valuesOf(table: usize, codes: usize): v128 {
  let x = v128.load32_zero(table + (<usize>load<u8>(codes) << 2));
  x = v128.load32_lane(table + (<usize>load<u8>(codes, 1) << 2), x, 1);
  x = v128.load32_lane(table + (<usize>load<u8>(codes, 2) << 2), x, 2);
  return v128.load32_lane(table + (<usize>load<u8>(codes, 3) << 2), x, 3);
}

@inline
function valueOf(table: usize, code: usize): v128 {
  return v128.load32_splat(table + (<usize>load<u8>(code) << 2));
}

@inline
export function largestLane(x: v128): i32 {
  x = i32x4.max_s(x, v128.shuffle<i32>(x, x, 2, 3, 0, 1));
  return max(i32x4.extract_lane(x, 0), i32x4.extract_lane(x, 1));
}

@inline
export function magnitudesOf(x: v128): v128 {
  return v128.and(x, i32x4.splat(magnitude));
}

/** Four numbers in units of their scale, ready to be looked up; those that are divided by it have no sign where they are 0. */
@inline
function unitsOf(x: v128, scale: v128, turned: v128, isFactor: bool): v128 {
  const units = isFactor ? f32x4.mul(x, scale) : f32x4.div(f32x4.add(x, f32x4.splat(0)), scale);
  return v128.xor(units, v128.and(i32x4.shr_s(units, 31), turned));
}

/** Codes of four numbers in units of their scale: in memory upper halves are indices at once. */
@inline
function fourCodes(units: usize, table: usize): v128 {
  let places = v128.load32_zero(table + (<usize>load<u16>(units, 2) << 2), changes);
  places = v128.load32_lane(table + (<usize>load<u16>(units, 6) << 2), places, 1, changes);
  places = v128.load32_lane(table + (<usize>load<u16>(units, 10) << 2), places, 2, changes);
  places = v128.load32_lane(table + (<usize>load<u16>(units, 14) << 2), places, 3, changes);
  return i32x4.shr_u(i32x4.add(places, v128.load(units)), 16);
}

/**
 * Codes of runs. A run is looked up two runs after it was divided: that much work an out-of-order processor does not see ahead.
 * @param step bytes from four numbers to the next four
 * @param room `ring` bytes
 */
@inline
function toCodes(
  source: usize,
  step: usize,
  runs: i32,
  codes: usize,
  table: usize,
  scale: f32,
  isFactor: bool,
  room: usize,
): void {
  const turned = v128.load32_splat(table + turns);
  const scales = f32x4.splat(scale);
  for (let i = 0; i < runs + 2; i++) {
    if (i < runs) {
      const units = room + ((i & 3) << 6);
      v128.store(units, unitsOf(v128.load(source), scales, turned, isFactor));
      v128.store(units, unitsOf(v128.load(source + step), scales, turned, isFactor), 16);
      v128.store(units, unitsOf(v128.load(source + 2 * step), scales, turned, isFactor), 32);
      v128.store(units, unitsOf(v128.load(source + 3 * step), scales, turned, isFactor), 48);
      source += 4 * step;
    }
    if (i >= 2) {
      const units = room + (((i - 2) & 3) << 6);
      const first = i16x8.narrow_i32x4_s(fourCodes(units, table), fourCodes(units + 16, table));
      const second = i16x8.narrow_i32x4_s(fourCodes(units + 32, table), fourCodes(units + 48, table));
      v128.store(codes, i8x16.narrow_i16x8_u(first, second));
      codes += 16;
    }
  }
}

/** Of numbers over their scale. */
function codesOver(
  source: usize,
  step: usize,
  runs: i32,
  codes: usize,
  table: usize,
  scale: f32,
  room: usize,
): void {
  // Of a block of zeros any scale does.
  toCodes(source, step, runs, codes, table, scale == 0 ? 1 : scale, false, room);
}

function codesTimes(
  source: usize,
  runs: i32,
  codes: usize,
  table: usize,
  scale: f32,
  room: usize,
): void {
  toCodes(source, 16, runs, codes, table, scale, true, room);
}

@inline
function codesOf(
  source: usize,
  runs: i32,
  codes: usize,
  table: usize,
  scale: f32,
  isFactor: bool,
  room: usize,
): void {
  if (isFactor) codesTimes(source, runs, codes, table, scale, room);
  else codesOver(source, 16, runs, codes, table, scale, room);
}

/**
 * @param target 0: scales are the largest magnitudes, which numbers are divided by; else target over them, at most the largest number,
 *   which numbers are multiplied by
 * @param room of `ring + padded` bytes, and 16 for codes
 */
export function encodeBlocks(
  source: usize,
  packed: usize,
  count: i32,
  block: i32,
  table: usize,
  target: f32,
  room: usize,
): void {
  let scales = packed + count;
  for (let begin = 0; begin < count; begin += block) {
    const length = min(block, count - begin);
    const end = source + (<usize>length << 2);
    let largest = i32x4.splat(0);
    let at = source;
    for (; at + 16 <= end; at += 16) {
      const bits = magnitudesOf(v128.load(at));
      largest = i32x4.max_s(largest, v128.and(bits, i32x4.lt_s(bits, i32x4.splat(infinity))));
    }
    for (; at < end; at += 4) {
      const bits = magnitudesOf(v128.load32_splat(at));
      largest = i32x4.max_s(largest, v128.and(bits, i32x4.lt_s(bits, i32x4.splat(infinity))));
    }
    const top = reinterpret<f32>(largestLane(largest));
    const scale = target == 0 ? top : min<f32>(target / top, f32.MAX_VALUE);
    const rest = length & 15;
    codesOf(source, length >> 4, packed + begin, table, scale, target != 0, room);
    if (rest != 0) {
      const pad = room + ring;
      memory.copy(pad, end - (<usize>rest << 2), <usize>rest << 2);
      codesOf(pad, 1, pad + padded, table, scale, target != 0, room);
      memory.copy(packed + begin + length - rest, pad + padded, rest);
    }
    store<f32>(scales, scale);
    source = end;
    scales += 4;
  }
}

@inline
function imageOf(value: v128, scale: v128, isFactor: bool): v128 {
  return isFactor ? f32x4.div(value, scale) : f32x4.mul(value, scale);
}

/** @param isFactor whether values are divided by scales, as what they come from was multiplied by them */
export function decodeBlocks(
  packed: usize,
  destination: usize,
  count: i32,
  block: i32,
  table: usize,
  isFactor: bool,
): void {
  let scales = packed + count;
  for (let begin = 0; begin < count; begin += block) {
    const end = destination + (<usize>min(block, count - begin) << 2);
    const scale = v128.load32_splat(scales);
    let codes = packed + begin;
    for (; destination + 16 <= end; destination += 16, codes += 4)
      v128.store(destination, imageOf(valuesOf(table, codes), scale, isFactor));
    for (; destination < end; destination += 4, codes++)
      v128.store32_lane(destination, imageOf(valueOf(table, codes), scale, isFactor), 0);
    scales += 4;
  }
}

@inline
export function mixed(held: v128, keep: v128, given: v128, take: v128): v128 {
  return f32x4.add(f32x4.mul(held, keep), f32x4.mul(given, take));
}

/**
 * AdamW on runs of numbers, but for the codes of their moments.
 * @param end of the gradient
 * @param moments room for their numbers: of the first moment of four weights, then of the second
 * @param values of the first moment's codes, then of the second's
 * @param tops what is raised to the largest patterns of the first moment, the second one, which has no negative numbers, and what weights
 *   are to be; of the first and the last without the sign, shifted out
 */
function moved(
  gradient: usize,
  variable: usize,
  updated: usize,
  end: usize,
  codes1: usize,
  codes2: usize,
  scale1: v128,
  scale2: v128,
  moments: usize,
  values: usize,
  constants: usize,
  isAfter: bool,
  tops: usize,
): void {
  const keep1 = v128.load32_splat(constants);
  const take1 = v128.load32_splat(constants + 4);
  const keep2 = v128.load32_splat(constants + 8);
  const take2 = v128.load32_splat(constants + 12);
  const added = v128.load32_splat(constants + 16);
  const rate = v128.load32_splat(constants + 20);
  const left = v128.load32_splat(constants + 24);
  let top1 = v128.load(tops);
  let top2 = v128.load(tops + 16);
  let top = v128.load(tops + 32);
  for (; gradient < end; gradient += 16) {
    const g = v128.load(gradient);
    const m = mixed(f32x4.mul(valuesOf(values, codes1), scale1), keep1, g, take1);
    const v = mixed(f32x4.mul(valuesOf(values + 1024, codes2), scale2), keep2, f32x4.mul(g, g), take2);
    v128.store(moments, m);
    v128.store(moments, v, 16);
    top1 = i32x4.max_u(top1, i32x4.shl(m, 1));
    top2 = i32x4.max_u(top2, v);
    const step = f32x4.mul(f32x4.div(m, f32x4.add(f32x4.sqrt(v), added)), rate);
    let w = v128.load(variable);
    w = isAfter ? f32x4.mul(f32x4.sub(w, step), left) : f32x4.sub(f32x4.mul(w, left), step);
    top = i32x4.max_u(top, i32x4.shl(w, 1));
    v128.store(updated, w);
    variable += 16;
    updated += 16;
    codes1 += 4;
    codes2 += 4;
    moments += 32;
  }
  v128.store(tops, top1);
  v128.store(tops + 16, top2);
  v128.store(tops + 32, top);
}

/** Sixteen numbers of 4 bytes, the last of `count` as often as it takes. */
function padNumbers(source: usize, count: i32, pad: usize): void {
  for (let i = 0; i < 16; i++) store<u32>(pad + (i << 2), load<u32>(source + (min(i, count - 1) << 2)));
}

function padCodes(source: usize, count: i32, pad: usize): void {
  for (let i = 0; i < 16; i++) store<u8>(pad + i, load<u8>(source + min(i, count - 1)));
}

/**
 * Codes of a block's numbers.
 * @param step bytes from four numbers to the next four
 */
function codeBlock(
  source: usize,
  step: usize,
  length: i32,
  codes: usize,
  table: usize,
  scale: f32,
  room: usize,
): void {
  const full = length & ~15;
  codesOver(source, step, full >> 4, codes, table, scale, room);
  if (full == length) return;
  codesOver(source + (<usize>full >> 2) * step, step, 1, room + ring, table, scale, room);
  memory.copy(codes + full, room + ring, length - full);
}

/**
 * A step of AdamW. Each operation is rounded to binary32 once, in the order of the tensors'.
 * @param first packed codes of the first moment; `second`: likewise
 * @param next1 where the first moment's are written, which may be the same place; `next2`: likewise
 * @param tables of the first moment, then of the second
 * @param constants what is kept of the first moment, the gradient's part in it, both of the second one; what is added to its root; the
 *   rate; what is left of a weight that decays
 * @param isAfter whether it decays after its step
 * @param room of `ring` + 2352 bytes, and 128 for each run of a block
 * @returns 0 if a moment or a weight would not be a finite number: what is written is of no use then
 */
export function adamBlocks(
  gradient: usize,
  variable: usize,
  updated: usize,
  count: i32,
  block: i32,
  first: usize,
  second: usize,
  next1: usize,
  next2: usize,
  tables: usize,
  constants: usize,
  isAfter: bool,
  room: usize,
): i32 {
  const table1 = <usize>load<u32>(tables);
  const table2 = <usize>load<u32>(tables, 4);
  const pads = room + ring + 16;
  const tops = pads + 224;
  const values = tops + 48;
  const moments = values + 2048;
  memory.copy(values, table1, 1024);
  memory.copy(values + 1024, table2, 1024);
  v128.store(tops, i32x4.splat(0), 32);
  let scales: usize = count;
  for (let begin = 0; begin < count; begin += block) {
    const length = min(block, count - begin);
    const rest = length & 15;
    const size = <usize>(length - rest) << 2;
    const scale1 = v128.load32_splat(first + scales);
    const scale2 = v128.load32_splat(second + scales);
    const codes1 = first + begin;
    const codes2 = second + begin;
    v128.store(tops, i32x4.splat(0));
    v128.store(tops, i32x4.splat(0), 16);
    moved(
      gradient, variable, updated, gradient + size,
      codes1, codes2, scale1, scale2, moments, values, constants, isAfter, tops,
    );
    if (rest != 0) {
      const kept1 = pads + 192;
      const kept2 = pads + 208;
      padNumbers(gradient + size, rest, pads);
      padNumbers(variable + size, rest, pads + 64);
      padCodes(codes1 + length - rest, rest, kept1);
      padCodes(codes2 + length - rest, rest, kept2);
      moved(
        pads, pads + 64, pads + 128, pads + 64,
        kept1, kept2, scale1, scale2, moments + 2 * size, values, constants, isAfter, tops,
      );
      memory.copy(updated + size, pads + 128, rest << 2);
    }
    const top1 = largestLane(i32x4.shr_u(v128.load(tops), 1));
    const top2 = largestLane(magnitudesOf(v128.load(tops, 16)));
    if (max(top1, top2) >= infinity) return 0;
    store<i32>(next1 + scales, top1);
    store<i32>(next2 + scales, top2);
    codeBlock(moments, 32, length, next1 + begin, table1, reinterpret<f32>(top1), room);
    codeBlock(moments + 16, 32, length, next2 + begin, table2, reinterpret<f32>(top2), room);
    gradient += <usize>length << 2;
    variable += <usize>length << 2;
    updated += <usize>length << 2;
    scales += 4;
  }
  return <i32>(largestLane(i32x4.shr_u(v128.load(tops, 32), 1)) < infinity);
}
