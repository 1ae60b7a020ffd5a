/**
 * 8-bit codes of a table in blocks, a binary32 scale for each block: the twin of `src/train/optimizers/block-codes.ts` and of quantisers
 * whose scales come from largest magnitudes. What is packed are `count` codes, then the scales, at any address.
 *
 * A table begins with the values of its 256 codes. At byte 1024 is what turns the lower half of the pattern of a negative number: all
 * ones, or 0 where the codes of negative numbers rise with their magnitudes. From byte 1040 on it has, by the upper half of the pattern
 * of a number in units of its scale, 65536 times the code of the number of that half that has the least one, plus what the lower half, turned,
 * has to reach for the next code: a gather, an addition and a shift give a code. What is no finite number has the code of 0.
 */

const infinity: i32 = 0x7f800000;
const magnitude: i32 = 0x7fffffff;
const turns: usize = 1024;
const changes: usize = 1040;

/** What lies at four addresses. */
@inline
function gathered(addresses: v128): v128 {
  let x = v128.load32_zero(<usize>i32x4.extract_lane(addresses, 0));
  x = v128.load32_lane(<usize>i32x4.extract_lane(addresses, 1), x, 1);
  x = v128.load32_lane(<usize>i32x4.extract_lane(addresses, 2), x, 2);
  return v128.load32_lane(<usize>i32x4.extract_lane(addresses, 3), x, 3);
}

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

/** Numbers in units of their scale; those that are divided by it have no sign where they are 0. */
@inline
function unitsOf(x: v128, scale: v128, isFactor: bool): v128 {
  return isFactor ? f32x4.mul(x, scale) : f32x4.div(f32x4.add(x, f32x4.splat(0)), scale);
}

/** Codes of four numbers in units of their scale. */
@inline
function fourCodes(units: v128, places: v128, turned: v128): v128 {
  const upper = v128.and(i32x4.shr_u(units, 14), i32x4.splat(0x3fffc));
  const lower = v128.xor(v128.and(units, i32x4.splat(0xffff)), v128.and(i32x4.shr_s(units, 31), turned));
  const code = i32x4.shr_u(i32x4.add(gathered(i32x4.add(upper, places)), lower), 16);
  return v128.and(code, i32x4.splat(0xff));
}

/** Codes of a block's numbers. */
@inline
function toCodes(source: usize, end: usize, codes: usize, table: usize, scale: f32, isFactor: bool): void {
  const places = i32x4.splat(<i32>(table + changes));
  const turned = v128.load32_splat(table + turns);
  const scales = f32x4.splat(scale);
  for (; source + 64 <= end; source += 64, codes += 16) {
    const first = i16x8.narrow_i32x4_s(
      fourCodes(unitsOf(v128.load(source), scales, isFactor), places, turned),
      fourCodes(unitsOf(v128.load(source, 16), scales, isFactor), places, turned),
    );
    const second = i16x8.narrow_i32x4_s(
      fourCodes(unitsOf(v128.load(source, 32), scales, isFactor), places, turned),
      fourCodes(unitsOf(v128.load(source, 48), scales, isFactor), places, turned),
    );
    v128.store(codes, i8x16.narrow_i16x8_u(first, second));
  }
  for (; source < end; source += 4, codes++) {
    const units = unitsOf(v128.load32_splat(source), scales, isFactor);
    store<u8>(codes, i32x4.extract_lane(fourCodes(units, places, turned), 0));
  }
}

/** Of numbers over their scale. */
function codesOver(source: usize, end: usize, codes: usize, table: usize, scale: f32): void {
  // Of a block of zeros any scale does.
  toCodes(source, end, codes, table, scale == 0 ? 1 : scale, false);
}

function codesTimes(source: usize, end: usize, codes: usize, table: usize, scale: f32): void {
  toCodes(source, end, codes, table, scale, true);
}

/**
 * @param target 0: scales are the largest magnitudes, which numbers are divided by; else target over them, at most the largest number,
 *   which numbers are multiplied by
 */
