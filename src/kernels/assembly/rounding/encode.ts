/**
 * Codes of numbers that are in the format already: float formats by moving their fields, integers and fixed point through
 * the lanes' own integers, posits with a table of binades, lists by a search, which can round too. A NaN has a code of its own, given by the
 * caller. Counts are multiples of 16.
 */
import {
  binadeShift,
  clampSlot,
  codecFloat,
  codecGrid,
  codeMaskSlot,
  fieldShiftSlot,
  firstBinadeSlot,
  fixedBelowSlot,
  gridScaleSlot,
  infinityCodeSlot,
  lastSlot,
  leastSlot,
  nanCodeSlot,
  rebiasSlot,
  searchedSlot,
  signBitSlot,
  subnormalMagicSlot,
  tableSlot,
  valuesSlot,
} from '../../generated/layout-rounding';
import { searchList } from './list';
import { exponentMask, signMask } from './round';

/** 2^52 and 2^52 + 2^51, whose low bits hold an unsigned and a signed integer that is added. */
const unsignedUnit: f64 = 4503599627370496;
const signedUnit: f64 = 6755399441055744;

@inline
function encodeFloat<F, I>(value: v128, parameters: usize): v128 {
  const magnitude = v128.andnot(value, signMask<F>());
  const shift = load<i32>(parameters, fieldShiftSlot);
  const field = sizeof<F>() == 8 ? i64x2.shr_u(magnitude, shift) : i32x4.shr_u(magnitude, shift);
  const normal = v128.sub<I>(field, v128.load_splat<I>(parameters, rebiasSlot));
  const magic = v128.load_splat<F>(parameters, subnormalMagicSlot);
  const quanta = v128.sub<I>(v128.add<F>(magnitude, magic), magic);
  const fixed = v128.lt<F>(magnitude, v128.load_splat<F>(parameters, fixedBelowSlot));
  const finite = v128.bitselect(quanta, normal, fixed);
  const infinity = v128.load_splat<I>(parameters, infinityCodeSlot);
  const code = v128.bitselect(infinity, finite, v128.eq<I>(magnitude, exponentMask<F>()));
  const negative = v128.lt<I>(value, v128.splat<I>(0));
  return v128.or(code, v128.and(negative, v128.load_splat<I>(parameters, signBitSlot)));
}

/** At most 24 bits. */
@inline
function encodeGrid32(value: v128, parameters: usize): v128 {
  const steps = f32x4.mul(value, v128.load32_splat(parameters, gridScaleSlot));
  return v128.and(i32x4.trunc_sat_f32x4_s(steps), v128.load32_splat(parameters, codeMaskSlot));
}

/** At most 53 bits, in two halves. */
@inline
function encodeGrid64(value: v128, parameters: usize): v128 {
  const steps = f64x2.mul(value, v128.load64_splat(parameters, gridScaleSlot));
  const high = f64x2.floor(f64x2.mul(steps, f64x2.splat(2.3283064365386963e-10)));
  const low = f64x2.sub(steps, f64x2.mul(high, f64x2.splat(4294967296)));
  const highBits = f64x2.add(high, f64x2.splat(signedUnit));
  const lowBits = v128.xor(f64x2.add(low, f64x2.splat(unsignedUnit)), f64x2.splat(unsignedUnit));
  const code = i64x2.add(i64x2.shl(highBits, 32), lowBits);
  return v128.and(code, v128.load64_splat(parameters, codeMaskSlot));
}

@inline
function encodePosit(value: v128, parameters: usize): v128 {
  const magnitude = v128.andnot(value, signMask<f64>());
  const raised = f64x2.pmax(v128.load64_splat(parameters, leastSlot), magnitude);
  const clamped = f64x2.pmin(v128.load64_splat(parameters, clampSlot), raised);
  const table = <usize>load<u32>(parameters, tableSlot);
  const first = <i64>load<i32>(parameters, firstBinadeSlot);
  const index0 = (i64x2.extract_lane(clamped, 0) >> 52) - first;
  const index1 = (i64x2.extract_lane(clamped, 1) >> 52) - first;
  const binade0 = v128.load(table + (<usize>index0 << (binadeShift - 1)));
  const binade1 = v128.load(table + (<usize>index1 << (binadeShift - 1)));
  const magic = v128.shuffle<i64>(binade0, binade1, 0, 2);
  const positive = i64x2.add(f64x2.add(clamped, magic), v128.shuffle<i64>(binade0, binade1, 1, 3));
  const negative = f64x2.lt(value, f64x2.splat(0));
  const code = i64x2.sub(v128.xor(positive, negative), negative);
  const nonZero = f64x2.ne(value, f64x2.splat(0));
  return v128.and(v128.and(code, nonZero), v128.load64_splat(parameters, codeMaskSlot));
}

