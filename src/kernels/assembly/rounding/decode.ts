/**
 * Numbers of codes: float formats by moving their fields, integers and fixed point by conversion, both in lanes; posits by
 * their regime's run, lists by a table, both element by element, as lanes can neither shift by different amounts nor gather.
 * Counts are multiples of 16.
 */
import {
  codecFloat,
  fieldShiftSlot,
  fixedBelowCodeSlot,
  gridLeastSlot,
  gridMoveSlot,
  gridScaleSlot,
  gridSignedSlot,
  infinityCodeSlot,
  largestCodeSlot,
  magnitudeBitsSlot,
  paddingSlot,
  positBitsSlot,
  positEsSlot,
  quantumSlot,
  rebiasSlot,
  signBitSlot,
  signedZeroSlot,
  signMoveSlot,
  tableSlot,
} from '../../generated/layout-rounding';
import { exponentMask, signMask } from './round';

const unsignedUnit: f64 = 4503599627370496;

@inline
function decodeFloat<F, I>(code: v128, parameters: usize): v128 {
  const zero = v128.splat<I>(0);
  const magnitude = v128.and(code, v128.load_splat<I>(parameters, magnitudeBitsSlot));
  const signBit = v128.and(code, v128.load_splat<I>(parameters, signBitSlot));
  const negative = v128.shl<I>(signBit, load<i32>(parameters, signMoveSlot));
  const normal = v128.shl<I>(
    v128.add<I>(magnitude, v128.load_splat<I>(parameters, rebiasSlot)),
    load<i32>(parameters, fieldShiftSlot),
  );
  const units =
    sizeof<F>() == 8
      ? f64x2.sub(v128.or(magnitude, f64x2.splat(unsignedUnit)), f64x2.splat(unsignedUnit))
      : f32x4.convert_i32x4_s(magnitude);
  const fixed = v128.lt<I>(magnitude, v128.load_splat<I>(parameters, fixedBelowCodeSlot));
  let value = v128.bitselect(v128.mul<F>(units, v128.load_splat<F>(parameters, quantumSlot)), normal, fixed);
  const isInfinite = v128.eq<I>(magnitude, v128.load_splat<I>(parameters, infinityCodeSlot));
  value = v128.bitselect(exponentMask<F>(), value, isInfinite);
  const signedZero = v128.load_splat<I>(parameters, signedZeroSlot);
  const isBeyond = v128.andnot(
    v128.gt<I>(magnitude, v128.load_splat<I>(parameters, largestCodeSlot)),
    isInfinite,
  );
  const isPadded = v128.ne<I>(v128.and(code, v128.load_splat<I>(parameters, paddingSlot)), zero);
  const isMinusZero = v128.andnot(
    v128.and(v128.eq<I>(magnitude, zero), v128.ne<I>(signBit, zero)),
    signedZero,
  );
  const isSigned = v128.or(v128.ne<F>(value, zero), signedZero);
  value = v128.or(value, v128.and(negative, isSigned));
  // All ones is a NaN.
  return v128.or(value, v128.or(isBeyond, v128.or(isPadded, isMinusZero)));
}

/** At most 25 bits. */
@inline
function decodeGrid32(code: v128, parameters: usize): v128 {
  const move = load<i32>(parameters, gridMoveSlot);
  const raised = i32x4.shl(code, move);
  const integer = v128.bitselect(
    i32x4.shr_s(raised, move),
    code,
    v128.load32_splat(parameters, gridSignedSlot),
  );
  const value = f32x4.mul(f32x4.convert_i32x4_s(integer), v128.load32_splat(parameters, gridScaleSlot));
  return v128.or(value, f32x4.lt(value, v128.load32_splat(parameters, gridLeastSlot)));
}

/** At most 53 bits, in two halves. */
@inline
function decodeGrid64(code: v128, parameters: usize): v128 {
  const move = load<i32>(parameters, gridMoveSlot);
  const raised = i64x2.shl(code, move);
  const signed = v128.load64_splat(parameters, gridSignedSlot);
  const integer = v128.bitselect(i64x2.shr_s(raised, move), code, signed);
  const halves = v128.shuffle<i32>(integer, integer, 0, 2, 1, 3);
  const high = f64x2.convert_low_i32x4_s(v128.shuffle<i64>(halves, halves, 1, 0));
  const whole = f64x2.add(f64x2.mul(high, f64x2.splat(4294967296)), f64x2.convert_low_i32x4_u(halves));
  const value = f64x2.mul(whole, v128.load64_splat(parameters, gridScaleSlot));
  return v128.or(value, f64x2.lt(value, v128.load64_splat(parameters, gridLeastSlot)));
}

