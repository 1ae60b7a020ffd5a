/** Which fused multiply-adds of a loop to nearest even are wrong, and these once more, by an intermediate rounded to odd. */
import {
  formGuarded,
  formOdd,
  magnitudesSlot,
  maximumSlot,
  nearestClampSlot,
  nearestExponentsSlot,
  nearestFloorSlot,
  nearestHalfSlot,
  nearestLowestSlot,
  nearestShiftSlot,
  nearestTopSlot,
  operationFma,
  restSlot,
} from '../../generated/layout-arithmetic';
import { errorOfSum } from './error-free';
import { operateLanes } from './intermediate';
import { nearestMagic, nearestPattern } from './nearest-checked';

/** Rounded on the bit pattern, for formats with the exponents of binary32. */
function patternOf(clamped: bool, x: v128, y: v128, z: v128, block: usize): v128 {
  const none = i32x4.splat(0);
  const value = operateLanes<f32, i32>(operationFma, formGuarded, x, y, z, none, none, none, none);
  return nearestPattern(
    clamped,
    value,
    v128.and(value, v128.load32_splat(block, magnitudesSlot)),
    v128.load32_splat(block, nearestExponentsSlot),
    v128.load32_splat(block, nearestClampSlot),
    v128.load32_splat(block, restSlot),
    v128.load32_splat(block, nearestHalfSlot),
    v128.load32_splat(block, nearestLowestSlot),
  );
}

/** Rounded by a magic number, for narrower ones. */
function magicOf(clamped: bool, x: v128, y: v128, z: v128, block: usize): v128 {
  const none = i32x4.splat(0);
  const value = operateLanes<f32, i32>(operationFma, formOdd, x, y, z, none, none, none, none);
  return nearestMagic(
    clamped,
    value,
    v128.and(value, v128.load32_splat(block, magnitudesSlot)),
    v128.load32_splat(block, nearestExponentsSlot),
    v128.load32_splat(block, nearestFloorSlot),
    v128.load32_splat(block, nearestShiftSlot),
    v128.load32_splat(block, maximumSlot),
    v128.load32_splat(block, nearestTopSlot),
  );
}

/**
 * Which lanes of a vector are not what the exact result gives: bit by bit, those whose sum is inexact, an infinity or NaN, or
 * that has lost the sign of a product which has become 0.
 */
@inline
function doubtfulLanes(x: v128, y: v128, z: v128): i32 {
  const zero = f32x4.splat(0);
  const product = f32x4.mul(x, y);
  const sum = f32x4.add(product, z);
  const isInexact = f32x4.ne(errorOfSum<f32>(product, z, sum), zero);
  const isLost = v128.and(f32x4.eq(product, zero), v128.and(f32x4.ne(x, zero), f32x4.ne(y, zero)));
  return i32x4.bitmask(v128.or(isInexact, isLost));
}

/**
 * Does the vectors anew of which a lane that is listed is wrong: the list has a bit a lane, and a byte for one vector or two, as
 * `vectors` says.
 */
export function redoListed(
  pattern: bool,
  clamped: bool,
  vectors: i32,
  list: usize,
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  block: usize,
): void {
  const shift: usize = vectors == 2 ? 5 : 4;
  // A last vector without a second one has a byte too.
  const count = (bytes + (<usize>1 << shift) - 16) >> shift;
  store<u64>(list + count, 0);
  for (let eight: usize = 0; eight < count; eight += 8) {
    if (load<u64>(list + eight) == 0) continue;
    for (let entry = eight; entry < eight + 8; entry++) {
      let listed = <i32>load<u8>(list + entry);
      for (let i = entry << shift; listed != 0; i += 16, listed >>= 4) {
        const x = v128.load(a + i);
        const y = v128.load(b + i);
        const z = v128.load(c + i);
        if ((listed & doubtfulLanes(x, y, z)) == 0) continue;
        v128.store(to + i, pattern ? patternOf(clamped, x, y, z, block) : magicOf(clamped, x, y, z, block));
      }
    }
  }
}