/** Codes of two numbers of binary64. */
@inline
function pair(codec: i32, value: v128, parameters: usize): v128 {
  const code =
    codec == codecFloat
      ? encodeFloat<f64, i64>(value, parameters)
      : codec == codecGrid
        ? encodeGrid64(value, parameters)
        : encodePosit(value, parameters);
  return v128.bitselect(code, v128.load64_splat(parameters, nanCodeSlot), f64x2.eq(value, value));
}

/** Codes of four numbers, which lie at `from`, as 32-bit integers. Lanes: 0 to 2, as `scripts/kernels/rounding.js` says. */
@inline
function four(codec: i32, lanes: i32, from: usize, parameters: usize): v128 {
  const value = v128.load(from);
  if (lanes == 0) {
    const code =
      codec == codecFloat ? encodeFloat<f32, i32>(value, parameters) : encodeGrid32(value, parameters);
    return v128.bitselect(code, v128.load32_splat(parameters, nanCodeSlot), f32x4.eq(value, value));
  }
  const high = v128.shuffle<i64>(value, value, 1, 0);
  const first = lanes == 1 ? f64x2.promote_low_f32x4(value) : value;
  const second = lanes == 1 ? f64x2.promote_low_f32x4(high) : v128.load(from, 16);
  return v128.shuffle<i32>(pair(codec, first, parameters), pair(codec, second, parameters), 0, 2, 4, 6);
}

/** Codes of 2^codeShift bytes. */
@inline
export function encodeLanes(
  codec: i32,
  lanes: i32,
  codeShift: i32,
  source: usize,
  destination: usize,
  count: i32,
  parameters: usize,
): void {
  const stride: usize = lanes == 2 ? 32 : 16;
  const stop = destination + (<usize>count << codeShift);
  let from = source;
  let to = destination;
  if (codeShift == 3) {
    if (lanes != 0)
      for (; to < stop; to += 32) {
        const value = v128.load(from);
        const high = v128.shuffle<i64>(value, value, 1, 0);
        const first = lanes == 1 ? f64x2.promote_low_f32x4(value) : value;
        const second = lanes == 1 ? f64x2.promote_low_f32x4(high) : v128.load(from, 16);
        v128.store(to, pair(codec, first, parameters));
        v128.store(to, pair(codec, second, parameters), 16);
        from += stride;
      }
    return;
  }
  const step = <usize>16 << codeShift;
  for (; to < stop; to += step) {
    const code0 = four(codec, lanes, from, parameters);
    const code1 = four(codec, lanes, from + stride, parameters);
    const code2 = four(codec, lanes, from + 2 * stride, parameters);
    const code3 = four(codec, lanes, from + 3 * stride, parameters);
    from += 4 * stride;
    if (codeShift == 2) {
      v128.store(to, code0);
      v128.store(to, code1, 16);
      v128.store(to, code2, 32);
      v128.store(to, code3, 48);
      continue;
    }
    const low = i16x8.narrow_i32x4_u(code0, code1);
    const high = i16x8.narrow_i32x4_u(code2, code3);
    if (codeShift == 1) {
      v128.store(to, low);
      v128.store(to, high, 16);
    } else v128.store(to, i8x16.narrow_i16x8_u(low, high));
  }
}

/** Lists: `lastSlot` is 1 where values are searched, and 0 where numbers not yet rounded are looked for among thresholds. */
@inline
export function encodeList<F>(
  codeShift: i32,
  source: usize,
  destination: usize,
  count: i32,
  parameters: usize,
): void {
  const table = <usize>load<u32>(parameters, tableSlot);
  const searched = table + load<u32>(parameters, searchedSlot);
  const codes = table + load<u32>(parameters, valuesSlot);
  const nanCode = load<i32>(parameters, nanCodeSlot);
  const skipped = load<i32>(parameters, lastSlot);
  for (let i = 0; i < count; i++) {
    const x = <f64>load<F>(source + <usize>i * sizeof<F>());
    const index = max(searchList(x, table, searched, parameters) - skipped, 0);
    const code = select(<i32>load<u16>(codes + (<usize>index << 1)), nanCode, x == x);
    if (codeShift == 0) store<u8>(destination + <usize>i, <u8>code);
    else store<u16>(destination + (<usize>i << 1), <u16>code);
  }
}

/** Whether there is a NaN among numbers that fill whole vectors. */
export function hasNaN(elementShift: i32, source: usize, bytes: usize): bool {
  let found = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const value = v128.load(source + i);
    found = v128.or(found, elementShift == 3 ? f64x2.ne(value, value) : f32x4.ne(value, value));
  }
  return v128.any_true(found);
}