/** Four codes of 1, 2 or 4 bytes as 32-bit integers. */
@inline
function load4(codeShift: i32, from: usize): v128 {
  if (codeShift == 0) return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(from)));
  if (codeShift == 1) return i32x4.extend_low_i16x8_u(v128.load64_zero(from));
  return v128.load(from);
}

@inline
function two(codec: i32, code: v128, parameters: usize): v128 {
  return codec == codecFloat ? decodeFloat<f64, i64>(code, parameters) : decodeGrid64(code, parameters);
}

/** Codes of 2^codeShift bytes. Lanes: 0 to 2, as `scripts/kernels/rounding.js` says. */
@inline
export function decodeLanes(
  codec: i32,
  lanes: i32,
  codeShift: i32,
  source: usize,
  destination: usize,
  count: i32,
  parameters: usize,
): void {
  const stop = source + (<usize>count << codeShift);
  let to = destination;
  for (let from = source; from < stop; from += <usize>4 << codeShift) {
    if (lanes == 0) {
      const code = load4(codeShift, from);
      const value =
        codec == codecFloat ? decodeFloat<f32, i32>(code, parameters) : decodeGrid32(code, parameters);
      v128.store(to, value);
      to += 16;
      continue;
    }
    let low: v128;
    let high: v128;
    if (codeShift == 3) {
      low = v128.load(from);
      high = v128.load(from, 16);
    } else {
      const code = load4(codeShift, from);
      low = i64x2.extend_low_i32x4_u(code);
      high = i64x2.extend_high_i32x4_u(code);
    }
    const first = two(codec, low, parameters);
    const second = two(codec, high, parameters);
    if (lanes == 1) {
      const narrowed = f32x4.demote_f64x2_zero(second);
      v128.store(to, v128.shuffle<i64>(f32x4.demote_f64x2_zero(first), narrowed, 0, 2));
      to += 16;
    } else {
      v128.store(to, first);
      v128.store(to, second, 16);
      to += 32;
    }
  }
}

@inline
function loadCode(codeShift: i32, source: usize, i: i32): u32 {
  if (codeShift == 0) return load<u8>(source + <usize>i);
  if (codeShift == 1) return load<u16>(source + (<usize>i << 1));
  return load<u32>(source + (<usize>i << 2));
}

/** The number of a posit of `bits` bits, 2 to 32. */
@inline
function positOf(code: u32, bits: i32, es: i32): f64 {
  // The sign at the top, then negative codes negated: what follows it is that of the magnitude.
  const aligned = code << (32 - bits);
  const magnitude = select(0 - aligned, aligned, <i32>aligned < 0) << 1;
  const isLarge = <i32>magnitude < 0;
  const run = <i32>clz(select(~magnitude, magnitude, isLarge));
  const regime = select(run - 1, 0 - run, isLarge);
  const tail = ((<u64>magnitude) << 32) << <u64>(run + 1);
  // In two steps, as es may be 0.
  const exponent = <i64>((tail >> 1) >> <u64>(63 - es)) + (<i64>regime << <i64>es);
  const fraction = (tail << <u64>es) >> 12;
  const value = reinterpret<f64>((<u64>(exponent + 1023) << 52) | fraction);
  const isSpecial = magnitude == 0;
  return select(
    select<f64>(f64.NaN, 0, <i32>aligned < 0),
    select(-value, value, <i32>aligned < 0),
    isSpecial,
  );
}

@inline
export function decodePosits<F>(
  codeShift: i32,
  source: usize,
  destination: usize,
  count: i32,
  parameters: usize,
): void {
  const bits = load<i32>(parameters, positBitsSlot);
  const es = load<i32>(parameters, positEsSlot);
  for (let i = 0; i < count; i++) {
    const value = positOf(loadCode(codeShift, source, i), bits, es);
    store<F>(destination + <usize>i * sizeof<F>(), <F>value);
  }
}

@inline
export function decodeTable<F>(
  codeShift: i32,
  source: usize,
  destination: usize,
  count: i32,
  parameters: usize,
): void {
  const table = <usize>load<u32>(parameters, tableSlot);
  for (let i = 0; i < count; i++) {
    const code = loadCode(codeShift, source, i);
    store<F>(destination + <usize>i * sizeof<F>(), load<F>(table + <usize>code * sizeof<F>()));
  }
}

/** All codes ored together: has a bit that no code of the format has, where one of them is out of range. */
export function codeBits(source: usize, bytes: usize, codeShift: i32): u64 {
  let all = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) all = v128.or(all, v128.load(source + i));
  let bits = <u64>i64x2.extract_lane(all, 0) | <u64>i64x2.extract_lane(all, 1);
  if (codeShift < 3) bits = (bits | (bits >> 32)) & 0xffffffff;
  if (codeShift < 2) bits = (bits | (bits >> 16)) & 0xffff;
  if (codeShift < 1) bits = (bits | (bits >> 8)) & 0xff;
  return bits;
}