export function encodeBlocks(
  source: usize,
  packed: usize,
  count: i32,
  block: i32,
  table: usize,
  target: f32,
): void {
  let scales = packed + count;
  for (let begin = 0; begin < count; begin += block) {
    const end = source + (<usize>min(block, count - begin) << 2);
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
    if (target == 0) codesOver(source, end, packed + begin, table, scale);
    else codesTimes(source, end, packed + begin, table, scale);
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
 * A step of AdamW. Each operation is rounded to binary32 once, in the order of the tensors'.
 * @param first packed codes of the first moment, which are replaced; `second`: likewise
 * @param tables of the first moment, then of the second
 * @param constants what is kept of the first moment, the gradient's part in it, both of the second one; what is added to its root; the
 *   rate; what is left of a weight that decays
 * @param isAfter whether it decays after its step
 * @param room for the numbers of two blocks
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
  tables: usize,
  constants: usize,
  isAfter: i32,
  room: usize,
): i32 {
  const table1 = <usize>load<u32>(tables);
  const table2 = <usize>load<u32>(tables, 4);
  const keep1 = v128.load32_splat(constants);
  const take1 = v128.load32_splat(constants, 4);
  const keep2 = v128.load32_splat(constants, 8);
  const take2 = v128.load32_splat(constants, 12);
  const added = v128.load32_splat(constants, 16);
  const rate = v128.load32_splat(constants, 20);
  const left = v128.load32_splat(constants, 24);
  let scales1 = first + count;
  let scales2 = second + count;
  let largest = i32x4.splat(0);
  for (let begin = 0; begin < count; begin += block) {
    const size = <usize>min(block, count - begin) << 2;
    const room2 = room + size;
    const scale1 = v128.load32_splat(scales1);
    const scale2 = v128.load32_splat(scales2);
    const codes1 = first + begin;
    const codes2 = second + begin;
    let largest1 = i32x4.splat(0);
    let largest2 = i32x4.splat(0);
    // The last numbers are done one by one, in all lanes.
    for (let i: usize = 0, lanes: usize = 16; i < size; i += lanes) {
      let g: v128, w: v128, m: v128, v: v128;
      if (i + 16 <= size) {
        g = v128.load(gradient + i);
        w = v128.load(variable + i);
        m = valuesOf(table1, codes1 + (i >> 2));
        v = valuesOf(table2, codes2 + (i >> 2));
      } else {
        lanes = 4;
        g = v128.load32_splat(gradient + i);
        w = v128.load32_splat(variable + i);
        m = valueOf(table1, codes1 + (i >> 2));
        v = valueOf(table2, codes2 + (i >> 2));
      }
      m = mixed(f32x4.mul(m, scale1), keep1, g, take1);
      v = mixed(f32x4.mul(v, scale2), keep2, f32x4.mul(g, g), take2);
      largest1 = i32x4.max_s(largest1, magnitudesOf(m));
      largest2 = i32x4.max_s(largest2, magnitudesOf(v));
      const step = f32x4.mul(f32x4.div(m, f32x4.add(f32x4.sqrt(v), added)), rate);
      w = isAfter ? f32x4.mul(f32x4.sub(w, step), left) : f32x4.sub(f32x4.mul(w, left), step);
      largest = i32x4.max_s(largest, magnitudesOf(w));
      if (lanes == 16) {
        v128.store(room + i, m);
        v128.store(room2 + i, v);
        v128.store(updated + i, w);
      } else {
        v128.store32_lane(room + i, m, 0);
        v128.store32_lane(room2 + i, v, 0);
        v128.store32_lane(updated + i, w, 0);
      }
    }
    const top1 = largestLane(largest1);
    const top2 = largestLane(largest2);
    if (max(top1, top2) >= infinity) return 0;
    store<i32>(scales1, top1);
    store<i32>(scales2, top2);
    codesOver(room, room + size, codes1, table1, reinterpret<f32>(top1));
    codesOver(room2, room2 + size, codes2, table2, reinterpret<f32>(top2));
    gradient += size;
    variable += size;
    updated += size;
    scales1 += 4;
    scales2 += 4;
  }
  return <i32>(largestLane(largest) < infinity);
}
