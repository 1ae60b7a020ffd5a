/**
 * What is done to sums one by one: adding chunks' sums up, and rounding what an accumulator holds to the result's format.
 * Each output draws at most one random integer here.
 */
import { kindEqual, kindStochastic } from '../../generated/layout-rounding';
import {
  drawBitsSlot,
  drawStrideSlot,
  flipSlot,
  indexSlot,
  parametersSlot,
  randomBitsSlot,
  seedSlot,
  sumSlot,
  sumStreamSlot,
  sumSuppliedSlot,
} from '../../generated/layout-products';
import { roundTo, sumFor } from './general';

const multiplier0: u64 = 0xd2511f53;
const multiplier1: u64 = 0xcd9e8d57;
const weyl0: u32 = 0x9e3779b9;
const weyl1: u32 = 0xbb67ae85;

/** The draw of one index: supplied, or of Philox4x32-10, as in `src/rounding/philox.ts`, a single block. */
function drawOne(block: usize, index: u64): i32 {
  const supplied = <usize>load<u32>(block, sumSuppliedSlot);
  if (supplied != 0) return load<i32>(supplied + <usize>(index << 2));
  const drawBits = load<i32>(block, drawBitsSlot);
  const shift: u64 = drawBits == 8 ? 4 : drawBits == 16 ? 3 : 2;
  const counter = index >> shift;
  const stream = load<u64>(block, sumStreamSlot);
  const seed = load<u64>(block, seedSlot);
  let x0 = <u32>counter;
  let x1 = <u32>(counter >> 32);
  let x2 = <u32>stream;
  let x3 = <u32>(stream >> 32);
  let key0 = <u32>seed;
  let key1 = <u32>(seed >> 32);
  for (let round = 0; round < 10; round++) {
    const product0 = multiplier0 * <u64>x0;
    const product1 = multiplier1 * <u64>x2;
    x0 = <u32>(product1 >> 32) ^ x1 ^ key0;
    x1 = <u32>product1;
    x2 = <u32>(product0 >> 32) ^ x3 ^ key1;
    x3 = <u32>product0;
    key0 += weyl0;
    key1 += weyl1;
  }
  const place = (<u32>index & ((1 << <u32>shift) - 1)) * <u32>drawBits;
  const word = place < 32 ? x0 : place < 64 ? x1 : place < 96 ? x2 : x3;
  const slice = (word >> (place & 31)) << (32 - drawBits);
  return <i32>(slice >> (32 - load<u32>(block, randomBitsSlot)));
}

@inline
function drawPair(kind: i32, block: usize, output: i32): v128 {
  if (kind != kindStochastic && kind != kindEqual) return i32x4.splat(0);
  const stride = <u64>load<u32>(block, drawStrideSlot);
  const index = load<u64>(block, indexSlot) + <u64>output * stride;
  return i32x4.replace_lane(i32x4.splat(drawOne(block, index)), 1, drawOne(block, index + stride));
}

@inline
function loadTwo(source: usize, shift: i32, index: i32): v128 {
  if (shift == 3) return v128.load(source + (<usize>index << 3));
  return f64x2.promote_low_f32x4(v128.load64_zero(source + (<usize>index << 2)));
}

/**
 * Rounds `count` numbers, or sums of two, and stores them. Sources have room for an even number of
 * elements, of 2^shift bytes, those of the destination are of 2^outShift; it may be a source. Unrounded, it is a mere conversion.
 */
@inline
export function finishBy(
  kind: i32,
  isExact: bool,
  block: usize,
  source: usize,
  addend: usize,
  shift: i32,
  destination: usize,
  outShift: i32,
  count: i32,
): void {
  const parameters = <usize>load<u32>(block, parametersSlot);
  const sums = load<i32>(block, sumSlot);
  const flip = v128.load64_splat(block, flipSlot);
  for (let i = 0; i < count; i += 2) {
    let value = loadTwo(source, shift, i);
    if (addend != 0) value = sumFor(sums, flip, value, loadTwo(addend, shift, i));
    value = roundTo(kind, isExact, value, drawPair(kind, block, i), parameters);
    const narrow = f32x4.demote_f64x2_zero(value);
    const isWhole = i + 1 < count;
    if (outShift == 3) {
      const to = destination + (<usize>i << 3);
      if (isWhole) v128.store(to, value);
      else v128.store_lane<u64>(to, value, 0);
    } else {
      const to = destination + (<usize>i << 2);
      if (isWhole) v128.store_lane<u64>(to, narrow, 0);
      else v128.store_lane<u32>(to, narrow, 0);
    }
  }
}
