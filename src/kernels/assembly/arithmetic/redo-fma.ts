/**
 * Which fused multiply-adds of `fused-fma.ts` are wrong, and these once more, by an intermediate rounded to odd.
 */
import {
  formGuarded,
  formOdd,
  fusedClampSlot,
  fusedExponentsSlot,
  fusedFloorSlot,
  fusedHalfSlot,
  fusedLowestSlot,
  fusedMagnitudesSlot,
  fusedMaximumSlot,
  fusedRestSlot,
  fusedShiftSlot,
  fusedTopSlot,
  operationFma,
} from '../../arithmetic/parameters';
import { errorOfSum } from './error-free';
import { inRange, nearestPattern, nearestUnits } from './fused';
import { operateLanes } from './intermediate';

/** The fused multiply-adds of the vector `i` bytes from each pointer, by an intermediate rounded to odd. */
function redoPattern(clamped: bool, a: usize, b: usize, c: usize, to: usize, i: usize, block: usize): void {
  const none = i32x4.splat(0);
  const x = v128.load(a + i);
  const y = v128.load(b + i);
  const z = v128.load(c + i);
  const value = operateLanes<f32, i32>(operationFma, formGuarded, x, y, z, none, none, none, none);
  const rounded = nearestPattern(
    clamped,
    value,
    v128.and(value, v128.load32_splat(block, fusedMagnitudesSlot)),
    v128.load32_splat(block, fusedExponentsSlot),
    v128.load32_splat(block, fusedClampSlot),
    v128.load32_splat(block, fusedRestSlot),
    v128.load32_splat(block, fusedHalfSlot),
    v128.load32_splat(block, fusedLowestSlot),
  );
  v128.store(to + i, rounded);
}

/** The same by a magic number. */
function redoMagic(clamped: bool, a: usize, b: usize, c: usize, to: usize, i: usize, block: usize): void {
  const none = i32x4.splat(0);
  const x = v128.load(a + i);
  const y = v128.load(b + i);
  const z = v128.load(c + i);
  const value = operateLanes<f32, i32>(operationFma, formOdd, x, y, z, none, none, none, none);
  const magnitude = v128.and(value, v128.load32_splat(block, fusedMagnitudesSlot));
  const binade = v128.and(
    f32x4.pmax(magnitude, v128.load32_splat(block, fusedFloorSlot)),
    v128.load32_splat(block, fusedExponentsSlot),
  );
  const units = nearestUnits(magnitude, i32x4.add(binade, v128.load32_splat(block, fusedShiftSlot)));
  const maximum = v128.load32_splat(block, fusedMaximumSlot);
  const top = v128.load32_splat(block, fusedTopSlot);
  v128.store(to + i, inRange(clamped, units, value, magnitude, maximum, top));
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
 * Does the vectors anew of which a lane that is listed is wrong: the list has a bit a lane, a byte for two vectors or, where S is
 * One, for each.
 */
export function redoListed<P, S>(
  clamped: bool,
  list: usize,
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  block: usize,
): void {
  const shift: usize = offsetof<S>() != 0 ? 4 : 5;
  // A last vector without a second one has a byte too.
  const count = (bytes + (<usize>1 << shift) - 16) >> shift;
  store<u64>(list + count, 0);
  for (let eight: usize = 0; eight < count; eight += 8) {
    if (load<u64>(list + eight) == 0) continue;
    for (let entry = eight; entry < eight + 8; entry++) {
      let listed = <i32>load<u8>(list + entry);
      for (let i = entry << shift; listed != 0; i += 16, listed >>= 4) {
        if ((listed & doubtfulLanes(v128.load(a + i), v128.load(b + i), v128.load(c + i))) == 0) continue;
        if (offsetof<P>() != 0) redoPattern(clamped, a, b, c, to, i, block);
        else redoMagic(clamped, a, b, c, to, i, block);
      }
    }
  }
}
